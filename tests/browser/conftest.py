"""Everything in this folder drives the page in Chromium, and is marked so."""

from pathlib import Path

import pytest
from person import DEPRECATED

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.browser)
            for warning in DEPRECATED:
                item.add_marker(pytest.mark.filterwarnings(warning))
