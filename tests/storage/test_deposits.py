"""Records with their versions, queues, and both kept together with observations: all of it or nothing."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.storage.crasher import deposit
from tests.storage.helpers import PROJECT, QUIET, opened, read, series
from tests.storage.nursery import messages, start

from tseng_storage.deposits import Deposit
from tseng_storage.entities import Draft, Edit
from tseng_storage.errors import Changed, ChangesRefused, NotFound, StorageError, TooMany
from tseng_storage.queues import Send
from tseng_storage.records import Check, Drop, Expected, Keep, Record
from tseng_storage.store import Store

KILLS = 40


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with opened(tmp_path / "store") as made:
        yield made


def put(store: Store, body: str, expected: Expected = None, *, id: str = "a", past: bool = False) -> Record:
    """Make or replace a record."""
    (written,) = store.deposit(None, PROJECT, Deposit(records=[Keep("twin", id, expected, body, past)]))
    assert written is not None
    return written


def test_a_record_is_made_replaced_and_taken_away(store: Store) -> None:
    """Each version has an etag of its own; it is found by other processes, and under its own kind, id and project."""
    first, second = put(store, "1"), put(store, "2")
    assert (second.body, second.created, second.etag != first.etag) == ("2", first.created, True)
    assert second.modified > first.modified
    with opened(store.layout.root) as other:
        assert other.records.get(PROJECT, "twin", "a") == second
    elsewhere = store.catalog.create_project("other").id
    for project, kind, id in ((PROJECT, "twin", "A"), (PROJECT, "model", "a"), (elsewhere, "twin", "a")):
        assert store.records.get(project, kind, id) is None
    assert store.deposit(None, PROJECT, Deposit(records=[Drop("twin", "a")])) == [None]
    assert store.records.get(PROJECT, "twin", "a") is None
    assert store.records.past(PROJECT, "twin", "a") == []


def test_versions_stay_where_that_is_asked_for(store: Store) -> None:
    """Oldest first, each until the next one, and the last until the record was taken away."""
    versions = [put(store, body, past=True) for body in "123"]
    store.deposit(None, PROJECT, Deposit(records=[Drop("twin", "a", past=True)]))
    past = store.records.past(PROJECT, "twin", "a")
    assert [(each.body, each.modified) for each in past] == [(each.body, each.modified) for each in versions]
    assert [each.until for each in past[:-1]] == [each.modified for each in versions[1:]]


@pytest.mark.parametrize(
    ("expected", "there", "gone"),
    [
        (lambda etag: None, True, True), (lambda etag: "present", True, False), (lambda etag: "absent", False, True),
        (lambda etag: [etag, "x"], True, False), (lambda etag: ["x"], False, False), (lambda etag: [], False, False),
    ],
    ids=["any", "present", "absent", "its etag", "another etag", "no etag"],
)  # fmt: skip
@pytest.mark.parametrize("write", [Check, Keep, Drop])
def test_a_write_is_refused_unless_the_record_is_as_expected(
    store: Store, write: type[Check], expected: Callable[[str], Expected], there: bool, gone: bool
) -> None:
    """RFC 9110, 13.1: what was seen is compared with what is there, in the transaction that writes."""
    made = put(store, "1")
    for id, good in (("a", there), ("none", gone)):
        before = store.records.get(PROJECT, "twin", id)
        deposit = Deposit(records=[write("twin", id, expected(made.etag))], messages=[Send(id, b"")])
        if good:
            store.deposit(None, PROJECT, deposit)
        else:
            with pytest.raises(Changed, match=f"twin '{id}'") as refused:
                store.deposit(None, PROJECT, deposit)
            assert (refused.value.category, refused.value.seen) == ("PRECONDITION_FAILED", before and before.etag)
            assert store.records.get(PROJECT, "twin", id) == before
        assert len(store.queues.retrieve(PROJECT, id, 1)) == good


def test_what_came_later_stays(store: Store) -> None:
    """Whatever comes to the disk after it."""
    for body, at in (("2", 20), ("1", 10), ("3", 30), ("0", 29)):
        store.deposit(None, PROJECT, Deposit(records=[Keep("twin", "a", body=body, at=at)]))
    record = store.records.get(PROJECT, "twin", "a")
    assert record is not None
    assert (record.body, record.modified, record.created) == ("3", 30, 20)


def test_of_those_that_saw_the_same_version_one_wins(store: Store) -> None:
    """The others are told which version is there now."""
    seen = put(store, "0")

    def replace(number: int) -> bool:
        try:
            put(store, str(number), [seen.etag])
        except Changed:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(replace, range(40))) == 1


def test_a_kind_may_have_its_number(store: Store) -> None:
    """One more than that is refused; replacing is not."""
    full = [Keep("twin", id, None, "", most=2) for id in ("a", "b", "a", "c")]
    with pytest.raises(TooMany, match="there are 2 of kind twin already"):
        store.deposit(None, PROJECT, Deposit(records=full))
    assert store.records.list(PROJECT, "twin") == []
    store.deposit(None, PROJECT, Deposit(records=full[:3]))
    assert [each.id for each in store.records.list(PROJECT, "twin")] == ["a", "b"]


def test_records_are_listed_by_id(store: Store) -> None:
    """In pages: those beyond an id, at most so many."""
    for id in ("b", "B", "c", "a"):
        put(store, "", id=id)
    listed = [each.id for each in store.records.list(PROJECT, "twin", after="a", most=2)]
    assert listed == ["b", "c"]
    assert [each.id for each in store.records.list(PROJECT, "twin")] == ["B", "a", "b", "c"]


def test_all_of_it_or_nothing(store: Store) -> None:
    """Observations, an entity, a record and a message; where one of them cannot be kept, none of them is."""
    good = Deposit([Draft("sensor", "/s", "X")], [Keep("twin", "a", "absent", "{}")], [Send("q", b"1")], by="me")
    (made,) = store.deposit(series({1: 1.0}), PROJECT, good)
    assert made is not None
    assert (made.modified_by, read(store), store.queues.retrieve(PROJECT, "q", 10)) == ("me", {1: 1.0}, [b"1"])
    entity = store.catalog.entity(PROJECT, "sensor", "/s")
    assert entity is not None
    refused: list[tuple[type[StorageError], Deposit]] = [
        (Changed, Deposit([Draft("sensor", "/t", "X")], [Keep("twin", "a", "absent", "{}")], [Send("q", b"2")])),
        (ChangesRefused, Deposit([Draft("sensor", "/s", "X")], [Keep("twin", "b")], [Send("q", b"2")])),
        (ChangesRefused, Deposit([Edit("sensor", "/s", {"x": 1}, seen=entity.change + 1)], [Keep("twin", "b")])),
    ]
    for error, each in refused:
        with pytest.raises(error):
            store.deposit(series({2: 2.0}), PROJECT, each)
    with pytest.raises(NotFound):
        store.deposit(series({2: 2.0}), "none", good)
    assert (read(store), store.queues.retrieve(PROJECT, "q", 10)) == ({1: 1.0}, [b"1"])
    assert store.records.get(PROJECT, "twin", "b") is None
    assert [store.catalog.entity(PROJECT, "sensor", id) for id in ("/s", "/t")] == [entity, None]


def test_one_that_is_refused_keeps_no_other_out(store: Store) -> None:
    """Threads whose deposits share a transaction each get their own answer."""
    put(store, "")

    def send(number: int) -> bool:
        expected: Expected = "absent" if number % 3 == 0 else "present"
        deposit = Deposit(records=[Check("twin", "a", expected)], messages=[Send("q", str(number).encode())])
        try:
            store.deposit(series({number: number}), PROJECT, deposit)
        except Changed:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        kept = [number for number, good in zip(count(), pool.map(send, range(120)), strict=False) if good]
    assert kept == [number for number in range(120) if number % 3]
    assert sorted(read(store)) == kept
    assert sorted(map(int, store.queues.retrieve(PROJECT, "q", 10_000))) == kept


def test_one_that_is_no_text_keeps_no_other_out(store: Store) -> None:
    """Half of a surrogate pair cannot be written, whoever else writes meanwhile."""

    def send(number: int) -> bool:
        body = "\ud800" if number % 3 == 0 else "{}"
        try:
            store.deposit(series({number: number}), PROJECT, Deposit(records=[Keep("twin", str(number), body=body)]))
        except UnicodeEncodeError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        kept = [number for number, good in zip(count(), pool.map(send, range(120)), strict=False) if good]
    assert kept == [number for number in range(120) if number % 3]
    assert sorted(read(store)) == kept


def test_a_new_series_is_noted(store: Store) -> None:
    """What a deposit uploads first is among the sensor's metrics, for whoever asked before as well."""
    assert store.metrics_of(PROJECT, "/s").metrics == ()
    store.deposit(series({1: 1.0}), PROJECT, Deposit())
    assert store.metrics_of(PROJECT, "/s").metrics == ("T",)


