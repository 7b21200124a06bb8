"""What a query from outside may do: read the views, and nothing else.

Two fences stand one behind the other. The first looks at the query as DuckDB's own parser has understood it and lets
pass what is listed here: a SELECT over our views with functions that compute. The second shuts the connection itself:
of all files only the snapshot's may be opened, no extension can come in and no setting can be turned back. The first
keeps out what the second cannot see, such as system tables that name files; the second what a parser may overlook.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from tseng.errors import InvalidRequest

if TYPE_CHECKING:
    import duckdb

VIEWS = ("observations", "sensors", "devices", "nodes", "metrics", "units")
TABLE_FUNCTIONS = ("get_data", "generate_series", "range", "unnest", "json_each", "json_tree")

# Functions that tell of the machine, that wait, or that take bytes for the inside of the database.
_DENIED = frozenset({
    "current_setting", "getenv", "getvariable", "write_log", "pg_sleep", "sleep_ms", "pg_get_viewdef",
    "finalize", "combine", "to_aggregate_state", "query", "query_table",
})  # fmt: skip
# Every kind of node that reads, as `json_serialize_sql` names it; INSERT, UPDATE, DELETE and MERGE nodes are not here.
_QUERIES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_SOURCES = {
    "EMPTY", "BASE_TABLE", "JOIN", "SUBQUERY", "TABLE_FUNCTION", "EXPRESSION_LIST", "PIVOT", "SHOW_REF",
}  # fmt: skip
_MODIFIERS = {
    "ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER",
    "ORDER_DEFAULT", "ASCENDING", "DESCENDING",
}  # fmt: skip
_KNOWN = _QUERIES | _SOURCES | _MODIFIERS

_SETTINGS = (
    "temp_directory = ''",
    "enable_external_access = false",
    "autoload_known_extensions = false",
    "autoinstall_known_extensions = false",
    "allow_community_extensions = false",
    "allow_persistent_secrets = false",
    "python_enable_replacements = false",
    "enable_progress_bar = false",
)


def harden(connection: "duckdb.DuckDBPyConnection", files: Iterable[str], *, memory: int, threads: int = 2) -> None:
    """Shut a connection for good: only `files` can be read, and no setting can be changed any more.

    Args:
        connection: one whose views are made already.
        files: paths as the views name them.
        memory: bytes that a query may take.
        threads: threads that a query may use.
    """
    connection.execute(f"SET allowed_paths = [{', '.join(_quoted(file) for file in files)}]")
    for setting in (*_SETTINGS, f"memory_limit = '{memory}B'", f"threads = {threads}", "lock_configuration = true"):
        connection.execute(f"SET {setting}")


def check(connection: "duckdb.DuckDBPyConnection", query: str) -> None:
    """Let pass one SELECT over the views.

    Raises:
        InvalidRequest: it does not parse, is more than one statement or none, or does anything else.
    """
    tree = _parsed(connection, query)
    taken = {name.lower() for name in _tables_of_the_system(connection)}
    named = {name.lower() for node in _nodes(tree) for name in _ctes(node)}
    # A WITH name hides a table only where its scope reaches, so it must not be the name of one that is there besides.
    for name in sorted(named & taken):
        raise _refusal(f"{name!r} after WITH is the name of a system table: choose another")
    for node in _nodes(tree):
        _check_node(node, named)


def _parsed(connection: "duckdb.DuckDBPyConnection", query: str) -> Any:
    if "\0" in query:
        raise _refusal("the query holds a zero byte")
    (text,) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchone() or ("",)
    try:
        tree = msgspec.json.decode(text)
    except RecursionError:
        raise _refusal("the query nests too deeply") from None
    if tree["error"]:
        syntax = tree["error_type"] == "parser"
        raise _refusal(_placed(tree, query) if syntax else "only SELECT is possible here, and queries that begin FROM")
    if len(tree["statements"]) != 1:
        raise _refusal(f"one SELECT for each request, not {len(tree['statements'])}")
    return tree["statements"]


def _placed(tree: dict[str, Any], query: str) -> str:
    """Return the parser's message with the line and column it points to."""
    message = " ".join(str(tree["error_message"]).split())
    position = str(tree.get("position", ""))
    if not position.isdigit():
        return message
    before = query.encode()[: int(position)].decode(errors="replace")
    return f"{message} (line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))})"


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of the tree."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _ctes(node: dict[str, Any]) -> list[str]:
    return [entry["key"] for entry in node["cte_map"]["map"]] if "cte_map" in node else []


def _check_node(node: dict[str, Any], named: set[str]) -> None:
    kind = node.get("type")
    if "class" in node:
        if node["class"] in ("FUNCTION", "WINDOW"):
            _check_function(str(node.get("function_name", "")))
    elif isinstance(kind, str) and kind not in _KNOWN:
        raise _refusal(f"only SELECT is possible here, not {kind.removesuffix('_QUERY_NODE').removesuffix('_NODE')}")
    elif kind == "BASE_TABLE":
        _check_table([*node["qualified_name"]["path"]], named)
    elif kind == "TABLE_FUNCTION" and node["function"].get("function_name", "").lower() not in TABLE_FUNCTIONS:
        name = node["function"].get("function_name", "")
        raise _refusal(f"there is no table function {name!r} here; there are: {', '.join(TABLE_FUNCTIONS)}")
    elif kind == "SHOW_REF" and node.get("query") is None:
        raise _refusal("SHOW is not possible here; DESCRIBE and SUMMARIZE are")


def _check_table(path: list[str], named: set[str]) -> None:
    name = path[-1].lower()
    if path[:-1] not in ([], ["main"]) or name not in named | {*VIEWS}:
        raise _refusal(f"there is no table {'.'.join(path)!r}; there are: {', '.join(VIEWS)}")


def _check_function(name: str) -> None:
    if name.lower() in _DENIED or name.lower().startswith("__internal"):
        raise _refusal(f"the function {name!r} is not possible here")


def _tables_of_the_system(connection: "duckdb.DuckDBPyConnection") -> list[str]:
    """Names that mean something already, ours for everybody left out."""
    found = connection.execute(
        "SELECT view_name FROM duckdb_views() UNION SELECT table_name FROM duckdb_tables()"
    ).fetchall()
    return [name for (name,) in found if name.lower() not in VIEWS]


def _refusal(message: str) -> InvalidRequest:
    return InvalidRequest.at("sql", message)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
