"""Documents over HTTP: who may, what comes back, what is refused."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from tests.api.site import Site, site

from tseng_api.documents import disposition

PATH = "/api/documents"
PDF = {"Content-Type": "application/pdf"}


@pytest.fixture
def clean(site: Site) -> Iterator[Site]:
    """The site without documents afterwards."""
    yield site
    for each in site.engine.documents():
        site.engine.remove_document(each.id)


def _post(
    site: Site, content: bytes = b"abc", name: str = "sheet.pdf", kind: str = "application/pdf"
) -> httpx.Response:
    return site.http("writer").post(PATH, params={"name": name}, content=content, headers={"Content-Type": kind})


def test_a_document_is_kept_listed_fetched_and_taken_away(clean: Site) -> None:
    """The bytes come back as they went in, of their type, to be saved under their name."""
    answer = _post(clean)
    made = answer.json()
    assert answer.status_code == 201
    assert {name: made[name] for name in ("name", "mediaType", "size", "createdBy")} == {
        "name": "sheet.pdf", "mediaType": "application/pdf", "size": 3, "createdBy": "writer",
    }  # fmt: skip
    # FIPS 180-2, appendix B.1: SHA-256 of "abc".
    assert made["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert clean.get(PATH).json() == {"documents": [made], "nextPageToken": None}
    file = clean.get(f"{PATH}/{made['id']}")
    assert (file.status_code, file.content) == (200, b"abc")
    assert file.headers["content-type"] == "application/pdf"
    assert file.headers["content-disposition"].startswith('attachment; filename="sheet.pdf"')
    assert file.headers["x-content-type-options"] == "nosniff"
    assert clean.http("writer").delete(f"{PATH}/{made['id']}").status_code == 204
    assert clean.get(PATH).json() == {"documents": [], "nextPageToken": None}
    for gone in (clean.get(f"{PATH}/{made['id']}"), clean.http("writer").delete(f"{PATH}/{made['id']}")):
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_documents_come_page_by_page(clean: Site) -> None:
    """Each once, oldest first, whatever the size of a page; the one that a page ended with may go meanwhile."""
    made = [_post(clean, name=f"{number}.pdf").json()["id"] for number in range(5)]
    for size in (1, 2, 4, 5, 1000):
        found: list[str] = []
        token = None
        while token is not None or not found:
            query = {"pageSize": size} | ({"pageToken": token} if token else {})
            page = clean.get(PATH, **query).json()
            found += [each["id"] for each in page["documents"]]
            token = page["nextPageToken"]
        assert found == made
    first = clean.get(PATH, pageSize=2).json()
    clean.engine.remove_document(made[1])
    second = clean.get(PATH, pageSize=2, pageToken=first["nextPageToken"]).json()
    assert [each["id"] for each in second["documents"]] == made[2:4]


def test_a_page_that_is_none(clean: Site) -> None:
    """A size out of range, and tokens that this list never gave out: 400 that names the field."""
    for number in range(2):
        _post(clean, name=f"{number}.pdf")
    own = clean.get(PATH, pageSize=1).json()["nextPageToken"]
    list_of, (created, id) = json.loads(base64.urlsafe_b64decode(own))
    made_up = [[["other", "documents"], [created, id]], [list_of, [id, created]], [list_of, [2**63, id]], [list_of]]
    tokens = [base64.urlsafe_b64encode(json.dumps(each).encode()).decode() for each in made_up]
    sensors = clean.get("/api/sensors/all", pageSize=1).json()["nextPageToken"]
    queries = [
        *({"pageToken": each} for each in (*tokens, sensors, "x", own[:-4], "")),
        {"pageSize": 0},
        {"pageSize": 1001},
    ]
    for query in queries:
        answer = clean.get(PATH, **query)
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, *query), query


def test_a_name_of_any_letters_is_said_in_both_forms(clean: Site) -> None:
    """RFC 6266, section 5: the euro sign, and what clients show that know only ASCII."""
    expected = "attachment; filename=\"_ rates\"; filename*=UTF-8''%E2%82%AC%20rates"
    assert disposition("€ rates") == expected
    made = _post(clean, name="€ rates").json()
    assert clean.get(f"{PATH}/{made['id']}").headers["content-disposition"] == expected


@pytest.mark.parametrize("name", ["", "  ", "a/b", "a\\b", "a\nb", "\x00", ".", "..", " ..", "x" * 256])
def test_a_name_is_a_file_name(clean: Site, name: str) -> None:
    """Else 400 naming it."""
    answer = _post(clean, name=name)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "name")
    assert clean.get(PATH).json() == {"documents": [], "nextPageToken": None}


def test_a_document_needs_a_name_and_content(clean: Site) -> None:
    """A query without name, a body without bytes, a query that means nothing."""
    writer = clean.http("writer")
    refused = [(writer.post(PATH, content=b"x", headers=PDF), "name"), (_post(clean, b""), "body")]
    refused.append((writer.post(PATH, params={"name": "a", "page": 1}, content=b"x", headers=PDF), "page"))
    for answer, field in refused:
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


@pytest.mark.parametrize("kind", ["text/html", "application/x-msdownload", "image", "text/", "pdf; a"])
def test_only_types_of_the_settings_are_taken(clean: Site, kind: str) -> None:
    """Another is 415 and says which are; what is no type at all is 400."""
    answer = _post(clean, kind=kind)
    whole = "/" in kind and not kind.endswith("/")
    assert answer.status_code == (415 if whole else 400)
    assert answer.json()["error"]["field"] == "Content-Type"
    assert ("text/csv" in answer.json()["error"]["message"]) is whole


def test_types_in_any_case_with_parameters_and_kinds(clean: Site) -> None:
    """They come back as they were sent."""
    for kind in ("image/webp", "Text/Plain; charset=utf-8", 'text/csv;header="present"'):
        made = _post(clean, kind=kind).json()
        assert made["mediaType"] == kind
        assert clean.get(f"{PATH}/{made['id']}").headers["content-type"] == kind


def test_a_document_has_a_largest_size(tmp_path: Path) -> None:
    """As many bytes as the setting says are taken, one more is 413."""
    with site(tmp_path / "store", document_bytes=10, document_types="a/b") as small:
        assert _post(small, b"x" * 10, kind="a/b").status_code == 201
        answer = _post(small, b"x" * 11, kind="a/b")
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "TOO_LARGE")
        assert len(small.engine.documents()) == 1


def test_readers_fetch_and_writers_keep(clean: Site) -> None:
    """No key: 401; a reader may neither keep nor take away."""
    id = _post(clean).json()["id"]
    assert clean.http(None).get(f"{PATH}/{id}").status_code == 401
    assert clean.http().post(PATH, params={"name": "a"}, content=b"x", headers=PDF).status_code == 403
    assert clean.http().delete(f"{PATH}/{id}").status_code == 403
    assert clean.get(f"{PATH}/{id}").status_code == 200


def test_each_project_has_its_own(clean: Site) -> None:
    """Another project's document looks absent, by whatever path its id is written."""
    id = _post(clean).json()["id"]
    other = clean.engine.create_project("other").id
    stranger = clean.with_key(clean.engine.keys.create("other", "writer", other))
    assert stranger.get(PATH).json() == {"documents": [], "nextPageToken": None}
    assert stranger.get(PATH, params={"projectIds": "default"}).status_code == 404
    for path in (id, quote(f"../default/{id}", safe=""), quote(f"..%2Fdefault%2F{id}", safe="")):
        assert stranger.get(f"{PATH}/{path}").status_code == 404
        assert stranger.delete(f"{PATH}/{path}").status_code == 404
    assert clean.get(f"{PATH}/{id}").status_code == 200