@given(st.lists(st.sampled_from(["send", "retrieve", "acknowledge", "reopen"]), max_size=30))
def test_a_queue_keeps_what_nobody_has_acknowledged(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    """In order, through restarts; an acknowledgement takes what was retrieved before it and nothing else."""
    path, numbers = tmp_path_factory.mktemp("queue"), count()
    waiting: list[bytes] = []
    retrieved = 0
    store = opened(path)
    for step in steps:
        if step == "send":
            waiting.append(str(next(numbers)).encode())
            store.deposit(None, PROJECT, Deposit(messages=[Send("q", waiting[-1]), Send("other", b"x")]))
        elif step == "retrieve":
            assert store.queues.retrieve(PROJECT, "q", 1_000_000) == waiting
            retrieved = len(waiting)
        elif step == "acknowledge":
            assert store.queues.acknowledge(PROJECT, "q") == retrieved
            waiting, retrieved = waiting[retrieved:], 0
        else:
            store.close()
            store = opened(path)
    store.close()


def test_so_much_is_retrieved_at_once(store: Store) -> None:
    """What fits, and at least one; an acknowledgement leaves the rest."""
    store.deposit(None, PROJECT, Deposit(messages=[Send("q", body) for body in (b"12", b"34", b"5", b"6789")]))
    assert store.queues.retrieve(PROJECT, "q", 4) == [b"12", b"34"]
    assert store.queues.acknowledge(PROJECT, "q") == 2
    assert store.queues.retrieve(PROJECT, "q", 0) == [b"5"]
    assert store.queues.retrieve(PROJECT, "q", 5) == [b"5", b"6789"]


def test_they_go_with_their_project(store: Store) -> None:
    """Records, their past and queues of a deleted project are gone; a backup has those of the others."""
    gone = store.catalog.create_project("other").id
    for project in (PROJECT, gone):
        for body in "12":
            keep = Keep("twin", "a", body=body, past=True)
            store.deposit(None, project, Deposit(records=[keep], messages=[Send("q", b"x")]))
    store.delete_project(gone)
    assert [len(store.records.list(project, "twin")) for project in (PROJECT, gone)] == [1, 0]
    assert [len(store.records.past(project, "twin", "a")) for project in (PROJECT, gone)] == [1, 0]
    assert [len(store.queues.retrieve(project, "q", 10)) for project in (PROJECT, gone)] == [2, 0]
    store.backup(store.layout.root.parent / "copy")
    Store.restore(store.layout.root.parent / "copy", store.layout.root.parent / "again")
    with opened(store.layout.root.parent / "again") as again:
        assert again.records.get(PROJECT, "twin", "a") == store.records.get(PROJECT, "twin", "a")
        assert again.queues.retrieve(PROJECT, "q", 10) == [b"x", b"x"]


def test_killed_between_any_two_lines(tmp_path: Path) -> None:
    """Of each deposit all is there or nothing, and all of those that were acknowledged."""
    process, ear = start(deposit, tmp_path / "whole", 0)
    process.join()
    (_, lines) = messages(ear)[-1]
    for number in range(KILLS):
        path = tmp_path / str(number)
        process, ear = start(deposit, path, 1 + number * lines // KILLS)
        process.join()
        assert process.exitcode == -9
        acknowledged = [step for _, step in messages(ear)]
        with opened(path, QUIET) as store:
            record = store.records.get(PROJECT, "twin", "a")
            steps = 0 if record is None else int(record.body)
            assert steps in (len(acknowledged), len(acknowledged) + 1)
            assert list(read(store)) == list(range(1, steps + 1))
            assert store.queues.retrieve(PROJECT, "q", 1000) == [str(step).encode() for step in range(1, steps + 1)]
            assert [each.body for each in store.records.past(PROJECT, "twin", "a")] == [
                str(step) for step in range(1, steps)
            ]
            assert len(store.catalog.entities(PROJECT, "sensor")) == steps
            assert store.verify().clean
