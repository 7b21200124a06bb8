"""Azure Digital Twins: twins are listed by queries, page by page."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.api.adt import ask, get, put, refused, twin_of, upload
from tests.api.azure_samples import interface, property_of
from tests.api.site import Site
from tests.api.site import site as open_site

BASE, DERIVED, OTHER = (f"dtmi:com:example:{name};1" for name in ("Base", "Derived", "Other"))
IDS = [f"t{number:02d}" for number in range(9)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Three twins of each model, in turn."""
    with open_site(tmp_path_factory.mktemp("queried") / "store") as opened:
        number = property_of("number", "integer")
        upload(opened, interface(BASE, number), interface(DERIVED, extends=BASE), interface(OTHER, number))
        for place, id in enumerate(reversed(IDS)):
            put(opened, id, twin_of((BASE, DERIVED, OTHER)[place % 3], number=place))
        yield opened


def query(site: Site, text: str, **headers: str) -> Any:
    """Query and return the value of the first page."""
    answer = ask(site, "POST", "/query", {"query": text}, role="reader", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["value"]


def ids(site: Site, text: str) -> list[str]:
    """Query and return the ids."""
    return [twin["$dtId"] for twin in query(site, text)]


@pytest.mark.parametrize("text", ["SELECT * FROM digitaltwins", "select T from DIGITALTWINS T "])
def test_all_of_them(site: Site, text: str) -> None:
    """As they are retrieved, in the order of ids."""
    assert query(site, text) == [get(site, id).json() for id in IDS]


def test_by_model(site: Site) -> None:
    """Vendor's reference, IS_OF_MODEL: with those that extend it, or exactly; with the alias or without."""
    base, derived = IDS[8::-3][::-1], IDS[7::-3][::-1]
    assert ids(site, f"SELECT * FROM digitaltwins WHERE IS_OF_MODEL('{BASE}')") == sorted(base + derived)
    assert ids(site, f"SELECT * FROM digitaltwins WHERE IS_OF_MODEL('{BASE}', exact)") == base
    assert ids(site, f"SELECT T FROM digitaltwins T WHERE IS_OF_MODEL(T, '{DERIVED}')") == derived
    assert ids(site, f"SELECT * FROM digitaltwins DT WHERE IS_OF_MODEL(DT, '{BASE}', exact)") == base
    assert ids(site, "SELECT * FROM digitaltwins WHERE IS_OF_MODEL('dtmi:none;1')") == []
    both = f"IS_OF_MODEL('{BASE}') AND IS_OF_MODEL('{OTHER}')"
    assert ids(site, f"SELECT * FROM digitaltwins WHERE {both}") == []


def test_by_id(site: Site) -> None:
    """With the alias or without."""
    assert ids(site, "SELECT * FROM digitaltwins WHERE $dtId = 't03'") == ["t03"]
    assert ids(site, "SELECT * FROM digitaltwins T WHERE T.$dtId='t03'") == ["t03"]
    assert ids(site, "SELECT * FROM digitaltwins WHERE $dtId = 'T03'") == []
    assert ids(site, "SELECT * FROM digitaltwins WHERE $dtId = 't03' AND $dtId = 't04'") == []
    assert ids(site, f"SELECT * FROM digitaltwins WHERE $dtId = 't08' AND IS_OF_MODEL('{OTHER}')") == []


def test_their_number(site: Site) -> None:
    """As the vendor prints it: `[{"COUNT": n}]`."""
    assert query(site, "SELECT COUNT() FROM digitaltwins") == [{"COUNT": 9}]
    assert query(site, f"SELECT COUNT() FROM digitaltwins WHERE IS_OF_MODEL('{OTHER}')") == [{"COUNT": 3}]


@pytest.mark.parametrize("whole", [True, False])
def test_pages(site: Site, whole: bool) -> None:
    """Each twin once; the token alone is enough, as in the vendor's example (Query - Query Twins)."""
    text, found, token = f"SELECT * FROM digitaltwins WHERE IS_OF_MODEL('{BASE}')", [], None
    while True:
        body = {"query": text, "continuationToken": token} if whole or not token else {"continuationToken": token}
        answer = ask(site, "POST", "/query", body, headers={"max-items-per-page": "4"}).json()
        found.append([twin["$dtId"] for twin in answer["value"]])
        token = answer["continuationToken"]
        if not token:
            break
    assert [len(page) for page in found] == [4, 2]
    assert [id for page in found for id in page] == ids(site, text)


@pytest.mark.parametrize(
    "text",
    [
        "foo",  # the SDK's own
        "",
        "SELECT",
        "SELECT * FROM relationships",
        "SELECT a FROM digitaltwins",
        "SELECT * FROM digitaltwins WHERE",
        "SELECT * FROM digitaltwins WHERE number > 1",
        "SELECT * FROM digitaltwins WHERE $dtId = 't03' OR $dtId = 't04'",
        "SELECT * FROM digitaltwins WHERE IS_OF_MODEL(dtmi:none;1)",
        "SELECT * FROM digitaltwins WHERE IS_OF_MODEL('a', b)",
        "SELECT * FROM digitaltwins T JOIN R RELATED T.contains",
        "SELECT COUNT(*) FROM digitaltwins",
        "SELECT * FROM digitaltwins; DROP",
        "SELECT * FROM digitaltwins WHERE $dtId = 't03",
    ],
)
def test_what_is_not_understood(site: Site, text: str) -> None:
    """The refusal names what is."""
    answer = ask(site, "POST", "/query", {"query": text}, role="reader")
    assert refused(answer) == (400, "SqlQueryError")
    assert "IS_OF_MODEL" in answer.json()["error"]["message"]


@pytest.mark.parametrize("token", ["x", "e30=", "WyJTRUxFQ1QiXQ=="])
def test_tokens_that_are_none(site: Site, token: str) -> None:
    """REST reference, Query - Query Twins."""
    assert refused(ask(site, "POST", "/query", {"continuationToken": token})) == (400, "BadRequest")
