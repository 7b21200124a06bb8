"""Which sensors lie below devices and nodes."""

from pathlib import Path

from tests.storage.helpers import PROJECT, opened

from tseng_storage.entities import Draft


def test_below_by_what_is_named_and_else_by_path(tmp_path: Path) -> None:
    """A sensor is below its device and that device's node; where none is named, below the nodes in its own path."""
    drafts = [
        Draft("device", "/n/node/d/device", "LOGGER", parent="/n/node"),
        Draft("device", "/n/node/moved/device", "LOGGER", parent="/other/node"),
        Draft("device", "loose", "LOGGER"),
        Draft("sensor", "/n/node/d/device/b/sensor", "TILT", parent="/n/node/d/device"),
        Draft("sensor", "/n/node/d/device/a/sensor", "TILT", parent="/n/node/d/device"),
        Draft("sensor", "/n/node/moved/device/a/sensor", "TILT", parent="/n/node/moved/device"),
        Draft("sensor", "/n/node/absent/device/a/sensor", "TILT", parent="/n/node/absent/device"),
        Draft("sensor", "/n/node/a/sensor", "TILT"),
        Draft("sensor", "/n/node0/a/sensor", "TILT"),
        Draft("sensor", "a", "TILT", parent="loose"),
    ]
    with opened(tmp_path) as store:
        catalog = store.catalog
        other = catalog.create_project("other").id
        catalog.create_entities(PROJECT, drafts)
        catalog.create_entities(other, drafts[:4])
        devices = ["loose", "/n/node/d/device", "/n/node/absent/device", "/nowhere"]
        assert catalog.sensors_below(PROJECT, "device", devices) == {
            "/n/node/d/device": ["/n/node/d/device/a/sensor", "/n/node/d/device/b/sensor"],
            "/n/node/absent/device": ["/n/node/absent/device/a/sensor"],
            "loose": ["a"],
        }
        assert catalog.sensors_below(PROJECT, "node", ["/n/node", "/other/node", "/nowhere/node"]) == {
            "/n/node": [
                "/n/node/a/sensor", "/n/node/absent/device/a/sensor",
                "/n/node/d/device/a/sensor", "/n/node/d/device/b/sensor",
            ],
            "/other/node": ["/n/node/moved/device/a/sensor"],
        }  # fmt: skip
        assert catalog.sensors_below(other, "node", ["/n/node"]) == {"/n/node": ["/n/node/d/device/b/sensor"]}
