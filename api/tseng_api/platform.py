"""REST: lists of nodes, devices and sensors, and projects (seed 003, Working with Projects)."""

import base64
import binascii
import uuid
from typing import Annotated, NotRequired, TypedDict

import msgspec

from tseng.errors import InvalidRequest
from tseng_api.entities import EntityObject, wired
from tseng_api.query_strings import Ignored, InProject
from tseng_api.routing import Received, route
from tseng_storage.entities import Kind, Project

DEFAULT_PAGE = 100
LARGEST_PAGE = 1000


class NewProject(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /api/projects`; the iTwin id is an alias for later requests."""

    name: str
    itwinId: str | None = None


class Page(InProject):
    """One page: as many as `pageSize`, after those of the page that gave `pageToken`."""

    pageSize: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_PAGE)] = DEFAULT_PAGE
    pageToken: str | None = None


class ProjectObject(TypedDict):
    """A project; `default` stands on one alone."""

    id: str
    name: str
    itwinId: NotRequired[str]
    default: NotRequired[bool]


class Projects(TypedDict):
    """Projects that a key reaches."""

    projects: list[ProjectObject]


class MonthUsage(TypedDict):
    """What came in in one month (`YYYY-MM`, UTC) and is still there."""

    month: str
    observations: int
    bytes: int


class DataUsage(TypedDict):
    """Raw values that a project holds and their bytes on disk, in all and by the month in which they came in."""

    observations: int
    bytes: int
    months: list[MonthUsage]


class NodePage(TypedDict):
    """Nodes, and the token of the next page if there is one."""

    nodes: list[EntityObject]
    nextPageToken: str | None


class DevicePage(TypedDict):
    """Devices, and the token of the next page if there is one."""

    devices: list[EntityObject]
    nextPageToken: str | None


class SensorPage(TypedDict):
    """Sensors, and the token of the next page if there is one."""

    sensors: list[EntityObject]
    nextPageToken: str | None


def list_nodes(received: Received[Page, None]) -> NodePage:
    """List nodes page by page."""
    page, token = _page(received, "node")
    return {"nodes": page, "nextPageToken": token}


def list_devices(received: Received[Page, None]) -> DevicePage:
    """List devices page by page."""
    page, token = _page(received, "device")
    return {"devices": page, "nextPageToken": token}


def list_sensors(received: Received[Page, None]) -> SensorPage:
    """List sensors page by page."""
    page, token = _page(received, "sensor")
    return {"sensors": page, "nextPageToken": token}


def _page(received: Received[Page, None], kind: Kind) -> tuple[list[EntityObject], str | None]:
    project, size = received.project, received.query.pageSize
    list_of = f"{project}\n{kind}\n"
    after = None if received.query.pageToken is None else _after(received.query.pageToken, list_of)
    page = received.engine.entities(kind, project=project, after=after, limit=size + 1)
    token = _token(list_of + page[size - 1].id) if len(page) > size else None
    return wired(received.engine, page[:size]), token


def list_projects(received: Received[Ignored, None]) -> Projects:
    """List the projects that the key reaches."""
    bound = received.session.require("reader").project
    reached = [project for project in received.engine.projects() if bound in (None, project.id)]
    return {"projects": [project_object(project) for project in reached]}


def create_project(received: Received[Ignored, NewProject]) -> ProjectObject:
    """Create a project."""
    received.session.require_all_projects()
    asked = received.body
    if not asked.name.strip():
        raise InvalidRequest.at("name", "must not be empty")
    if asked.itwinId is not None and not _is_guid(asked.itwinId):
        raise InvalidRequest.at("itwinId", f"{asked.itwinId!r} is no GUID")
    return project_object(received.engine.create_project(asked.name, asked.itwinId))


def _is_guid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def get_project(received: Received[Ignored, None]) -> ProjectObject:
    """Tell of a project, by its id or its iTwin id."""
    id = received.session.project(received.path["id"])
    return project_object(received.engine.project(id))


def get_data_usage(received: Received[Ignored, None]) -> DataUsage:
    """Tell how much a project holds, and in which month it came in."""
    usage = received.engine.usage(received.session.project(received.path["id"]))
    months: list[MonthUsage] = [
        {"month": each.month, "observations": each.observations, "bytes": each.bytes} for each in usage.months
    ]
    return {"observations": usage.observations, "bytes": usage.bytes, "months": months}


def delete_project(received: Received[Ignored, None]) -> None:
    """Delete a project with everything in it; the default one stays."""
    received.session.require_all_projects()
    received.engine.delete_project(received.path["id"])


def project_object(project: Project) -> ProjectObject:
    """Return a project as REST shows it."""
    shape: ProjectObject = {"id": project.id, "name": project.name}
    if project.itwin_id:
        shape["itwinId"] = project.itwin_id
    if project.is_default:
        shape["default"] = True
    return shape


def _token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def _after(token: str, list_of: str) -> str:
    """Id that the page follows; a token belongs to the list it came from."""
    try:
        text = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    if not text.startswith(list_of):
        raise InvalidRequest.at("pageToken", "is none that this list gave out")
    return text.removeprefix(list_of)


ROUTES = [
    route("/api/nodes/all", list_nodes, refusals=(404,)),
    route("/api/devices/all", list_devices, refusals=(404,)),
    route("/api/sensors/all", list_sensors, refusals=(404,)),
    route("/api/projects", list_projects),
    route("/api/projects", create_project, "admin", method="POST", status=201, refusals=(409,)),
    route("/api/projects/{id}", get_project, refusals=(404,)),
    route("/api/projects/{id}/dataUsage", get_data_usage, refusals=(404,)),
    route("/api/projects/{id}", delete_project, "admin", method="DELETE", refusals=(404, 409)),
]
