"""Fixtures that folders share: the bundled model, loaded once, and users of the page."""

import os
import shutil

import pytest
from measured_children import measured_start
from nano_model import NANO

from webui.engine.loading.catalog import choose
from webui.media.reader import MediaReader, find_office
from webui.media.sandbox import process_pool
from webui.protocol import MediaLimits


@pytest.fixture(scope="session")
def nano():
    """The bundled checkpoint as the product loads it, with eight slots of 2,048 tokens."""
    from webui.engine.loading.loader import load

    return load(choose("nano", "none", None, NANO), "cpu", 8, 2048, lambda progress: None)


def pytest_collection_modifyitems(config, items):
    """Leave out the tests that need a GPU, whatever else -m chooses, unless it names their mark."""
    if "gpu" not in config.option.markexpr:
        left_out = [item for item in items if item.get_closest_marker("gpu")]
        items[:] = [item for item in items if not item.get_closest_marker("gpu")]
        config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter):
    """Write how many tests need a GPU and were left out, even if none were."""
    left_out = [
        item
        for item in terminalreporter.stats.get("deselected", [])
        if item.get_closest_marker("gpu")
    ]
    terminalreporter.write_line(f"GPU tests left out: {len(left_out)}")


@pytest.fixture(scope="session", autouse=True)
def gradio_cache(tmp_path_factory):
    """A folder of its own: a server that ends deletes the cache, which test runs may share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        yield


@pytest.fixture(scope="session", autouse=True)
def coverage_of_children():
    """Measure the children that read files too, if coverage runs."""
    with pytest.MonkeyPatch.context() as patch:
        if config := os.environ.get("COVERAGE_PROCESS_CONFIG"):
            patch.setattr(process_pool, "START", measured_start(process_pool.START, config))
        yield


@pytest.fixture
def reader():
    reader = MediaReader(MediaLimits(), office=find_office())
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def engine():
    """For the page in a browser; a test that needs another brings its own."""
    from page_server import SeeingEngine

    return SeeingEngine()


@pytest.fixture(scope="module")
def address(engine):
    from page_server import page_app, serving

    with serving(page_app(engine)) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import expect, sync_playwright

    # A wait ends with its event; on a busy machine that may take long.
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, address):
    from person import Person

    people = []

    def arrive(tab="Thinking", **context):
        people.append(Person(browser, address, tab, **context))
        return people[-1]

    yield arrive
    for person in people:
        person.context.close()
