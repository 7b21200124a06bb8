"""Locks, caches and arrays: the small parts everything rests on."""

import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tseng_storage.arrays import dictionary, strings, to_arrow, to_numpy
from tseng_storage.cache import BoundedCache
from tseng_storage.errors import StoreBusy
from tseng_storage.files import exclusive, make_folder


def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    """A second holder, even in the same process, waits or is told."""
    entered = threading.Event()

    def second() -> None:
        with exclusive(tmp_path / "lock"):
            entered.set()

    thread = threading.Thread(target=second)
    with exclusive(tmp_path / "lock"):
        with pytest.raises(StoreBusy), exclusive(tmp_path / "lock", wait=False):
            pass
        thread.start()
        assert not entered.wait(0.05)
    thread.join(10)
    assert entered.is_set()


def _fail(lock: Path) -> None:
    with exclusive(lock):
        raise KeyError


def test_a_lock_is_free_after_an_exception(tmp_path: Path) -> None:
    """Whatever happens to its holder, the lock can be taken again."""
    with pytest.raises(KeyError):
        _fail(tmp_path / "lock")
    with exclusive(tmp_path / "lock", wait=False):
        pass


def test_folders_with_their_parents(tmp_path: Path) -> None:
    """A folder is made with its parents; one that exists is left alone."""
    for _ in range(2):
        make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_the_least_recently_used_goes_first() -> None:
    """A full cache drops what was not asked for longest, and takes nothing that would fill a quarter of it."""
    cache: BoundedCache[str] = BoundedCache(8)
    for name in "abcd":
        cache.put(name, name, 2)
    assert cache.get("a") == "a"
    cache.put("e", "e", 2)
    cache.put("huge", "huge", 3)
    assert [cache.get(name) for name in "abcde"] == ["a", None, "c", "d", "e"]
    assert cache.get("huge") is None
    cache.put("a", "again", 2)
    assert cache.get("a") == "again"
    cache.retain(lambda key: key == "c")
    assert [cache.get(name) for name in "acde"] == [None, "c", None, None]


@pytest.mark.parametrize("offset", [0, 1, 7, 9])
def test_arrays_through_arrow(offset: int) -> None:
    """Values with and without nulls pass to Arrow and back, slices included."""
    values = np.arange(40.0)
    valid = values % 3 != 0
    array = to_arrow(values, pa.float64(), valid)
    assert array.null_count == 14
    expected = np.where(valid, values, np.nan)[offset:]
    assert np.array_equal(to_numpy(array.slice(offset), np.float64), expected, equal_nan=True)
    whole = to_arrow(np.arange(40), pa.timestamp("us"))
    assert to_numpy(whole.slice(offset, 5), np.int64).tolist() == list(range(offset, offset + 5))
    with pytest.raises(ValueError, match="null"):
        to_numpy(to_arrow(np.arange(3), pa.int64(), np.array([True, False, True])), np.int64)


@pytest.mark.parametrize("codes", [[], [0], [2, 2], [3, 1, 3], [0, 1, 2, 3], [1, 2]])
def test_dictionaries_hold_what_occurs(codes: list[int]) -> None:
    """Names that no code points to are left out, wherever they stand, and the rows stay what they were."""
    names = ("a", "b", "é", "d")
    array = dictionary(names, np.array(codes, np.int32))
    array.validate(full=True)
    assert array.to_pylist() == [names[code] for code in codes]
    assert array.dictionary.to_pylist() == [name for place, name in enumerate(names) if place in codes]


def test_words_through_arrow() -> None:
    """Words of any script, and none at all, become a valid string array."""
    for words in ([], [""], ["/a", "é", "\U0001f600", ""]):
        array = strings(words)
        array.validate(full=True)
        assert array.to_pylist() == words
