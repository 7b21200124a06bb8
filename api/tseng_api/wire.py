"""JSON in and out. Syntax is checked first and alone, so that a typed decode afterwards fails only on the shape.

A body of fifty megabytes of brackets must not cost more than one pass: `check_json` walks it once, builds nothing and
stops at the first wrong byte or at the interpreter's recursion limit.
"""

from typing import Any, TypeVar

import msgspec

from tseng.errors import Fault, InvalidRequest
from tseng_api.errors import NotJson
from tseng_api.trailing import without_trailing_commas

T = TypeVar("T")
encode = msgspec.json.encode

# No regular expression looks at these texts: they may quote a name of fifty megabytes.
_NAMES_A_FIELD = ("Object missing required field `", "Object contains unknown field `")


def check_json(data: bytes) -> None:
    """Let JSON pass.

    Raises:
        NotJson: the bytes are no JSON text in UTF-8, or nest too deeply.
    """
    if not data or data.isspace():
        raise NotJson("not JSON: there is no body", field="body")
    try:
        data.decode()
        msgspec.json.decode(data, type=msgspec.Raw)
    except RecursionError:
        raise NotJson("not JSON that can be read: it nests too deeply", field="body") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJson(f"not JSON: {error}", field="body") from None


def lenient(data: bytes) -> bytes:
    """Return JSON as it came; what is none but for commas before a closing bracket, with blanks in their place.

    Sensor Data Service prints such bodies (`},]`), and clients copy them.

    Raises:
        NotJson: it is no JSON without those commas either.
    """
    try:
        check_json(data)
        return data
    except NotJson:
        repaired = without_trailing_commas(data)
        try:
            check_json(repaired)
        except NotJson:
            repaired = b""
        if not repaired:
            raise
        return repaired


def decode(data: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Decode JSON into `kind`.

    Raises:
        NotJson: the bytes are no JSON.
        InvalidRequest: the shape is wrong; the field is named.
    """
    check_json(bytes(data))
    return shaped(data, kind)


def shaped(data: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Decode what `check_json` let pass into `kind`.

    Raises:
        InvalidRequest: the shape is wrong; the field is named.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest([fault(error)]) from None


def convert(value: Any, kind: type[T]) -> T:
    """Like `shaped`, for values that are decoded already."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest([fault(error)]) from None


def fault(error: Exception) -> Fault:
    """Where and what, out of the text of a decoding error: `$.limit.function` becomes `limit.function`."""
    text = str(error)
    message, _, path = text.rpartition(" - at `") if " - at `" in text else (text, "", "")
    # msgspec writes `[...]` for a key of a map: what lies below it has no name to give.
    path = path.removesuffix("`").removeprefix("key in ").removeprefix("$").partition("[...]")[0]
    for named in _NAMES_A_FIELD:
        if message.startswith(named):
            path += "." + message.removeprefix(named).rstrip("`")
    return Fault(path.lstrip("."), message.replace("`", ""))
