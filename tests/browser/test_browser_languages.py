"""The page in a language other than English, by the browser and by the menu."""

import re

import pytest
from page_server import page_app, serving
from person import Person, make_pdf
from playwright.sync_api import expect

from webui.ui.i18n.strings import LANGUAGES, Strings

JA = Strings("ja")
# Words that stay Latin in Japanese: names, units, codes, and the fake model.
LATIN = re.compile(r"GLM-4\.1V Thinking|PDF|PPTX?|CPU|[MG]B|fake|Top-[pk]")


def texts_of(person):
    """The texts, hints and names that the page shows, the menu of languages left out."""
    return person.page.evaluate(
        """() => {
          const texts = [];
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const parent = walker.currentNode.parentElement;
            if (!parent.closest("script, style, noscript, .language")) {
              if (parent.offsetParent !== null) texts.push(walker.currentNode.textContent.trim());
            }
          }
          for (const element of document.querySelectorAll(".tab-body [placeholder]"))
            texts.push(element.getAttribute("placeholder"));
          return texts.filter((text) => text);
        }"""
    )


@pytest.fixture(scope="module")
def japanese(browser, address):
    """A user whose browser asks for Japanese, for the tests of all tabs."""
    person = Person(browser, address, locale="ja-JP")
    yield person
    person.context.close()


@pytest.mark.parametrize("tab", range(6))
def test_a_japanese_browser_gets_every_text_of_a_tab_in_japanese(japanese, tab):
    person = japanese
    expect(person.page.get_by_role("tab", name=JA("tab_thinking"))).to_be_visible()
    expect(person.page.locator("html")).to_have_attribute("lang", "ja")
    person.page.get_by_role("tab").nth(tab).click()
    person.page.locator(".tab-body:visible .settings").get_by_text(JA("settings")).click()
    expect(person.page.get_by_text(JA("seed_hint")).first).to_be_attached()

    def left_over():
        return [text for text in texts_of(person) if re.search("[A-Za-z]{2}", LATIN.sub("", text))]

    person.waits_until(lambda: not left_over())


def test_the_menu_changes_to_japanese_and_back(visit):
    person = visit("Chat")
    expect(person.page.locator(".language label")).to_have_text(
        [language.name for language in LANGUAGES.values()]
    )
    person.page.get_by_text("日本語", exact=True).click()
    expect(person.page.get_by_role("tab", name=JA("tab_chat"))).to_be_visible()
    expect(person.page.locator("html")).to_have_attribute("lang", "ja")
    expect(person.page.locator("h1.title")).to_have_css("font-family", re.compile("Hiragino"))
    person.say("こんにちは")
    person.shows("トークン/秒")
    expect(person.tab.locator(".thought-group")).to_contain_text("考えました")
    person.page.get_by_text("EN", exact=True).click()
    expect(person.page.get_by_role("tab", name="Chat")).to_be_visible()
    expect(person.page.locator("html")).to_have_attribute("lang", "en")
    person.shows("Thought for")


def test_a_file_in_japanese(visit, tmp_path):
    person = visit(4, locale="ja")
    person.add(make_pdf(tmp_path / "報告.pdf", "red", "green"))
    expect(person.tab.locator(".sheet figcaption")).to_have_text(["1 ページ", "2 ページ"])
    expect(person.tab.locator(".cost")).to_contain_text("2 ページ中 2 ページ")
    person.tab.get_by_label(JA("pages")).fill("9")
    expect(person.tab.locator(".cost")).to_contain_text("に使えません")


def test_the_sign_in_page_is_in_japanese(browser, engine):
    with serving(page_app(engine, "--auth", "ann:secret")) as address:
        context = browser.new_context(locale="ja-JP")
        page = context.new_page()
        page.goto(address)
        expect(page.locator("html")).to_have_attribute("lang", "ja")
        expect(page.get_by_role("button", name="サインイン")).to_be_visible()
        page.get_by_label("ユーザー名").fill("ann")
        page.get_by_label("パスワード").fill("wrong")
        page.get_by_role("button", name="サインイン").click()
        expect(page.get_by_role("alert")).to_have_text("ユーザー名またはパスワードが違います。")
        page.get_by_label("ユーザー名").fill("ann")
        page.get_by_label("パスワード").fill("secret")
        page.get_by_role("button", name="サインイン").click()
        expect(page.get_by_role("tab", name="チャット")).to_be_visible()
        context.close()
