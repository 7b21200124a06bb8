"""What the API's document says to whoever reads it first: what this is, the order of its parts, and examples.

The examples are requests about the site that `make demo` builds. A test sends each of them to a server.
"""

from collections.abc import Mapping
from typing import Any

INTRODUCTION = """
Raw readings of sensors in, any metric of them in any unit out.

**First steps.** Press *Authorize* and give an API key (`tseng keys create NAME` prints one), or an OAuth2 client's id
and secret (`tseng clients create NAME --scope "sensor-data:read"`). `GET /api/sensors/all` lists the sensors there
are, `POST /api/sensors/metrics` says which metrics each of them has and in which units, and `GET /api/data` reads
one.

**Roles.** A reader reads; a writer also uploads and changes nodes, devices, sensors, profiles and documents; an admin
also makes and deletes projects. Scope `sensor-data:read` is a reader, `sensor-data:modify` a writer.

**Projects.** A key is bound to one project, or to none and reaches all: then `projectIds` says which is meant, or it
is the default one. What belongs to another project is not found.

**Refusals** are `{"error": {"code", "message", "field"}}`; 401, and uploads with faults in several places, are
`{"errors": [{"message", "path"}]}`. Times are ISO 8601, without offset UTC. Every answer carries `X-Request-Id`,
which stands in the server's log too.

The examples ask about the site that `make demo SERVE=1` builds and serves.
"""

TAGS = {
    "data": "Series read in any metric and unit, tables of them, and uploads of readings.",
    "sensors": "What measures: sensors with their types and props, and the metrics each has.",
    "devices": "What sensors hang on: loggers and instruments.",
    "nodes": "What devices hang on: gateways and connections.",
    "integrations": "Sensor Data Service: a connection with its devices and sensors, made and changed in one go.",
    "metrics": "Every metric with its dimension and units, and a project's own ones.",
    "units": "What the free-text units of loggers mean.",
    "profiles": "Sensors in order along a line, and their values along it.",
    "documents": "Files kept with a project.",
    "projects": "Projects, and how much they hold.",
    "sql": "One SELECT over the observations.",
    "rpc": "JSON-RPC 2.0 over HTTP; the same methods as on the WebSocket and over TCP.",
    "connect": "OAuth2 tokens.",
    "datasources": "Twinnoverse: data sources with their widgets, and what came last for each.",
    "functions": "Twinnoverse: what data sources send.",
    "Messages": "ScaleOut: messages to digital twins, whose numbers become observations.",
    "digitaltwins": "Azure Digital Twins: twins and their components, whose numbers become observations.",
    "models": "Azure Digital Twins: the DTDL models that twins follow.",
    "query": "Azure Digital Twins: twins by their model and id.",
    "server": "Whether it is alive, and what it is.",
}
"""What each part is about, in the order of the page. A route belongs to that of its path, else to the last."""

THERMISTOR, NEW = "/quay-wall/th-1/sensor", "/quay-wall/new"
_T = {"sensor": THERMISTOR, "metric": "T", "unit": "C"}
_WHOLE = {"type": "DYNAMIC", "props": {"NAME": "Quay wall, north end", "SERIAL_NO": "6C954F"}}
_CHANGES = {"props": {"NAME": "Quay wall, south end", "SERIAL_NO": None}}
_SENSOR = {"type": "THERMISTOR", "props": {"NAME": "Air", "ZERO_DATE": "2023-02-01T00:00:00.000Z"}}

REST = 'Metric parameters, such as `{"ZERO_DATE": "2023-06-01T00:00:00Z", "dt": "2,h"}`.'
"""What the names are that a query string may hold beyond those of its route."""

PARAMETERS: Mapping[str, str] = {
    "sensor": "Its id; `GET /api/sensors/all` lists them.",
    "metric": "Its id; `POST /api/sensors/metrics` lists those of a sensor.",
    "unit": "Of the answer; `GET /api/metrics/types` lists those of each metric.",
    "limit": "The first or the last point alone.",
    "at": "Instants, ISO 8601.",
    "provenance": "Say where the answer comes from: readings, props, zero, formula.",
    "pageSize": "Entities of one page.",
    "pageToken": "`nextPageToken` of the page before.",
    "nodeIds": "Below these nodes alone.",
    "deviceIds": "Of these devices alone.",
    "below": "Remove what hangs below it too; without it there may be nothing.",
    "filters": "`raw`: stored metrics alone, no derived ones.",
    "excludeLegacy": "Changes nothing: nothing here is legacy.",
    "name": "Under which the file is saved.",
    "apiKey": "A key may stand here too.",
    "api-version": "Of the vendor's API.",
    "includeModelDefinition": "With the DTDL of each.",
    "dependenciesFor": "These models and all that they are made of.",
    "continuationToken": "What `nextLink` of the page before says.",
}
"""What query parameters mean whose types do not say it."""

VALUES: Mapping[str, Any] = {**_T, "at": ["2024-01-15T12:00:00.000Z"], "api-version": "2023-10-31"}
"""Parameters that some route cannot do without, by name."""

