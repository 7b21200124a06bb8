"""REST: projects (seed 003, Working with Projects)."""

import uuid
from typing import NotRequired, TypedDict

import msgspec

from tseng.errors import InvalidRequest, NotFound
from tseng.ids import LONGEST_ID
from tseng_api.query_strings import InProject
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


def list_projects(received: Received[InProject, None]) -> Projects:
    """List the projects that the key reaches."""
    only = received.project if received.query.projectIds else received.session.require("reader").project
    reached = [project for project in received.engine.projects() if only in (None, project.id)]
    return {"projects": [project_object(project) for project in reached]}


def create_project(received: Received[InProject, NewProject]) -> ProjectObject:
    """Create a project."""
    received.session.require_all_projects()
    _ = received.project  # which must be there, where it is named
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


def get_project(received: Received[InProject, None]) -> ProjectObject:
    """Tell of a project, by its id or its iTwin id."""
    return project_object(received.engine.project(_project(received)))


def get_data_usage(received: Received[InProject, None]) -> DataUsage:
    """Tell how much a project holds, and in which month it came in."""
    project = _project(received)
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


def delete_project(received: Received[InProject, None]) -> None:
    """Delete a project with everything in it; the default one stays."""
    received.session.require_all_projects()
    received.engine.delete_project(_project(received))


def _project(received: Received[InProject, None]) -> str:
    """Id of the project of the path; if projectIds stands there too, it means the same one.

    Raises:
        NotFound: there is none that the key reaches, or it means another one.
    """
    id = received.path["id"]
    try:
        found = received.session.project(id)
    except NotFound as absent:
        raise NotFound(str(absent), field="id", seen=id) from None
    if received.query.projectIds and received.project != found:
        raise NotFound(f"{id!r} is not the project that projectIds means", field="projectIds", seen=id)
    return found


def project_object(project: Project) -> ProjectObject:
    """Return a project as REST shows it."""
    shape: ProjectObject = {"id": project.id, "name": project.name}
    if project.itwin_id:
        shape["itwinId"] = project.itwin_id
    if project.is_default:
        shape["default"] = True
    return shape


ROUTES = [
    route("/api/projects", list_projects, refusals=(404,)),
    route("/api/projects", create_project, "admin", method="POST", status=201, refusals=(404, 409)),
    route("/api/projects/{id}", get_project, refusals=(404,)),
    route("/api/projects/{id}/dataUsage", get_data_usage, refusals=(404,)),
    route("/api/projects/{id}", delete_project, "admin", method="DELETE", refusals=(404, 409)),
]
