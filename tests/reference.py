"""Where the reference material lies: worked cases and real measurements kept beside the checkout, not in it."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1].parent / "shared"


def reference(*parts: str) -> Path:
    """Path of one reference file or folder; the test skips where the folder is absent, and fails there under CI."""
    if not ROOT.is_dir():
        reason = f"no reference material beside the checkout ({ROOT.name}/)"
        if os.environ.get("CI"):
            pytest.fail(reason + ": under CI nothing may skip")
        pytest.skip(reason)
    return ROOT.joinpath(*parts)
