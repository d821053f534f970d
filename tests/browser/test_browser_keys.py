"""The focus at the start, and the list of the keys."""

import pytest
from playwright.sync_api import expect

from webui.ui.header.keys import KEYS
from webui.ui.i18n.strings import LANGUAGES, Strings

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_the_page_begins_in_the_message_box(visit):
    person = visit()
    expect(person.tab.locator(".composer textarea")).to_be_focused()


def test_on_a_phone_no_keyboard_opens_at_the_start(visit):
    person = visit(**PHONE)
    expect(person.tab.locator("button.example").first).to_be_visible()
    expect(person.tab.locator(".composer textarea")).not_to_be_focused()


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_keys_are_listed_by_a_key_and_by_a_button(visit, code):
    strings = Strings(code)
    person = visit(locale=code)
    expect(person.page.locator("html")).to_have_attribute("lang", code)
    button = person.page.get_by_role("button", name=strings("keys"))
    dialog = person.page.get_by_role("dialog", name=strings("keys"))
    button.focus()
    person.page.keyboard.press("?")
    expect(dialog.locator("dd")).to_have_text([strings(text) for _, text in KEYS])
    person.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()
    button.click()
    dialog.get_by_role("button", name=strings("close")).click()
    expect(dialog).to_have_count(0)


def test_the_keys_are_listed_in_a_narrow_window(visit):
    person = visit(viewport={"width": 390, "height": 844})
    dialog = person.page.get_by_role("dialog")
    person.page.get_by_role("tab").first.focus()
    person.page.keyboard.press("?")
    expect(dialog).to_be_visible()
    assert dialog.bounding_box()["width"] <= 390


def test_a_question_mark_in_a_message_is_text(visit):
    person = visit()
    box = person.tab.locator(".composer textarea")
    box.press_sequentially("Why?")
    expect(box).to_have_value("Why?")
    expect(person.page.get_by_role("dialog")).to_have_count(0)
