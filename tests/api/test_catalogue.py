"""Metric types, sensor types and a sensor's metrics in the shapes that seed 003 prints."""

from tests.api.site import THERMOMETER, Site

GENERIC = "/api/13DC2F/node/dynamic/AB10E2/device/D76619/sensor"


def test_metric_types_hold_the_printed_temperature(site: Site) -> None:
    """Field by field, in the printed order of units."""
    body = site.get("/api/metrics/types", excludeLegacy="true").json()
    assert body["standard"] is True
    (temperature,) = [metric for metric in body["metrics"] if metric["id"] == "T"]
    assert temperature == {
        "metric": "T",
        "id": "T",
        "displayName": "Temperature",
        "defaultUnit": "C",
        "units": [
            {"unit": "C", "id": "C", "displayName": "celsius", "notation": "°C"},
            {"unit": "K", "id": "K", "displayName": "kelvin", "notation": "°K"},
            {"unit": "F", "id": "F", "displayName": "fahrenheit", "notation": "°F"},
        ],
    }
    assert {"dx", "dT", "P_raw", "wl_elev", "tilt_x"} <= {metric["id"] for metric in body["metrics"]}


def test_sensor_types_hold_the_printed_generic_sensor(site: Site) -> None:
    """The generic type as printed; a known type lists its raw metrics with their units."""
    types = {each["id"]: each for each in site.get("/api/sensors/types").json()["sensorTypes"]}
    generic = types["GENERIC_SENSOR_SDE"]
    assert generic["metricsAndUnits"] == [
        {
            "metric": "GENERIC",
            "id": "GENERIC",
            "displayName": "generic",
            "defaultUnit": "GENERIC",
            "units": [{"unit": "GENERIC", "id": "GENERIC"}],
        }
    ]
    assert {key: generic[key] for key in ("name", "icon", "iconUnicode", "isDynamic")} == {
        "name": "GENERIC_SENSOR_SDE",
        "icon": "smicon-circle",
        "iconUnicode": "\ue63f",
        "isDynamic": True,
    }
    raw = [metric["id"] for metric in types["WATER_LEVEL_ABS"]["metricsAndUnits"]]
    assert raw == ["P_raw", "T"]


def test_metrics_of_a_generic_sensor_are_as_printed(site: Site) -> None:
    """Two free metrics in free units, exactly the printed object."""
    names = {"0": "Alignment_Left_SD", "1": "Alignment_Right_SD"}
    props = {
        "INTEGRATION_ID": "GENERIC_SENSOR_SDE",
        "UNKNOWN_METRICS": names,
        "UNKNOWN_UNITS": dict.fromkeys("01", "millimeter"),
    }
    site.engine.create_entity("sensor", GENERIC, "DYNAMIC", props)
    answer = site.http().post("/api/sensors/metrics?filters=raw", json={"ids": [GENERIC]})
    assert answer.json() == {
        "metricsBySensor": {
            GENERIC: [
                {
                    "defaultUnit": "millimeter",
                    "hidden": False,
                    "displayName": name,
                    "notation": name,
                    "name": name,
                    "id": name,
                    "units": [{"notation": "millimeter", "name": "millimeter", "id": "millimeter"}],
                }
                for name in names.values()
            ]
        }
    }


def test_without_the_filter_derived_metrics_come_too(site: Site) -> None:
    """With their parameters; sensors that do not exist are left out."""
    body = site.http().post("/api/sensors/metrics", json={"ids": [THERMOMETER, "/nowhere"]}).json()
    assert [metric["id"] for metric in body["metricsBySensor"][THERMOMETER]] == ["T", "dT"]
    assert set(body["metricsBySensor"]) == {THERMOMETER}
    assert [each["id"] for each in body["metricsBySensor"][THERMOMETER][1]["params"]] == [
        "dt",
        "START_DATE",
        "ZERO_DATE",
    ]


def test_bad_questions_name_the_field(site: Site) -> None:
    """Missing ids, wrong types, an unknown filter, an empty body."""
    for body, field in (({}, "ids"), ({"ids": "x"}, "ids"), ({"ids": [1]}, "ids[0]"), ([], "")):
        answer = site.http().post("/api/sensors/metrics", json=body)
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    answer = site.http().post("/api/sensors/metrics?filters=cooked", json={"ids": []})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "filters")
    assert site.http().post("/api/sensors/metrics", content=b"").json()["error"]["code"] == "NOT_JSON"
