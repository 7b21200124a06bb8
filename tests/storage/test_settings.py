"""What settings a store takes."""

import math
import threading
import time
from pathlib import Path

import pytest
from tests.storage.helpers import PROJECT, read, series

from tseng_storage.settings import StoreSettings
from tseng_storage.store import Store


def test_the_age_at_which_uploads_are_flushed() -> None:
    """Half a minute unless told otherwise, as docs/settings.md says."""
    assert StoreSettings().flush_seconds == 30.0


@pytest.mark.parametrize("seconds", [0, -1.0, math.nan, math.inf, -math.inf])
def test_an_age_that_would_never_let_the_thread_rest_is_refused(seconds: float) -> None:
    """Nothing, less than nothing, no number and for ever are refused when the settings are made."""
    with pytest.raises(ValueError, match="flush_seconds"):
        StoreSettings(flush_seconds=seconds)


@pytest.mark.parametrize("seconds", [1e-300, 1e300])
def test_extreme_ages(tmp_path: Path, seconds: float) -> None:
    """However short or long the age, the thread takes pauses and ends with the store."""
    before = set(threading.enumerate())
    with Store.open(tmp_path, settings=StoreSettings(flush_seconds=seconds)) as store:
        store.append(series({1: 1.0}), PROJECT)
        deadline = time.monotonic() + 20
        while seconds < 1 and store.info()["log_commits"]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (thread,) = set(threading.enumerate()) - before
        # The thread's own clock: what else the process does at the same time is not its doing.
        clock = time.pthread_getcpuclockid(thread.ident or 0)
        begun, idle = time.clock_gettime(clock), threading.Event()
        idle.wait(0.3)
        assert time.clock_gettime(clock) - begun < 0.2
        assert read(store) == {1: 1.0}
    assert not thread.is_alive()
