"""REST: projects (seed 003, Working with Projects)."""

import uuid
from typing import NotRequired, TypedDict

import msgspec

from tseng.errors import InvalidRequest
from tseng.ids import LONGEST_ID
from tseng_api.query_strings import Ignored
from tseng_api.routing import Received, route
from tseng_storage.entities import Project


class NewProject(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /api/projects`; the iTwin id is an alias for later requests."""

    name: str
    itwinId: str | None = None


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


class DocumentsUsage(TypedDict):
    """Documents that a project keeps."""

    count: int
    bytes: int


class DataUsage(TypedDict):
    """Raw values that a project holds and their bytes on disk, in all and by the month they came in; its documents."""

    observations: int
    bytes: int
    months: list[MonthUsage]
    documents: DocumentsUsage


def list_projects(received: Received[Ignored, None]) -> Projects:
    """List the projects that the key reaches."""
    bound = received.session.require("reader").project
    reached = [project for project in received.engine.projects() if bound in (None, project.id)]
    return {"projects": [project_object(project) for project in reached]}


def create_project(received: Received[Ignored, NewProject]) -> ProjectObject:
    """Create a project."""
    received.session.require_all_projects()
    asked = received.body
    if not asked.name.strip() or len(asked.name) > LONGEST_ID:
        raise InvalidRequest.at("name", f"must have 1 to {LONGEST_ID} characters, not all of them blank")
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
    project = received.session.project(received.path["id"])
    usage = received.engine.usage(project)
    count, size = received.engine.documents_usage(project)
    months: list[MonthUsage] = [
        {"month": each.month, "observations": each.observations, "bytes": each.bytes} for each in usage.months
    ]
    return {
        "observations": usage.observations,
        "bytes": usage.bytes,
        "months": months,
        "documents": {"count": count, "bytes": size},
    }


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


ROUTES = [
    route("/api/projects", list_projects),
    route("/api/projects", create_project, "admin", method="POST", status=201, refusals=(409,)),
    route("/api/projects/{id}", get_project, refusals=(404,)),
    route("/api/projects/{id}/dataUsage", get_data_usage, refusals=(404,)),
    route("/api/projects/{id}", delete_project, "admin", method="DELETE", refusals=(404, 409)),
]
