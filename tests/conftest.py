"""Fixtures shared by the tests of the rooms: the bundled model, loaded once."""

from pathlib import Path

import pytest

from webui.engine.catalog import choose
from webui.media.attachments import MediaReader, find_office
from webui.protocol import MediaLimits

NANO = Path(__file__).parents[1] / "assets" / "glm4v-nano"


@pytest.fixture(scope="session")
def nano():
    """The bundled checkpoint as the product loads it, with eight slots of 2,048 tokens."""
    from webui.engine.loader import load

    return load(choose("nano", "none", 0, NANO), "cpu", 8, 2048, lambda progress: None)


def pytest_terminal_summary(terminalreporter):
    """Says how many tests need a GPU and were left out, none included."""
    left_out = [item for item in terminalreporter.stats.get("deselected", []) if item.get_closest_marker("gpu")]
    terminalreporter.write_line(f"GPU tests left out: {len(left_out)}")


@pytest.fixture
def reader():
    reader = MediaReader(MediaLimits(), office=find_office())
    yield reader
    reader.close()
