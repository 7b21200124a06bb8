"""Uploads: in pieces, compressed, each piece stored once however often it had to be sent."""

import re
import uuid
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from tseng.client.connection import Connection
from tseng.client.pieces import Piece, Row, of_rows, of_table
from tseng.errors import REFUSALS, Fault, InvalidRequest

if TYPE_CHECKING:
    import pandas as pd

# Below this compressing costs more than it saves.
_SMALL = 1024
_ROW = re.compile(r"^observations\[(\d+)\]")


class Uploading:
    """Verbs that store observations.

    They are sent in pieces (`ClientSettings.piece_rows`, `piece_bytes`), one after the other, each stored whole and
    durable, or refused whole. A piece whose answer does not come is sent again under its own Idempotency-Key, so that
    it is stored once. Where a piece fails for good those before it stay, and the text of the error says how many rows
    they hold; sending everything again changes nothing of what is stored.
    """

    _connection: Connection

    def upload(self, observations: Iterable[Row]) -> int:
        """Store rows of `{"sensorId", "timestamp", "values": {raw metric: number or null}}`; durable when it returns.

        Values are in the raw metric's stored unit. Any iterable will do; of a generator no more than a piece is held.

        Returns:
            The number of rows.

        Raises:
            UnknownSensor: a sensor does not exist.
            InvalidRequest: a row is bad; every bad row of the piece is named by its index in what was given.
            httpx.TransportError: the server cannot be reached.
        """
        settings = self._connection.settings
        count = self._send(of_rows(observations, settings.piece_rows, settings.piece_bytes))
        if not count:
            raise InvalidRequest.at("", "must not be empty")
        return count

    def upload_table(self, table: "pa.Table | pd.DataFrame") -> int:
        """Store columns `sensor`, `metric`, `time` (UTC), `value` (stored unit); durable when it returns.

        Columns that are absent or of the wrong type are refused before anything is sent.

        Returns:
            The number of rows.

        Raises:
            UnknownSensor: a sensor does not exist.
            InvalidRequest: a column is absent or of the wrong type, or a metric is not one of its sensor.
            httpx.TransportError: the server cannot be reached.
        """
        settings = self._connection.settings
        return self._send(of_table(table, settings.piece_rows, settings.piece_bytes))

    def _send(self, pieces: Iterator[Piece]) -> int:
        """Send piece after piece; how many rows they hold."""
        import httpx

        stored = 0
        for piece in pieces:
            try:
                self._send_one(piece)
            except (*REFUSALS, httpx.TransportError) as error:
                raise _placed(error, piece) from error.__cause__
            stored += piece.rows
        return stored

    def _send_one(self, piece: Piece) -> None:
        coding = self._connection.settings.coding
        headers, body = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}, piece.body
        if coding is not None and len(body) >= _SMALL:
            headers["Content-Encoding"] = coding
            body = pa.compress(body, codec=coding, asbytes=True)
        self._connection.ask(
            "POST", "/api/data/upload", twice=True, content=body, headers=headers, params=self._connection.query
        )


def _placed(error: Exception, piece: Piece) -> Exception:
    """The error of a piece in terms of all rows: those it names, and how many before it are stored."""
    if not piece.first:
        return error
    counted = f", counted from row {piece.first}"
    if isinstance(error, InvalidRequest):
        error, counted = InvalidRequest([_shifted(fault, piece.first) for fault in error.faults]), ""
    error.args = (f"{error}{counted}; the {piece.first} rows before row {piece.first} are stored",)
    return error


def _shifted(fault: Fault, by: int) -> Fault:
    path = _ROW.sub(lambda found: f"observations[{int(found[1]) + by}]", fault.path)
    return Fault(path, fault.message)
