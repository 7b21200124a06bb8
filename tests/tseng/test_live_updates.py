"""The JSON of updates: the numbers and times of a read, null where a point is gone, made once for everybody."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tseng.formats import json_members
from tseng.live.updates import POINTS_OF_RESULT, DataUpdate

POINTS = st.lists(
    st.tuples(st.integers(-(10**15), 10**16), st.floats(allow_infinity=False)),
    unique_by=lambda point: point[0],
    max_size=40,
).map(sorted)


def update(points: list[tuple[int, float]]) -> DataUpdate:
    """Points as an update."""
    time, value = np.array([us for us, _ in points], np.int64), np.array([value for _, value in points], np.float64)
    return DataUpdate("/a/s", points[0][0] if points else 0, points[-1][0] if points else 0, len(points), (time, value))


def test_points_and_null() -> None:
    """A point that is gone is null; the text is that of getData (seed 003, Working with Observations)."""
    points = [(1_481_845_087_000_000, 77.5), (1_481_872_387_000_000, float("nan")), (1_481_872_388_000_001, 5.0)]
    [text] = update(points).results
    assert text == (
        b'{"data":{"2016-12-15T23:38:07.000Z":77.5,"2016-12-16T07:13:07.000Z":null,'
        b'"2016-12-16T07:13:08.000001Z":5},"sensor":"/a/s"}'
    )


@given(POINTS)
def test_few_points_are_written_as_many_are(points: list[tuple[int, float]]) -> None:
    """However many points an update has, each is written byte for byte as a read writes it."""
    there = [point for point in points if point[1] == point[1]]
    time, value = update(there).changed
    read = b"".join(members for _, members in json_members([(time, value)], 1000))
    gone = len(points) - len(there)
    [text] = update(there).results
    assert text == b'{"data":{' + read + b'},"sensor":"/a/s"}'
    found = json.loads(update(points).results[0])["data"]
    assert list(found.values()).count(None) == gone
    assert len(found) == len(points)


def test_results_are_cut_and_kept() -> None:
    """No result has more than 10,000 points, none is lost, and asking again gives the very same objects."""
    points = [(us * 1_000_000, us / 8) for us in range(2 * POINTS_OF_RESULT + 1)]
    made = update(points)
    parts = [json.loads(text)["data"] for text in made.results]
    assert [len(part) for part in parts] == [POINTS_OF_RESULT, POINTS_OF_RESULT, 1]
    assert [value for part in parts for value in part.values()] == [value for _, value in points]
    assert made.results is made.results


def test_no_points() -> None:
    """An update without points is an empty object: all is well again."""
    assert update([]).results == [b'{"data":{},"sensor":"/a/s"}']
