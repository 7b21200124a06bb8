"""The lists that seed 003 prints under Working with Projects, each asked for as it stands there."""

import re

from tests.api.site import Site
from tests.reference import reference


def test_each_printed_list_is_answered(site: Site) -> None:
    """`{projectId}` filled in: an object whose list has the name of what it lists, and another project is not found."""
    (seed,) = reference("seeds").glob("003*")
    rows = re.findall(r"^GET (/\S+)\?projectIds=\{projectId\} Return all (\w+) for", seed.read_text(), re.MULTILINE)
    assert [name for _, name in rows] == ["nodes", "devices", "sensors", "documents", "profiles"]
    for path, name in rows:
        answer = site.get(f"/api{path}", projectIds=site.engine.project().id)
        assert (answer.status_code, type(answer.json()[name])) == (200, list)
        assert site.get(f"/api{path}", projectIds="60D90DF0B2BD096E970C2824").status_code == 404
