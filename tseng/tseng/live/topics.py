"""The topics that are followed, found by their question and by what they depend on."""

from collections.abc import Iterable, Iterator

from tseng.live.planning import Need, Question
from tseng.live.topic import Topic
from tseng_storage.catalog import Catalog
from tseng_storage.entities import AnyKind


class Topics:
    """An index of topics. Not safe in several threads."""

    def __init__(self) -> None:
        """There are none."""
        self._by_question: dict[Question, Topic] = {}
        self._by_need: dict[Need, set[Topic]] = {}
        self._needs: dict[Topic, set[Need]] = {}

    def __len__(self) -> int:
        return len(self._needs)

    def __iter__(self) -> Iterator[Topic]:
        return iter(self._needs)

    def get(self, question: Question) -> Topic | None:
        """The topic of a question."""
        return self._by_question.get(question)

    def put(self, topic: Topic) -> None:
        """Take a topic in, or take note of what it depends on now."""
        if self._needs.get(topic) is topic.needs:  # each planning makes a set of its own
            return
        self._forget(topic)
        self._by_question[topic.question] = topic
        self._needs[topic] = topic.needs
        for need in topic.needs:
            self._by_need.setdefault(need, set()).add(topic)

    def remove(self, topic: Topic) -> None:
        """Leave a topic out."""
        self._forget(topic)
        self._by_question.pop(topic.question, None)

    def _forget(self, topic: Topic) -> None:
        for need in self._needs.pop(topic, ()):
            having = self._by_need[need]
            having.discard(topic)
            if not having:
                del self._by_need[need]

    def reading(self, sensors: Iterable[tuple[str, str]]) -> set[Topic]:
        """The topics that depend on one of these sensors (project, id)."""
        needs = (Need(project, "sensor", id) for project, id in sensors)
        return {topic for need in needs for topic in self._by_need.get(need, ())}

    def configured_by(self, changed: Iterable[tuple[str, AnyKind, str]], catalog: Catalog) -> set[Topic]:
        """The topics whose plan may be another once these entities or definitions (project, kind, id) changed."""
        needs = (need for each in changed for need in _needs(*each, catalog))
        return {topic for need in needs for topic in self._by_need.get(need, ())}

    def without_project(self, catalog: Catalog) -> set[Topic]:
        """The topics of projects that are there no more."""
        projects = {topic.question.project for topic in self}
        gone = {project for project in projects if catalog.project(project) is None}
        return {topic for topic in self if topic.question.project in gone}


def _needs(project: str, kind: AnyKind, id: str, catalog: Catalog) -> Iterator[Need]:
    if kind == "sensor":
        yield Need(project, "sensor", id)
        # Also of a device that it was taken from.
        for parent in catalog.parents(project, "sensor", id):
            yield Need(project, "mates", parent)
    elif kind == "device":
        yield Need(project, "device", id)
    elif kind in ("metric", "unit"):
        yield Need(project, "definitions", "")