ROOM, METER = "dtmi:com:example:Room;1", "dtmi:com:example:Meter;1"
_READING = {
    "@type": ["Property", "Temperature"],
    "name": "temperature",
    "schema": "double",
    "unit": "degreeCelsius",
}
_MODELS = [
    {"@context": "dtmi:dtdl:context;2", "@id": METER, "@type": "Interface", "contents": [_READING]},
    {
        "@context": "dtmi:dtdl:context;2",
        "@id": ROOM,
        "@type": "Interface",
        "displayName": "Room",
        "contents": [
            {"@type": "Property", "name": "people", "schema": "integer"},
            {"@type": "Component", "name": "meter", "schema": METER},
        ],
    },
]
_MEASURED = {"$metadata": {"temperature": {"sourceTime": "2024-12-31T23:00:00.000125009Z"}}, "temperature": 21.5}

BODIES: Mapping[str, Any] = {
    "post_token": {"grant_type": "client_credentials", "client_id": "…", "client_secret": "…"},
    "post_data": {**_T, "startDate": "2024-01-01T00:00:00.000Z", "aggregate": "mean", "window": "1d"},
    "post_table": {"columns": [_T, {**_T, "metric": "dT"}], "startDate": "2024-01-01T00:00:00.000Z"},
    "upload": {
        "observations": [
            {"sensorId": THERMISTOR, "timestamp": "2025-01-01T00:00:00.000Z", "values": {"R_th": 6530.5}},
            {"sensorId": THERMISTOR, "timestamp": "2025-01-01T00:10:00.000Z", "values": {"R_th": 6528.25}},
        ]
    },
    "post_sql": {"sql": "SELECT sensor, metric, count(*) AS n, max(time) AS last FROM observations GROUP BY ALL"},
    "post_sensor_metrics": {"ids": [THERMISTOR]},
    "post_definitions": {
        "metrics": {
            "above_freezing": {
                "name": "Temperature above freezing",
                "unit": "K",
                "expression": "T - FREEZING",
                "constants": {"FREEZING": {"value": 0, "unit": "C"}},
            }
        }
    },
    "post_map": {"text": "digits/s", "unit": "Hz"},
    "create_project": {"name": "Quay wall"},
    "put_profile": {
        "name": "Behind the wall",
        "axis": "depth",
        "unit": "m",
        "points": [{"sensor": THERMISTOR, "at": 1.5}, {"sensor": "/quay-wall/th-2/sensor", "at": 4.0}],
    },
    "integrate": {
        "integration": {
            "changeState": "new",
            "props": {"NAME": "Logger at the quay", "INTEGRATION_ID": "NODE_API_SDE"},
            "devices": [
                {
                    "changeState": "new",
                    "refId": "logger-7",
                    "props": {"NAME": "Logger 7", "INTEGRATION_ID": "IMPORT_DEVICE_SDE"},
                    "sensors": [
                        {
                            "changeState": "new",
                            "refId": "t-1",
                            "props": {"NAME": "Air", "INTEGRATION_ID": "TEMPERATURE_SDE"},
                        }
                    ],
                }
            ],
        }
    },
    "create_node": {"id": f"{NEW}/node", **_WHOLE},
    "create_device": {"id": f"{NEW}/device", **_WHOLE},
    "create_sensor": {"id": f"{NEW}/sensor", **_SENSOR},
    "replace_node": _WHOLE,
    "replace_device": _WHOLE,
    "replace_sensor": _SENSOR,
    "update_node": _CHANGES,
    "update_device": _CHANGES,
    "update_sensor": _CHANGES,
    "post_message": {"timestamp": "2024-12-31T23:00:00.000Z", "rpm": 1480, "state": "on"},
    "post_datasource": {
        "name": "Line 1",
        "widgets": [
            {"type": "SingleData", "DataKey": "temperature", "unit": "C"},
            {"type": "LineChart", "DataKey": "output", "labelsKey": "machines", "valuesKey": "units_per_hour"},
        ],
    },
    "ingest_data": {"temperature": 42.5, "output": {"machines": ["A", "B"], "units_per_hour": [112, 124]}},
    "post_models": _MODELS,
    "patch_model": [{"op": "replace", "path": "/decommissioned", "value": True}],
    "put_twin": {"$metadata": {"$model": ROOM}, "people": 3, "meter": _MEASURED},
    "patch_twin": [
        {"op": "replace", "path": "/people", "value": 4},
        {"op": "add", "path": "/$metadata/people/sourceTime", "value": "2024-12-31T23:10:00Z"},
    ],
    "patch_component": [{"op": "replace", "path": "/temperature", "value": 22.0}],
    "query_twins": {"query": f"SELECT * FROM digitaltwins WHERE IS_OF_MODEL('{ROOM}')"},
    "post_rpc": {"jsonrpc": "2.0", "id": 1, "method": "getData", "params": _T},
}
"""A body for each route that takes JSON or a form, by the name of its operation."""

_MORNING, _NOON = "2024-01-15T06:00:00.000Z", "2024-01-15T12:00:00.000Z"
_SERIES = {**_T, "data": {_MORNING: 4.25, _NOON: 6.5}}

ANSWERS: Mapping[str, Any] = {
    "post_token": {
        "access_token": "eyJhbGciOi…",
        "scope": "sensor-data:modify sensor-data:read",
        "expires_in": 3600,
        "token_type": "Bearer",
    },
    "get_data": _SERIES,
    "post_data": _SERIES,
    "get_summary": {
        "first": {"timestamp": _MORNING, "value": 4.25},
        "last": {"timestamp": _NOON, "value": 6.5},
        "count": 2,
    },
    "upload": {"status": "ACCEPTED"},
    "post_sql": {"columns": ["sensor", "metric", "n"], "rows": [[THERMISTOR, "R_th", 105120]]},
}
"""What the answer in JSON looks like where its type alone tells too little, by the name of its operation."""
