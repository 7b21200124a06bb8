"""A real browser without a window, which can reach this machine alone."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import ConsoleMessage, Page, Route, expect, sync_playwright

_PATIENCE_MS = 15_000
# No name is looked up, whoever asks: the page, or the browser for itself.
_OFFLINE = ("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--no-proxy-server")
_FAULTS = ("error", "warning")


@dataclass
class Browsed:
    """A page in the browser: where its requests went, and what it complained of."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def note(self, message: ConsoleMessage) -> None:
        """Keep what the page wrote to the console if it is a complaint."""
        if message.type in _FAULTS:
            self.complaints.append(message.text)

    def pass_on(self, route: Route) -> None:
        """Let a request go to this machine, and no other."""
        host = urlsplit(route.request.url).hostname
        self.hosts.add(host or "")
        if host == "127.0.0.1":
            route.continue_()
        else:
            route.abort()


def _chromium() -> str:
    """Path of the browser; the test skips where there is none, and fails there under CI."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        reason = "no Chromium on this machine (Debian: apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(reason + ": under CI nothing may skip")
        pytest.skip(reason)
    return found


@contextmanager
def browsed() -> Iterator[Browsed]:
    """Open an empty page."""
    # Chromium refuses to run as root with its sandbox on.
    sandbox = () if os.geteuid() else ("--no-sandbox",)
    path = _chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*_OFFLINE, *sandbox])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(_PATIENCE_MS)
        expect.set_options(timeout=_PATIENCE_MS)
        opened = Browsed(page)
        page.route("**/*", opened.pass_on)
        page.on("console", opened.note)
        page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        try:
            yield opened
        finally:
            browser.close()
