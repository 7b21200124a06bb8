"""The server's refusals, as the classes that the engine itself raises: the same `except` works embedded and remote."""

import msgspec

from tseng.errors import REFUSALS, EngineError, Fault, InvalidRequest, Refusal, Unauthenticated, UnknownSensor


def refusal(category: str, message: str, field: str) -> Refusal:
    """Return an error of the class that has this category, as if the engine were here; unknown ones are EngineError."""
    known = _classes().get(category, EngineError)
    if not issubclass(known, EngineError):
        return known(message, field=field)
    # The engine's own constructors compose their text; here it is there already, so the base's is enough.
    error = known.__new__(known)
    EngineError.__init__(error, message, field=field)
    if isinstance(error, InvalidRequest):
        error.faults = (Fault(field, message),)
    return error


def refused(status: int, body: bytes) -> Refusal:
    """Return the refusal that stands in an answer over HTTP."""
    try:
        said = msgspec.json.decode(body)
        faults = tuple(Fault(each["path"], each["message"]) for each in said.get("errors", ()))
        if "error" not in said:
            return Unauthenticated(faults[0].message, field=faults[0].path) if status == 401 else InvalidRequest(faults)
        error = refusal(said["error"]["code"], said["error"]["message"], said["error"]["field"])
        if faults and isinstance(error, InvalidRequest | UnknownSensor):
            error.faults = faults
        return error
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError, IndexError):
        return EngineError(f"the server answered {status} and nothing that can be read")


def called(error: dict[str, object]) -> Refusal:
    """Return the refusal that a JSON-RPC error object tells."""
    data = error.get("data")
    told = data if isinstance(data, dict) else {}
    return refusal(str(told.get("category", "")), str(error.get("message", "")), str(told.get("field", "")))


def _classes() -> dict[str, type[Refusal]]:
    """Classes of refusals by category; of several with one category the first made."""
    found: dict[str, type[Refusal]] = {base.category: base for base in REFUSALS}
    for base in REFUSALS:
        for known in base.__subclasses__():
            found.setdefault(known.category, known)
    return found
