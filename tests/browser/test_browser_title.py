"""The window's title, while the window is in the background and after the user is back."""

import pytest
from playwright.sync_api import expect

from webui.errors import EngineStoppedError
from webui.ui.i18n.strings import LANGUAGES, Strings

CHAT = 1
TITLE = Strings()("title")


def leave(person):
    person.page.evaluate("document.hasFocus = () => false")


def come_back(person):
    person.page.evaluate("delete document.hasFocus; window.dispatchEvent(new Event('focus'))")


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_title_says_when_an_answer_is_done_in_the_background(visit, code):
    strings = Strings(code)
    person = visit(CHAT, locale=code)
    expect(person.page.locator("html")).to_have_attribute("lang", code)
    person.say("Hello")
    expect(person.tab.locator(".figures")).to_have_count(1)
    expect(person.page).to_have_title(TITLE)
    leave(person)
    for count in (1, 2):
        person.say("Hello")
        expect(person.page).to_have_title(f"({count}) {strings('answered')} · {TITLE}")
    expect(person.tab.locator(".phase")).to_have_count(0)
    come_back(person)
    expect(person.page).to_have_title(TITLE)


def test_the_title_does_not_call_a_failure_an_answer(visit, engine, monkeypatch):
    person = visit(CHAT)
    leave(person)
    monkeypatch.setattr(engine, "error", EngineStoppedError(reason="it was closed"))
    person.say("Hello")
    expect(person.page).to_have_title(f"(1) {Strings()('error')} · {TITLE}")
