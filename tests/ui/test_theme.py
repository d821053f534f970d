"""The stylesheet, the script and the places where Python refers to it."""

import re

from fake_reader import FakeReader
from fakes import FakeEngine
from page_server import ROOT

from webui.ui.page import build_ui
from webui.ui.theme import HEAD, PREFERENCES_SCRIPT, SCRIPT, STYLESHEET, script_tag, theme

FUNCTION = re.compile(r"(chatPage|chatPreferences)\.(\w+)")


def script_references():
    """The JavaScript of the page's events and components."""
    demo = build_ui(FakeEngine(), FakeReader(), examples=ROOT / "assets" / "examples")
    events = [fn.js for fn in demo.fns.values() if fn.js]
    loads = [
        block.js_on_load
        for block in demo.blocks.values()
        if getattr(block, "head", None) == script_tag()
    ]
    return events, loads


def test_the_stylesheet_and_the_theme_need_no_other_host():
    assert STYLESHEET.is_file()
    assert "viewport" in HEAD
    assert "http" not in "".join(theme()._stylesheets)


def test_the_address_of_the_script_changes_with_its_content():
    assert re.fullmatch(r'<script src="app\.js\?v=[0-9a-f]{12}"></script>', script_tag())


async def test_python_only_calls_functions_of_the_script():
    events, loads = script_references()
    assert len(events) == 6 * 4 + 4
    assert len(loads) == 6 * 3 + 2
    sources = SCRIPT.read_text("utf-8") + PREFERENCES_SCRIPT.read_text("utf-8")
    for code in (*events, *loads):
        [(owner, name)] = FUNCTION.findall(code)
        defined = sources.partition(f"window.{owner} = {{")[2].partition("};")[0]
        assert re.search(rf"\b{name}\b", defined), name
        assert len(code) < 80, code
