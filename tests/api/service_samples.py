"""The requests of seed 003's Sensor Data Service, in the three languages it prints, and the answers it prints to them.

Below each heading stand a request for curl, one for a browser's fetch and one for Python's requests. In all of them
only the host and the token are others; the printed asset id is the test project's own alias.
"""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import httpx
from tests.api.page import page
from tests.reference import reference

ASSET = "6ee68656-ce20-452c-a4e6-b6b3a3b55537"
"""The printed iTwin id of a project."""

_HOSTS = re.compile(r"https://(iiot|ims)\.bentley\.com")
_TOKEN = re.compile(r"Bearer [^']*'")
_COMMA = re.compile(r",(\s*[\]}])")


def _page() -> str:
    (found,) = reference("seeds").glob("003_*.txt")
    text = found.read_text()
    return text[text.index("\nSensor Data Service\n") :]


@dataclass(frozen=True)
class Sample:
    """One printed request: `below` is the heading or sentence before it, `places` what stands otherwise in the test."""

    below: str

    def send(self, language: str, url: str, token: str, places: Mapping[str, str]) -> tuple[int, Any]:
        """Send the request as that language does; status and JSON of the answer."""
        text = self._text(language)
        for old, new in places.items():
            text = text.replace(old, new)
        text = _TOKEN.sub(f"Bearer {token}'", _HOSTS.sub(url, text))
        return {"curl": _curl, "fetch": _fetch, "python": _python}[language](text)

    def _text(self, language: str) -> str:
        text = _page()
        starts = [text.index(f"\n{self.below}")]
        for first in ("\ncurl --location", "\nfetch(", "\nimport requests", "\nresponse = requests.", "\n"):
            starts.append(text.index(first, starts[-1] + 1))
        _, curl, fetch, python, _, end = starts
        return {"curl": text[curl:fetch], "fetch": text[fetch:python], "python": text[python:end]}[language]


def answer(below: str, number: int = 0) -> Any:
    """Return the JSON printed below a sentence, the first or a later one; without the commas that end some lists."""
    text = _page()
    start = text.index(f"\n{below}")
    decoder = json.JSONDecoder()
    for _ in range(number + 1):
        start = re.compile(r"^\{", re.MULTILINE).search(text, start + 1).start()  # type: ignore[union-attr]
        found, _ = decoder.raw_decode(_COMMA.sub(r"\1", text[start:]))
    return found


def masked(value: Any, *, serials: bool = True) -> Any:
    """Return what was printed or answered with what differs each time covered: dates, and serial numbers in ids."""
    if isinstance(value, dict):
        return {masked(name, serials=serials): masked(each, serials=serials) for name, each in value.items()}
    if isinstance(value, list):
        return [masked(each, serials=serials) for each in value]
    if isinstance(value, str):
        value = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", "DATE", value)
        return re.sub(r"\b[0-9A-F]{6}\b", "SERIAL", value) if serials else value
    return value


def holds(answered: Any, printed: Any, path: str = "") -> None:
    """Assert that an answer has all that is printed, name by name; it may have more."""
    if isinstance(printed, dict):
        for name, value in printed.items():
            assert name in answered, f"{path}.{name}"
            if name != "PROJECT_ID":
                holds(answered[name], value, f"{path}.{name}")
    elif isinstance(printed, list):
        assert len(answered) == len(printed), path
        for number, value in enumerate(printed):
            holds(answered[number], value, f"{path}[{number}]")
    else:
        assert answered == printed, path


def _curl(text: str) -> tuple[int, Any]:
    """Run curl as a shell reads it; without curl's binary what it would send is sent."""
    url = re.search(r"--location '([^']*)'", text)
    assert url is not None
    headers = dict(each.split(": ", 1) for each in re.findall(r"--header '([^']*)'", text))
    form = re.findall(r"--data-urlencode '([^']*)'", text)
    body = re.search(r"--data '([^']*)'", text)
    content = urlencode(dict(each.split("=", 1) for each in form)) if form else body and body.group(1)
    sent = httpx.request("GET" if content is None else "POST", url.group(1), headers=headers, content=content)
    return sent.status_code, sent.json()


def _fetch(text: str) -> tuple[int, Any]:
    with page() as opened:
        opened.run(f"var told; ({text.strip().rstrip(';')}).then(async r => {{ told = [r.status, await r.json()]; }});")
        status, told = opened.until("told")
    return status, told


def _python(text: str) -> tuple[int, Any]:
    def ask(method: str, url: str, **request: Any) -> httpx.Response:
        content = request.pop("data", None)
        form = {"data": content} if isinstance(content, dict) else {"content": content}
        return httpx.request(method, url, **form, **request)

    module = ModuleType("requests")
    module.get = lambda url, **request: ask("GET", url, **request)  # type: ignore[attr-defined]
    module.post = lambda url, **request: ask("POST", url, **request)  # type: ignore[attr-defined]
    kept = sys.modules.get("requests")
    sys.modules["requests"] = module
    try:
        names: dict[str, Any] = {}
        exec(compile(text, "sample", "exec"), names)
    finally:
        if kept is None:
            del sys.modules["requests"]
        else:
            sys.modules["requests"] = kept
    return names["response"].status_code, names["response"].json()
