"""The one table from category to HTTP status and JSON-RPC code."""

from collections.abc import Iterator

import pytest

from tseng.errors import REFUSALS, Fault, InvalidRequest, Unauthenticated
from tseng_api.errors import OUTCOMES, fault_list, outcome, rest_body, rpc_error, under
from tseng_units.errors import UnknownUnit


def _family(base: type) -> Iterator[type]:
    yield base
    known: list[type] = base.__subclasses__()
    for each in known:
        yield from _family(each)


def test_every_category_has_a_status_and_a_code() -> None:
    """No error class of any package is without a row, and no row without a class."""
    import tseng_units.errors  # noqa: F401

    categories = {known.category for base in REFUSALS for known in _family(base)}  # type: ignore[attr-defined]
    assert categories == set(OUTCOMES)


@pytest.mark.parametrize(
    ("category", "status", "code"),
    [
        ("UNKNOWN_SENSOR", 404, -32004),
        ("UNKNOWN_METRIC", 400, -32010),
        ("METRIC_NOT_AVAILABLE", 400, -32010),
        ("UNKNOWN_UNIT", 400, -32010),
        ("INCOMPATIBLE_UNIT", 400, -32010),
        ("NO_ZERO_READING", 400, -32011),
        ("INVALID_PARAM", 400, -32602),
        ("MISSING_PARAM", 400, -32602),
        ("INVALID_TIME_RANGE", 400, -32602),
        ("NOT_FOUND", 404, -32004),
        ("EXISTS", 409, -32009),
        ("UNAUTHENTICATED", 401, -32001),
        ("FORBIDDEN", 403, -32003),
        ("NOT_JSON", 400, -32700),
    ],
)
def test_codes_are_those_of_the_interface(category: str, status: int, code: int) -> None:
    """Domain section 10 and interface section 4 fix these."""
    assert OUTCOMES[category] == (status, code)


def test_bodies_name_code_message_and_field() -> None:
    """REST says all three; a 401 takes the printed form; JSON-RPC puts the field under `data`."""
    unit = UnknownUnit("no unit 'celsius'", field="unit", seen="celsius", allowed=["C", "K", "F"])
    assert rest_body(unit)["error"].keys() == {"code", "message", "field"}
    assert (rest_body(unit)["error"]["code"], rest_body(unit)["error"]["field"]) == ("UNKNOWN_UNIT", "unit")
    assert rest_body(Unauthenticated("no", field="Authorization")) == {
        "errors": [{"message": "no", "path": "Authorization"}]
    }
    assert rpc_error(unit)["code"] == -32010
    assert rpc_error(unit)["data"]["field"] == "unit"
    assert outcome(unit) == (400, -32010)


def test_faults_move_under_the_field_they_stand_in() -> None:
    """The engine counts rows; the body calls them observations."""
    moved = under("observations", InvalidRequest([Fault("[3].timestamp", "bad"), Fault("", "must not be empty")]))
    assert fault_list(moved) == {
        "errors": [
            {"message": "bad", "path": "observations[3].timestamp"},
            {"message": "must not be empty", "path": "observations"},
        ]
    }
