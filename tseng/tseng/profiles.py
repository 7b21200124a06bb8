"""The engine's verbs for profiles: named lists of sensors along a line, and their values along it at some times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from tseng.access import find_project
from tseng.errors import REFUSALS, Fault, InvalidRequest, NotFound, within
from tseng.ids import LONGEST_ID
from tseng.reads import Read
from tseng.requests import Request, When, instant
from tseng.settings import Settings
from tseng.view import ProjectView
from tseng_storage.entities import Entity
from tseng_storage.store import Store
from tseng_units.instants import format_instant
from tseng_units.registry import DIMENSIONS, require_unit
from tseng_units.run import widened
from tseng_units.windows import parse_duration

if TYPE_CHECKING:
    import pandas as pd

Axis = Literal["depth", "chainage"]

MOST_POINTS = 1000
MOST_TIMES = 1000


class ProfilePoint(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One sensor, and where on the axis it is."""

    sensor: str
    at: float


class Outline(msgspec.Struct, forbid_unknown_fields=True):
    """A profile as it is written; an `id` must be that under which it is put, `version` is not looked at."""

    name: str
    axis: Axis
    unit: str
    points: list[ProfilePoint]
    id: str | None = None
    version: int | None = None


class Profile(msgspec.Struct, frozen=True):
    """A profile: its sensors in the order of their places `at` on the axis [unit]; `version` counts its changes."""

    id: str
    name: str
    axis: Axis
    unit: str
    points: tuple[ProfilePoint, ...]
    version: int


@dataclass(frozen=True)
class ProfileData:
    """Values along a profile.

    Attributes:
        unit: of the values.
        time: datetime64[us], shape (times,), UTC, ascending and unique.
        value: float64, shape (times, points); NaN where a sensor has no reading near enough.
        provenance: of each point, as of a series, with the times asked for as its `alignment`.
    """

    profile: Profile
    metric: str
    unit: str
    time: NDArray[np.datetime64]
    value: NDArray[np.float64]
    provenance: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    def to_pandas(self) -> "pd.DataFrame":
        """Return a frame with a row for each point, by its place on the axis, and a column for each time."""
        import pandas as pd

        at = pd.Index([point.at for point in self.profile.points], name=f"{self.profile.axis} [{self.profile.unit}]")
        return pd.DataFrame(self.value.T, index=at, columns=pd.DatetimeIndex(self.time).tz_localize("UTC"))


class Profiling:
    """Verbs over the profiles of one store's projects; `project` is an id or iTwin id, None the default one."""

    store: Store
    settings: Settings

    def put_profile(
        self, id: str, profile: Mapping[str, Any] | Outline, *, by: str | None = None, project: str | None = None
    ) -> Profile:
        """Make or replace a profile, `{"name", "axis", "unit", "points": [{"sensor", "at"}, ...]}`.

        Raises:
            InvalidRequest: it has not that shape, or its points are not strictly ascending, finite and each another
                sensor of the project; every such point is named.
            tseng_units.errors.UnitsError: the unit is none of length.
        """
        home, outline = find_project(self.store.catalog, project).id, _outlined(profile)
        known = {each.id for each in self.store.catalog.entities(home, "sensor", [p.sensor for p in outline.points])}
        faults = [*_faults_of_words(id, outline), *_faults_of_points(outline.points, known)]
        if faults:
            raise InvalidRequest(faults)
        require_unit(outline.unit, DIMENSIONS["length"])
        body = {name: getattr(outline, name) for name in ("name", "axis", "unit")}
        body["points"] = [{"sensor": point.sensor, "at": point.at} for point in outline.points]
        return _profile(self.store.catalog.put_definitions(home, "profile", {id: body}, by=by)[0])

    def profiles(self, *, project: str | None = None) -> list[Profile]:
        """All profiles of a project, by id."""
        home = find_project(self.store.catalog, project).id
        return [_profile(entity) for entity in self.store.catalog.definitions(home, "profile")]

    def profile(self, id: str, *, project: str | None = None) -> Profile:
        """Return a profile.

        Raises:
            NotFound: no such profile in this project.
        """
        return self._found(ProjectView(self.store, find_project(self.store.catalog, project).id), id)

    def remove_profile(self, id: str, *, by: str | None = None, project: str | None = None) -> None:
        """Forget a profile; its history stays.

        Raises:
            NotFound: no such profile in this project.
        """
        self.profile(id, project=project)
        self.store.catalog.put_definitions(find_project(self.store.catalog, project).id, "profile", {id: {}}, by=by)

    def get_profile(
        self,
        id: str,
        metric: str,
        unit: str,
        at: Sequence[When],
        *,
        tolerance: str | None = None,
        params: Mapping[str, Any] | None = None,
        as_of: When = None,
        project: str | None = None,
    ) -> ProfileData:
        """One metric of all sensors of a profile at some times, all from one snapshot.

        Args:
            id: the profile.
            metric: raw or derived metric id that every sensor of the profile has.
            unit: unit id of the metric's dimension.
            at: times; the answer has each once, ascending.
            tolerance: how far from a time a reading may lie, such as "5min", the earlier one on a tie; without it
                readings count at exactly these times.
            params: metric parameters, as of `get_data`.
            as_of: answer as it was known then, the profile too.
            project: id or iTwin id; None is the default project.

        Raises:
            NotFound: no such profile.
            InvalidRequest: the times, or how many there are.
            EngineError, tseng_units.errors.UnitsError: as of `get_data`; the point is named by its index.
        """
        view = ProjectView(self.store, find_project(self.store.catalog, project).id)
        then, near = instant("asOf", as_of), 0 if tolerance is None else parse_duration(tolerance, "tolerance")
        profile, time = self._found(view if then is None else view.as_of(then), id), _times(at)
        start, end = (np.datetime64(us, "us") for us in widened(int(time[0]), int(time[-1]), near, near))
        asked = Request("", metric, unit, params=params, start=start, end=end, as_of=as_of)
        reads = _reads(view, profile, asked)
        told = {"align": "nearest", "tolerance": tolerance or "0s", "at": [format_instant(int(us)) for us in time]}
        return ProfileData(
            profile, metric, unit, time.view("datetime64[us]"),
            np.stack([read.nearest(time, near) for read in reads], axis=1),
            tuple({**read.provenance, "alignment": told} for read in reads),
        )  # fmt: skip

    def _found(self, view: ProjectView, id: str) -> Profile:
        entity = self.store.catalog.entity(view.project, "profile", id, view.knowledge)
        if entity is None or not entity.props:
            raise NotFound(f"there is no profile {id!r}", field="profile", seen=id)
        return _profile(entity)


