"""Answers as they were written to a file: the points and the provenance, out of JSON, columns, Arrow or Parquet.

A column of a table is an answer of its own.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tseng.errors import InvalidRequest
from tseng.series import Block, with_breaks

_PARQUET, _ARROW = b"PAR1", b"\xff\xff\xff\xff"


@dataclass(frozen=True)
class Answer:
    """One answer: its points, int64 us and float64 with a row of NaN at each gap, and how they came to be.

    A column of a table has a row for each time of the table, NaN where it has no value.

    `provenance` is None where the answer carries none.
    """

    points: Block
    provenance: Mapping[str, Any] | None


def answers(path: Path) -> list[Answer]:
    """The answers in a file; several where it answers `{"requests": […]}`.

    Raises:
        OSError: the file cannot be read.
        InvalidRequest: it holds no answer.
    """
    content = path.read_bytes()
    try:
        if content.startswith((_PARQUET, _ARROW)):
            return _of_table(_table(content))
        return [_of_json(each) for each in _unwrapped(json.loads(content, parse_int=_number))]
    except (ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InvalidRequest.at(str(path), f"holds no answer in JSON, columns, Arrow or Parquet: {why}") from None


def _number(text: str) -> int | float:
    # A zero keeps its sign: as a whole number it would lose it.
    return -0.0 if text == "-0" else int(text)


def _table(content: bytes) -> pa.Table:
    if content.startswith(_PARQUET):
        import pyarrow.parquet as pq

        return pq.read_table(pa.BufferReader(content))
    return pa.ipc.open_stream(content).read_all()


def _of_table(table: pa.Table) -> list[Answer]:
    """The one series, whose ids are those of the schema, or each column of a table, with the ids in its field."""
    time = table["time"].cast(pa.int64()).to_numpy()
    if table.schema.metadata and b"sensor" in table.schema.metadata:
        return [Answer((time, table["value"].to_numpy()), _told(table.schema.metadata))]
    fields = [field for field in table.schema if field.name != "time"]
    return [Answer((time, table[field.name].to_numpy()), _told(field.metadata or {})) for field in fields]


def _told(metadata: Mapping[bytes, bytes]) -> Any:
    return json.loads(metadata.get(b"provenance", b"null"))


def _unwrapped(answer: Any) -> Iterator[Any]:
    """The answers inside one of JSON-RPC, inside one to many requests (refused ones have none), or inside a table."""
    if "result" in answer:
        yield from _unwrapped(answer["result"])
    elif "results" in answer:
        yield from (each for each in answer["results"] if "error" not in each)
    elif "columns" in answer:
        yield from ({**each, "time": answer["time"], "value": each["values"]} for each in answer["columns"])
    else:
        yield answer


def _of_json(answer: Mapping[str, Any]) -> Answer:
    if "data" in answer:
        time = _instants(answer["data"])
        value = np.array(list(answer["data"].values()), np.float64)
    else:
        # Milliseconds with up to three decimals: exact enough in float64 for the years that readings are of.
        time = np.round(np.array(answer["time"], np.float64) * 1000).astype(np.int64)
        value = np.array(answer["value"], np.float64)
    gaps = _instants(text for pair in answer.get("gaps", []) for text in pair)
    return Answer(with_breaks((time, value), gaps.reshape(-1, 2)), answer.get("provenance"))


def _instants(texts: Iterable[str]) -> NDArray[np.int64]:
    times: NDArray[np.int64] = pa.array(texts, pa.string()).cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
    return times
