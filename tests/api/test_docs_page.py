"""`/docs` in a real browser: it shows every operation, tries one out, and talks to its own host alone."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from playwright.sync_api import Locator, Page, expect
from tests.api.process import Process, serving
from tests.api.site import READINGS, START, THERMOMETER, furnish
from tests.browser import Browsed, browsed

from tseng.engine import Engine
from tseng_api import guide
from tseng_api.app import ROUTES
from tseng_api.openapi import document

OPERATIONS = [
    (operation["tags"][0], operation["operationId"], method.upper(), path)
    for path, methods in document(ROUTES)["paths"].items()
    for method, operation in methods.items()
]
VALUE = f'"{START}": {READINGS[START]:g}'


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a few sensors."""
    path = tmp_path_factory.mktemp("docs") / "store"
    with Engine.open(path) as engine:
        furnish(engine)
    return path


@pytest.fixture(scope="module")
def server(store: Path) -> Iterator[Process]:
    """A process that serves it."""
    with serving(store) as process:
        yield process


@pytest.fixture(scope="module")
def browser() -> Iterator[Browsed]:
    """A browser."""
    with browsed() as opened:
        yield opened


@pytest.fixture
def page(browser: Browsed, server: Process) -> Iterator[Page]:
    """The page, anew; afterwards: nothing asked for elsewhere, nothing complained of."""
    browser.page.goto(f"{server.url}/docs")
    expect(browser.page.locator(".opblock")).to_have_count(len(OPERATIONS))
    yield browser.page
    assert browser.hosts == {"127.0.0.1"}
    # A refusal that a test asks for is one line of the browser's.
    assert [text for text in browser.complaints if "401 (Unauthorized)" not in text] == []


def opened(page: Page, name: str) -> Locator:
    """Open an operation to try it out."""
    operation = page.locator(f"#operations-{name}")
    if not operation.locator(".opblock-body").count():
        operation.locator(".opblock-summary-control").click()
        operation.get_by_role("button", name="Try it out").click()
    return operation


def answered(operation: Locator, status: int, text: str) -> None:
    """Send the request, and see that the answer is shown."""
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table")
    expect(answer.locator("tbody .response-col_status").first).to_contain_text(str(status))
    expect(answer).to_contain_text(text)


def read(page: Page, status: int, text: str, sensor: str = THERMOMETER) -> None:
    """Try out `GET /api/data` for a thermometer; whatever else the page has put there is sent as it is."""
    operation = opened(page, "data-get_data")
    for name, value in (("sensor", sensor), ("metric", "T"), ("unit", "C")):
        operation.locator(f'tr[data-param-name="{name}"] input').fill(value)
    answered(operation, status, text)


def give_key(page: Page, key: str) -> None:
    """Put an API key into the form for it."""
    page.locator(".auth-wrapper .authorize").click()
    dialog = page.locator(".modal-ux")
    dialog.locator("#api_key_value").last.fill(key)
    dialog.get_by_role("button", name="Apply credentials").last.click()
    dialog.get_by_role("button", name="Close").first.click()


def test_every_operation_is_shown(page: Page) -> None:
    """With its method and path, below what its part is about, parts in the order of the guide."""
    for tag, name, method, path in OPERATIONS:
        summary = page.locator(f"#operations-{tag}-{name} .opblock-summary").inner_text().replace("\u200b", "")
        assert summary.split()[:2] == [method, path]
    tags = page.locator(".opblock-tag")
    assert [tag.get_attribute("data-tag") for tag in tags.all()] == list(guide.TAGS)
    assert [tag.locator("small").inner_text() for tag in tags.all()] == list(guide.TAGS.values())
    assert "make demo SERVE=1" in page.locator(".info").inner_text()


def test_a_key_reads(page: Page, store: Path) -> None:
    """Without one 401; with one, given as it was printed, the series."""
    with Engine.open(store) as engine:
        key = engine.keys.create("newcomer")
    read(page, 401, "errors")
    give_key(page, key)
    read(page, 200, VALUE)


def test_a_long_answer_is_shown(page: Page, store: Path) -> None:
    """A year of readings every ten minutes; with colours it would take several times the browser's patience."""
    sensor, (start, end) = "/long/sensor", np.array(["2023-01-01", "2024-01-01"], "datetime64[us]")
    time = np.arange(start, end, np.timedelta64(600, "s"))
    with Engine.open(store) as engine:
        give_key(page, engine.keys.create("newcomer"))
        engine.create_entity("sensor", sensor, "TEMPERATURE_SDE")
        columns = {
            "sensor": [sensor] * len(time),
            "metric": ["T"] * len(time),
            "time": time,
            "value": np.ones(len(time)),
        }
        engine.upload_table(pa.table(columns))
    read(page, 200, '"2023-12-31T23:50:00.000Z": 1', sensor)


def test_a_file_is_kept(page: Page, store: Path, tmp_path: Path) -> None:
    """It is chosen from the disk, and arrives as it is."""
    file = tmp_path / "sheet.pdf"
    file.write_bytes(b"%PDF-\xff")
    with Engine.open(store) as engine:
        give_key(page, engine.keys.create("newcomer", "writer"))
        operation = opened(page, "documents-post_document")
        operation.locator('tr[data-param-name="name"] input').fill(file.name)
        operation.locator("input[type=file]").set_input_files(file)
        answered(operation, 201, '"mediaType": "application/pdf"')
        (kept,) = engine.documents()
        assert engine.document(kept.id)[1] == file.read_bytes()


def test_a_token_is_had(page: Page, store: Path) -> None:
    """The form asks for a client's id and secret; nothing else need be filled in."""
    with Engine.open(store) as engine:
        client = engine.keys.create_client("newcomer", "sensor-data:read")
    operation = opened(page, "connect-post_token")
    for name, value in client.items():
        operation.locator(f'tr[data-property-name="{name}"] input[type=text]').fill(value)
    answered(operation, 200, '"scope": "sensor-data:read"')


def test_a_client_reads(page: Page, store: Path) -> None:
    """The page fetches the token by itself."""
    with Engine.open(store) as engine:
        client = engine.keys.create_client("newcomer", "sensor-data:read")
    page.locator(".auth-wrapper .authorize").click()
    dialog = page.locator(".modal-ux")
    dialog.locator("#client_id_clientCredentials").fill(client["client_id"])
    dialog.locator("#client_secret_clientCredentials").fill(client["client_secret"])
    dialog.get_by_role("button", name="Apply given OAuth2 credentials").click()
    expect(dialog).to_contain_text("Logout")
    dialog.get_by_role("button", name="Close").first.click()
    read(page, 200, VALUE)