def _profile(entity: Entity) -> Profile:
    return msgspec.convert({"id": entity.id, **entity.props}, Profile)


def _outlined(profile: Mapping[str, Any] | Outline) -> Outline:
    if isinstance(profile, Outline):
        return profile
    try:
        return msgspec.convert(profile, Outline)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise InvalidRequest.at(path.lstrip(".").rstrip("`"), message) from None


def _faults_of_words(id: str, outline: Outline) -> list[Fault]:
    blank = f"must have 1 to {LONGEST_ID} characters, not all of them blank"
    words = {"id": id, "name": outline.name}
    faults = [Fault(word, blank) for word, text in words.items() if not text.strip() or len(text) > LONGEST_ID]
    if "/" in id:
        faults.append(Fault("id", "must not hold a slash"))
    if outline.id not in (None, id):
        faults.append(Fault("id", f"{outline.id!r} is not the id under which the profile is put"))
    if not 1 <= len(outline.points) <= MOST_POINTS:
        faults.append(Fault("points", f"must be 1 to {MOST_POINTS}, not {len(outline.points)}"))
    return faults


def _faults_of_points(points: Sequence[ProfilePoint], known: set[str]) -> list[Fault]:
    faults, first = list[Fault](), dict[str, int]()
    for index, point in enumerate(points):
        if point.sensor not in known:
            faults.append(Fault(f"points[{index}].sensor", f"there is no sensor {point.sensor!r}"))
        elif first.setdefault(point.sensor, index) != index:
            faults.append(Fault(f"points[{index}].sensor", f"is that of points[{first[point.sensor]}]"))
        if not isfinite(point.at):
            faults.append(Fault(f"points[{index}].at", f"{point.at} is not a finite number"))
    for index, (before, point) in enumerate(pairwise(points), 1):
        if point.at <= before.at:
            faults.append(Fault(f"points[{index}].at", f"{point.at:g} does not lie beyond {before.at:g} before it"))
    return faults


def _times(at: Sequence[When]) -> NDArray[np.int64]:
    if isinstance(at, str) or not 1 <= len(at) <= MOST_TIMES:
        raise InvalidRequest.at("at", f"must be a list of 1 to {MOST_TIMES} times")
    found = [instant(f"at[{index}]", each) for index, each in enumerate(at)]
    if None in found:
        raise InvalidRequest.at(f"at[{found.index(None)}]", "is no time")
    return np.unique(np.array(found, np.int64))


def _reads(view: ProjectView, profile: Profile, asked: Request) -> list[Read]:
    reads = []
    for index, point in enumerate(profile.points):
        try:
            reads.append(Read(view, replace(asked, sensor=point.sensor)))
        except REFUSALS as error:
            raise within(f"points[{index}]", error) from None
    return reads
