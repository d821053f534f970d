"""The choices that the browser remembers: the page after a reload, and without a usable store."""

from dataclasses import replace

import pytest
from fakes import FakeEngine
from page_server import page_app, serving
from person import Person, contrast
from playwright.sync_api import expect

from webui.protocol import ModelInfo, ModelStatus
from webui.reasons import HubUnreachable
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
BANNER_RECORDER = """
  window.bannerWasDrawn = false;
  const note = () => {
    const banner = document.querySelector(".banner");
    if (banner?.querySelector("p") && banner.offsetHeight) window.bannerWasDrawn = true;
    requestAnimationFrame(note);
  };
  requestAnimationFrame(note);
"""
SCRIPT = '"]) {} </style></script><script>window.scriptRan = true</script>'
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


def choose_language(person, code):
    person.page.locator(".language").get_by_text(LANGUAGES[code].name, exact=True).click()
    expect(person.page.locator("html")).to_have_attribute("lang", code)


def store(person, **values):
    """Write into the store of the page as another script of the same host could, and reload."""
    person.page.evaluate(
        """(values) => {
          for (const [name, value] of Object.entries(values))
            localStorage.setItem(`chat-page.${name}`, value);
        }""",
        values,
    )
    reload(person)


def test_a_chosen_language_wins_over_that_of_the_browser_after_a_reload(visit):
    person = visit(locale="ja")
    expect(person.page.locator("html")).to_have_attribute("lang", "ja")
    choose_language(person, "zh")
    reload(person)
    expect(person.page.locator("html")).to_have_attribute("lang", "zh")
    expect(person.page.locator(".language label.selected")).to_have_text(LANGUAGES["zh"].name)


def test_a_dismissed_banner_stays_away_in_every_language(browser):
    bundled = ModelStatus("ready", ModelInfo("glm4v-nano", 8192, bundled=True))
    engine = FakeEngine(model_status=bundled)
    with serving(page_app(engine)) as address:
        person = Person(browser, address)
        banner = person.page.locator(".banner")
        expect(banner).to_be_visible()
        banner.get_by_role("button", name="Dismiss").click()
        expect(banner).to_be_hidden()
        assert person.page.evaluate("document.activeElement.role") == "tab"
        person.page.add_init_script(BANNER_RECORDER)
        reload(person)
        choose_language(person, "zh")
        expect(banner).to_be_hidden()
        assert person.page.evaluate("window.bannerWasDrawn") is False
        # Another notice is news.
        engine.model_status = replace(bundled, notice=HubUnreachable(""))
        reload(person)
        expect(banner).to_be_visible()
        person.context.close()


def test_a_chosen_level_of_thinking_holds_in_every_tab_after_a_reload(visit, engine):
    person = visit("Chat")
    person.tab.locator(".levels").get_by_text("Short").click()
    reload(person)
    selected = person.tab.locator(".levels label.selected")
    for tab in ("Thinking", "Image", "Chat"):
        person.page.get_by_role("tab", name=tab, exact=True).click()
        expect(selected).to_have_text("Short")
    person.say("Hello")
    expect(person.tab.locator(".figures")).to_be_visible()
    assert engine.requests[-1].sampling.thinking_token_budget == 512


@pytest.mark.parametrize("value", ["xx", "513", "9" * 500_000, SCRIPT, "__proto__", ""])
def test_values_of_the_store_that_the_page_does_not_know_are_ignored(visit, value):
    person = visit(color_scheme="light")
    errors = []
    person.page.on("pageerror", lambda error: errors.append(error))
    store(person, theme=value, language=value, budget=value, dismissed=value)
    expect(person.page.locator(".levels label.selected").first).to_have_text("Normal")
    expect(theme_menu(person)).to_have_value("system")
    assert person.page.evaluate("window.scriptRan") is None
    assert not is_dark(person)
    assert SCRIPT not in person.page.content()
    assert errors == []
