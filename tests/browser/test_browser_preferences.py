"""The choices that the browser remembers: the page after a reload, and without a usable store."""

import pytest
from person import contrast
from playwright.sync_api import expect

from webui.ui.i18n.strings import LANGUAGES, Strings

# Notes the theme of each frame that the browser draws, from before the first one on.
RECORDER = """
  window.drawn = [];
  const note = () => {
    if (document.body) {
      const colour = getComputedStyle(document.body).backgroundColor;
      const shares = colour.match(/[0-9.]+/g).map(Number);
      window.drawn.push(shares[0] + shares[1] + shares[2] > 384 ? "light" : "dark");
    }
    requestAnimationFrame(note);
  };
  requestAnimationFrame(note);
"""
NO_STORE = """
  Object.defineProperty(window, "localStorage", {
    get() { throw new DOMException("denied", "SecurityError"); },
  });
"""


def reload(person):
    person.page.reload()
    expect(person.tab.locator(".composer textarea")).to_be_visible()


def theme_menu(person, code="en"):
    return person.page.get_by_role("combobox", name=Strings(code)("theme"))


def is_dark(person):
    return person.page.evaluate("document.body.classList.contains('dark')")


@pytest.mark.parametrize(("system", "chosen"), [("light", "dark"), ("dark", "light")])
def test_a_theme_is_chosen_and_remembered_and_never_flashes(visit, system, chosen):
    person = visit(color_scheme=system)
    assert is_dark(person) == (system == "dark")
    theme_menu(person).select_option(chosen)
    assert is_dark(person) == (chosen == "dark")
    person.page.add_init_script(RECORDER)
    reload(person)
    expect(theme_menu(person)).to_have_value(chosen)
    assert set(person.page.evaluate("window.drawn")) == {chosen}
    assert contrast(person.page.locator(".status span")) >= 4.5
    # A change of the system's theme does not matter until the system is chosen again.
    person.page.emulate_media(color_scheme=chosen)
    person.page.emulate_media(color_scheme=system)
    assert is_dark(person) == (chosen == "dark")
    theme_menu(person).select_option("system")
    assert is_dark(person) == (system == "dark")
    person.page.emulate_media(color_scheme=chosen)
    person.waits_until(lambda: is_dark(person) == (chosen == "dark"))


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_themes_have_names_in_each_language(visit, code):
    person = visit(locale=code)
    names = [Strings(code)(f"theme_{name}") for name in ("system", "light", "dark")]
    expect(theme_menu(person, code).locator("option")).to_have_text(names)


def test_the_menu_of_themes_is_within_reach_on_a_phone(visit):
    person = visit(viewport={"width": 390, "height": 844}, has_touch=True)
    box = theme_menu(person).bounding_box()
    assert min(box["width"], box["height"]) >= 44
    assert box["x"] + box["width"] <= 390


def test_without_a_store_a_theme_holds_until_the_page_is_closed(visit):
    person = visit(color_scheme="light")
    errors = []
    person.page.on("pageerror", lambda error: errors.append(error))
    person.page.add_init_script(NO_STORE)
    reload(person)
    theme_menu(person).select_option("dark")
    assert is_dark(person)
    assert errors == []
