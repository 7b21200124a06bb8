"""REST: profiles and values along them (seed 003, Working with Projects; all but the path of the list is ours)."""

from typing import Any, ClassVar, NotRequired, TypedDict

import msgspec
from starlette.responses import Response

from tseng.parameters import from_text
from tseng.profiles import Outline, Profile, ProfileData
from tseng_api.http import JSON, answer_json
from tseng_api.queries import Duration, Instant, Known
from tseng_api.query_strings import InProject, Rest
from tseng_api.routing import Answer, Received, route
from tseng_units.instants import format_instant


class Along(Rest):
    """Values along a profile; a name that is none of these is a metric parameter, as of `GET /api/data`."""

    REST: ClassVar[str] = "params"

    metric: str
    unit: str
    at: list[Instant]
    params: dict[str, str] = msgspec.field(default_factory=dict)
    tolerance: Duration | None = None
    asOf: Known | None = None
    provenance: bool = False


class ProfileList(TypedDict):
    """The profiles of a project, by id."""

    profiles: list[Profile]


class ProfileValues(TypedDict):
    """Values by ISO time, in the order of the profile's points; null where a sensor has no reading near enough."""

    profile: Profile
    metric: str
    unit: str
    data: dict[str, list[float | None]]
    provenance: NotRequired[list[dict[str, Any]]]


def list_profiles(received: Received[InProject, None]) -> ProfileList:
    """List the profiles of a project."""
    return {"profiles": received.engine.profiles(project=received.project)}


def get_profile(received: Received[InProject, None]) -> Profile:
    """Describe one profile."""
    return received.engine.profile(received.path["id"], project=received.project)


def put_profile(received: Received[InProject, Outline]) -> Response:
    """Make or replace a profile."""
    engine, id, project = received.engine, received.path["id"], received.project
    there = any(each.id == id for each in engine.profiles(project=project))
    by = received.session.author
    return answer_json(engine.put_profile(id, received.body, by=by, project=project), 200 if there else 201)


def delete_profile(received: Received[InProject, None]) -> None:
    """Forget a profile."""
    by = received.session.author
    received.engine.remove_profile(received.path["id"], by=by, project=received.project)


def get_profile_data(received: Received[Along, None]) -> ProfileValues:
    """Read a metric of all sensors of a profile at some times."""
    asked = received.query
    found = received.engine.get_profile(
        received.path["id"], asked.metric, asked.unit, asked.at, tolerance=asked.tolerance,
        params={name: from_text(text) for name, text in asked.params.items()}, as_of=asked.asOf,
        project=received.project,
    )  # fmt: skip
    return _values(found, provenance=asked.provenance)


def _values(found: ProfileData, *, provenance: bool) -> ProfileValues:
    times = [format_instant(us) for us in found.time.astype("int64").tolist()]
    # A value that is missing is NaN, and NaN is not itself.
    rows = [[value if value == value else None for value in row] for row in found.value.tolist()]
    shape: ProfileValues = {
        "profile": found.profile,
        "metric": found.metric,
        "unit": found.unit,
        "data": dict(zip(times, rows, strict=True)),
    }
    if provenance:
        shape["provenance"] = [dict(each) for each in found.provenance]
    return shape


_MADE = {
    200: Answer("The profile, replaced or as it was.", {JSON: Profile}),
    201: Answer("The profile, new.", {JSON: Profile}),
}

ROUTES = [
    route("/api/profiles", list_profiles, refusals=(404,)),
    route("/api/profiles/{id}", get_profile, refusals=(404,)),
    route("/api/profiles/{id}", put_profile, "writer", method="PUT", answers=_MADE, refusals=(404,)),
    route("/api/profiles/{id}", delete_profile, "writer", method="DELETE", refusals=(404,)),
    route("/api/profiles/{id}/data", get_profile_data, few=True, refusals=(404,)),
]
