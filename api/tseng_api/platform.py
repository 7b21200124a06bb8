"""REST: lists of nodes, devices and sensors, and projects (seed 003, Working with Projects)."""

import base64
import binascii
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.responses import Response

from tseng.errors import InvalidRequest
from tseng_api.entities import wired
from tseng_api.http import Received, answer_json, route
from tseng_api.queries import only, project_ids, single
from tseng_storage.entities import KINDS, Kind, Project

DEFAULT_PAGE = 100
LARGEST_PAGE = 1000


class NewProject(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /api/projects`; the iTwin id is an alias for later requests."""

    name: str
    itwinId: str | None = None


def list_entities(kind: Kind) -> Callable[[Received], Response]:
    """Return the handler of `/api/{kind}s/all`."""

    def list_page(received: Received) -> Response:
        only(received.query, ("pageSize", "pageToken", "projectIds"))
        project, size = received.session.project(project_ids(received.query)), _page_size(received)
        after = _after(received, f"{project}\n{kind}\n")
        page = received.engine.entities(kind, project=project, after=after, limit=size + 1)
        token = _token(f"{project}\n{kind}\n{page[size - 1].id}") if len(page) > size else None
        return answer_json({f"{kind}s": wired(received.engine, page[:size]), "nextPageToken": token})

    list_page.__name__ = f"list_{kind}s"
    return list_page


def list_projects(received: Received) -> Response:
    """Answer `GET /api/projects`: those that the key reaches."""
    bound = received.session.require("reader").project
    reached = [project for project in received.engine.projects() if bound in (None, project.id)]
    return answer_json({"projects": [project_object(project) for project in reached]})


def create_project(received: Received) -> Response:
    """Answer `POST /api/projects`."""
    received.session.require_all_projects()
    asked = received.json(NewProject)
    if not asked.name.strip():
        raise InvalidRequest.at("name", "must not be empty")
    if asked.itwinId is not None and not _is_guid(asked.itwinId):
        raise InvalidRequest.at("itwinId", f"{asked.itwinId!r} is no GUID")
    return answer_json(project_object(received.engine.create_project(asked.name, asked.itwinId)), 201)


def _is_guid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def get_project(received: Received) -> Response:
    """Answer `GET /api/projects/{id}`, by id or iTwin id."""
    id = received.session.project(received.path["id"])
    return answer_json(project_object(received.engine.project(id)))


def project_object(project: Project) -> dict[str, Any]:
    """Return a project as REST shows it; `default` stands on one alone."""
    shape: dict[str, Any] = {"id": project.id, "name": project.name}
    shape |= {"itwinId": project.itwin_id} if project.itwin_id else {}
    return shape | ({"default": True} if project.is_default else {})


def _page_size(received: Received) -> int:
    text = single(received.query, "pageSize") if "pageSize" in received.query else str(DEFAULT_PAGE)
    size = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    if not 1 <= size <= LARGEST_PAGE:
        raise InvalidRequest.at("pageSize", f"{text!r} is no number from 1 to {LARGEST_PAGE}")
    return size


def _token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def _after(received: Received, list_of: str) -> str | None:
    """Id that the page follows; a token belongs to the list it came from."""
    if "pageToken" not in received.query:
        return None
    try:
        text = base64.b64decode(single(received.query, "pageToken"), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    if not text.startswith(list_of):
        raise InvalidRequest.at("pageToken", "is none that this list gave out")
    return text.removeprefix(list_of)


ROUTES = [
    *(route(f"/api/{kind}s/all", list_entities(kind)) for kind in KINDS),
    route("/api/projects", list_projects),
    route("/api/projects", create_project, "admin", method="POST"),
    route("/api/projects/{id}", get_project),
]
