"""REST: documents of a project (seed 003, Working with Projects; all but the path of the list is ours)."""

from typing import Annotated, NotRequired, TypedDict
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from tseng_api.paging import Paged, behind, token
from tseng_api.query_strings import InProject
from tseng_api.routing import Answer, Received, route
from tseng_storage.documents import Document
from tseng_units.instants import format_instant


class Named(InProject):
    """The project, and the name of the file."""

    name: str


class DocumentObject(TypedDict):
    """What is recorded of a document; the checksum is in hex, `createdBy` absent where that is not known."""

    id: str
    name: str
    mediaType: str
    size: int
    sha256: str
    created: str
    createdBy: NotRequired[str]


class DocumentPage(TypedDict):
    """Documents, oldest first, and the token of the next page if there is one."""

    documents: list[DocumentObject]
    nextPageToken: str | None


# When a document was kept, and its id; the store holds no later time.
_Place = tuple[Annotated[int, msgspec.Meta(le=2**63 - 1)], str]


def list_documents(received: Received[Paged, None]) -> DocumentPage:
    """List the documents of a project page by page, oldest first."""
    size, list_of = received.query.pageSize, [received.project, "documents"]
    after: tuple[int, str] | None = behind(received.query.pageToken, list_of, _Place)
    found = received.engine.documents(project=received.project, after=after, limit=size + 1)
    more = token(list_of, (found[size - 1].created, found[size - 1].id)) if len(found) > size else None
    return {"documents": [document_object(each) for each in found[:size]], "nextPageToken": more}


def post_document(received: Received[Named, bytes]) -> DocumentObject:
    """Keep a file: the body, of its Content-Type."""
    kind = received.headers.get("content-type", "")
    by = received.session.author
    made = received.engine.keep_document(received.query.name, kind, received.body, by=by, project=received.project)
    return document_object(made)


def get_document(received: Received[InProject, None]) -> Response:
    """Fetch a file as it was sent.

    A browser saves it and shows nothing of it.
    """
    found, content = received.engine.document(received.path["id"], project=received.project)
    headers = {
        "Content-Type": found.media_type,
        "Content-Disposition": disposition(found.name),
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, headers=headers)


def delete_document(received: Received[InProject, None]) -> None:
    """Take a document away."""
    received.engine.remove_document(received.path["id"], project=received.project)


def disposition(name: str) -> str:
    """`Content-Disposition` under which a file is saved (RFC 6266): any name, and one in ASCII for old clients."""
    plain = "".join(each if each.isascii() and each not in '"%' else "_" for each in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def document_object(document: Document) -> DocumentObject:
    """Return what is recorded of a document as REST shows it."""
    shape: DocumentObject = {
        "id": document.id,
        "name": document.name,
        "mediaType": document.media_type,
        "size": document.size,
        "sha256": document.sha256,
        "created": format_instant(document.created),
    }
    if document.created_by is not None:
        shape["createdBy"] = document.created_by
    return shape


_ANY = {"*/*": bytes}
# Which there may be is for the settings to say; these are named for whoever picks one from a list.
_SOME = dict.fromkeys(("application/pdf", "image/jpeg", "image/png", "text/csv", "text/plain", "*/*"), bytes)

ROUTES = [
    route("/api/documents", list_documents, refusals=(404,)),
    route("/api/documents", post_document, "writer", method="POST", status=201, takes=_SOME, refusals=(404, 415)),
    route("/api/documents/{id}", get_document, answers={200: Answer("The file.", _ANY)}, refusals=(404,)),
    route("/api/documents/{id}", delete_document, "writer", method="DELETE", refusals=(404,)),
]
