"""Compressed request bodies: gzip (RFC 1952) and Zstandard (RFC 8878), as RFC 9110 8.4 names them."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.api.site import THERMOMETER, Site
from tests.api.site import site as open_site

from tseng.errors import TooLarge
from tseng_api.codings import CODINGS, inflate
from tseng_api.errors import DamagedCoding

MIB = 2**20
UPLOAD = "/api/data/upload"
ROW = {"sensorId": THERMOMETER, "timestamp": "2025-01-01T00:00:00Z", "values": {"T": 1.5}}
BODY = json.dumps({"observations": [ROW]}).encode()


def _packed(data: bytes, coding: str) -> bytes:
    """Compress with the standard library where it can, else with Arrow in one go."""
    return gzip.compress(data) if coding == "gzip" else bytes(pa.compress(data, "zstd", asbytes=True))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that takes bodies of one MiB."""
    with open_site(tmp_path_factory.mktemp("small") / "store", body_limit=MIB) as opened:
        yield opened


def _post(site: Site, body: Any, coding: str, path: str = UPLOAD) -> httpx.Response:
    return site.http("admin").post(path, content=body, headers={"Content-Encoding": coding})


@pytest.mark.parametrize(
    ("header", "coding"), [("gzip", "gzip"), ("x-gzip", "gzip"), ("GZip", "gzip"), ("zstd", "zstd"), ("identity", "")]
)
def test_a_compressed_upload_is_stored(tmp_path: Path, header: str, coding: str) -> None:
    """Whole or in chunks of a byte; `identity` is the body as it is."""
    body = _packed(BODY, coding) if coding else BODY
    with open_site(tmp_path / "store") as site:
        for content in (body, (body[at : at + 1] for at in range(len(body)))):
            assert _post(site, content, header).json() == {"status": "ACCEPTED"}
        asked = {"sensor": THERMOMETER, "metric": "T", "unit": "C", "startDate": "2025-01-01"}
        assert list(site.get("/api/data", **asked).json()["data"].values()) == [1.5]


@pytest.mark.parametrize("coding", CODINGS)
def test_every_route_takes_them(site: Site, coding: str) -> None:
    """Reads, JSON-RPC and the token endpoint, which asks for no key."""
    read = {"sensor": THERMOMETER, "metric": "T", "unit": "C"}
    plain = site.http().post("/api/data", json=read)
    assert _post(site, _packed(plain.request.content, coding), coding, "/api/data").content == plain.content
    call = b'{"jsonrpc":"2.0","id":7,"method":"time"}'
    assert _post(site, _packed(call, coding), coding, "/api/rpc").json()["id"] == 7
    form = {"Content-Encoding": coding, "Content-Type": "application/x-www-form-urlencoded"}
    grant = _packed(b"grant_type=password", coding)
    answer = site.http(None).post("/connect/token", content=grant, headers=form)
    assert answer.json()["error"] == "unsupported_grant_type"


@pytest.mark.parametrize("coding", CODINGS)
def test_a_bomb_is_413(small: Site, coding: str) -> None:
    """A gigabyte of blanks in a megabyte or less; one byte above the limit is refused, the limit is looked at."""
    bomb = _packed(b" " * (64 * MIB), coding) * 16
    assert len(bomb) < MIB + 4096
    for body in (bomb[: MIB - 1], _packed(b" " * (MIB + 1), coding)):
        answer = _post(small, body, coding)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "TOO_LARGE")
    assert _post(small, _packed(b" " * MIB, coding), coding).json()["errors"][0]["message"] == "must not be empty"


@pytest.mark.parametrize("header", ["br", "deflate", "gzip, zstd", "gzip, gzip", "*", "none"])
def test_another_coding_is_415_and_told_which_are_taken(site: Site, header: str) -> None:
    """RFC 9110 15.5.16: the refusal says in Accept-Encoding what would have been taken."""
    answer = _post(site, BODY, header)
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "UNSUPPORTED_CODING")
    assert answer.json()["error"]["field"] == "Content-Encoding"
    assert answer.headers["accept-encoding"] == "gzip, zstd"


@pytest.mark.parametrize("coding", CODINGS)
def test_damaged_data_is_400_and_nothing_is_stored(site: Site, coding: str) -> None:
    """Cut short, followed by something else, or never compressed."""
    before = site.get("/api/data/summary", sensor=THERMOMETER, metric="T", unit="C").json()
    good = _packed(BODY, coding)
    for body in (good[:-1], good[: len(good) // 2], good + b"more", BODY):
        answer = _post(site, body, coding)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "DAMAGED_CODING")
    assert site.get("/api/data/summary", sensor=THERMOMETER, metric="T", unit="C").json() == before


@pytest.mark.parametrize("coding", CODINGS)
@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=5), spare=st.integers(-3, 3))
def test_members_one_after_the_other_are_one_body(coding: str, parts: list[bytes], spare: int) -> None:
    """However a body is split into members or frames, empty ones too: it comes back whole, and is held to the limit."""
    whole, packed = b"".join(parts), b"".join(_packed(part, coding) for part in parts)
    limit = len(whole) + spare
    if spare >= 0:
        assert inflate(packed, coding, limit) == whole
    elif limit >= 0:
        with pytest.raises(TooLarge):
            inflate(packed, coding, limit)


@pytest.mark.parametrize("coding", CODINGS)
@given(data=st.binary(min_size=1, max_size=300), cut=st.integers(1, 20))
def test_whatever_is_cut_short_is_damaged(coding: str, data: bytes, cut: int) -> None:
    """No end is missing without being missed."""
    packed = _packed(data, coding)
    with pytest.raises(DamagedCoding):
        inflate(packed[: max(1, len(packed) - cut)], coding, MIB)
