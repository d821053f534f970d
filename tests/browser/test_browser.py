"""The page in a real browser, over a real server and real files; only the engine is a fake."""

import re

import pytest
from page_server import launched
from person import GUARD_S, MAKERS, Person, contrast, make_pdf
from playwright.sync_api import expect


def test_from_a_pdf_to_its_answer_with_a_stop_on_the_way(visit, engine, tmp_path):
    person = visit("PDF")
    person.add(make_pdf(tmp_path / "report.pdf", "red", "green", "blue"))
    expect(person.tab.locator(".sheet figure")).to_have_count(3)
    expect(person.tab.locator(".cost")).to_contain_text("3 of 3 pages")
    person.tab.get_by_label("Pages").fill("1-2")
    expect(person.tab.locator(".cost")).to_contain_text("2 of 3 pages")
    expect(person.tab.locator(".sheet figure").last).to_have_css("opacity", "0.3")
    expect(person.tab.locator(".sheet figure").nth(1)).to_have_css("opacity", "1")
    engine.may_answer.clear()
    person.say("A long answer, please")
    expect(person.tab.locator(".thought-group .content")).to_contain_text("thought3")
    expect(person.tab.locator(".phase")).to_contain_text("Thinking: ")
    engine.may_answer.set()
    person.shows("I see green. word0")
    expect(person.tab.locator(".phase")).to_contain_text("Answering: ")
    expect(person.tab.locator(".thought-group")).to_contain_text("Thought for")
    person.stop()
    person.shows("Stopped")
    assert "word999" not in person.tab.locator(".chat").inner_text()
    person.shows("word0")
    person.say("And a short one")
    expect(person.tab.locator(".figures")).to_have_count(2)
    expect(person.tab.locator(".figures").last).to_contain_text("tok/s")


@pytest.mark.parametrize(
    ("tab", "kind"),
    [
        ("Thinking", "pdf"),
        ("Thinking", "video"),
        ("Chat", ""),
        ("Image", "image"),
        ("Video", "video"),
        ("PDF", "pdf"),
        ("PPT", "ppt"),
    ],
)
def test_each_tab_does_its_task(visit, tmp_path, tab, kind):
    person = visit(tab)
    if kind:
        make, name = MAKERS[kind]
        person.add(make(tmp_path / name, "green"))
        expect(person.tab.locator(".sheet figure").first).to_be_visible(timeout=60_000)
    person.say("Which colour?")
    person.shows("I see green." if kind else "I see words only.")
    expect(person.tab.locator(".figures")).to_contain_text("tokens")


def test_two_users_with_files_of_the_same_name(visit, tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    people = [visit("PDF"), visit("PDF")]
    for person, folder, colour in zip(people, folders, ("red", "blue"), strict=True):
        folder.mkdir()
        person.add(make_pdf(folder / "report.pdf", colour))
        expect(person.tab.locator(".sheet figure")).to_have_count(1)
        person.say("A long answer, please")
    people[0].shows("I see red.")
    people[1].shows("I see blue.")
    people[0].stop()
    people[0].shows("Stopped")
    people[1].shows("word150")


def test_a_page_that_the_answer_names_is_one_click_away(visit, tmp_path):
    person = visit("PDF")
    person.add(make_pdf(tmp_path / "report.pdf", "red", "green"))
    expect(person.tab.locator(".sheet figure")).to_have_count(2)
    person.say("Tell me which page shows green.")
    link, opened = (
        person.tab.locator(".chat").get_by_role("link"),
        person.page.locator("dialog img"),
    )
    expect(link).to_have_text("Page 2")
    link.click()
    shown = person.tab.locator(".sheet img").last.get_attribute("src")
    expect(opened).to_have_attribute("src", shown)
    person.page.keyboard.press("Escape")
    expect(opened).to_have_count(0)
    # While the next file waits in the message box, the link still opens the page that was sent.
    person.add(make_pdf(tmp_path / "next.pdf", "blue"))
    expect(person.tab.locator(".cost")).to_contain_text("next.pdf")
    link.press("Enter")
    expect(opened).to_have_attribute("src", shown)


def test_text_comes_out_exactly(visit):
    person = visit("Chat")
    person.say("exact <b>bold</b>\n# no heading")
    expect(person.tab.locator(".said")).to_have_text("exact <b>bold</b>\n# no heading")
    person.shows("a < b, <div>hi</div>, List<int>")
    person.shows("for $5")
    expect(person.tab.locator(".chat pre code")).to_have_text("if a < b:\n    print('<x>')\n")
    expect(person.tab.locator(".chat .katex annotation")).to_have_text("x<y")


def test_an_example_is_one_click(visit):
    person = visit("Image")
    person.tab.locator("button.example").first.click()
    person.shows("I see blue.")
    expect(person.tab.locator(".sheet img")).to_have_count(1)
    expect(person.tab.locator("button.example")).to_have_count(0)


def test_a_file_that_cannot_be_read_is_reported_in_the_users_language(visit, tmp_path):
    person = visit(locale="zh-CN")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    person.add(tmp_path / "broken.pdf")
    expect(person.tab.locator(".viewer .card")).to_contain_text("broken.pdf 已损坏")
    person.say("你好")
    expect(person.tab.locator(".chat .card")).to_contain_text("broken.pdf 已损坏")
    expect(person.tab.locator(".composer textarea")).to_have_value("你好")


def test_a_file_that_is_too_large_is_refused_and_the_others_are_taken(visit, tmp_path):
    person = visit(locale="zh-CN")
    expect(person.page.get_by_role("tab", name="思考")).to_be_visible()
    with (tmp_path / "huge.mp4").open("wb") as file:
        file.truncate(101 * 1024**2)
    person.add(tmp_path / "huge.mp4", make_pdf(tmp_path / "a.pdf", "red"))
    expect(person.tab.locator(".refused .card")).to_contain_text(
        "huge.mp4 需要 101 MB；最多可读 100 MB"
    )
    expect(person.tab.locator(".sheet figure")).to_have_count(1)
    expect(person.tab.locator(".cost")).to_contain_text("a.pdf")
    expect(person.tab.locator(".refused .card")).to_be_visible()
    expect(person.page.locator(".toast-body")).to_have_count(0)


def test_the_language_changes_in_place(visit):
    person = visit("Chat")
    person.say("A long answer, please")
    person.shows("word3")
    person.page.get_by_text("中文").click()
    expect(person.page.get_by_role("tab", name="对话")).to_be_visible()
    expect(person.tab.locator(".phase")).to_contain_text("正在回答")
    person.shows("个词元")
    person.stop()
    person.shows("已停止")
    expect(person.tab.locator("textarea").first).to_have_attribute(
        "placeholder", re.compile("输入消息")
    )


def test_escape_stops(visit):
    person = visit("Chat")
    person.say("A long answer, please")
    person.shows("word3")
    person.page.keyboard.press("Escape")
    person.shows("Stopped")


def test_closing_the_page_stops_the_answer(visit, engine):
    person = visit("Chat")
    person.say("A long answer, please")
    person.shows("word3")
    request = engine.requests[-1]
    assert request.id in engine.running
    person.context.close()
    visit("Chat").waits_until(lambda: request.id in engine.aborted)
    visit("Chat").waits_until(lambda: request.id not in engine.running)


def test_new_chat_while_it_answers(visit):
    person = visit("Chat")
    person.say("Which colour?")
    person.shows("tok/s")
    person.tab.get_by_role("button", name="New chat").click()
    expect(person.tab.locator(".said")).to_have_count(0)
    expect(person.tab.locator("button.example").first).to_be_visible()


def test_retry_answers_again(visit, engine):
    person = visit("Image")
    person.tab.locator("button.example").first.click()
    person.shows("tok/s")
    before = len(engine.requests)
    person.tab.get_by_role("button", name="Retry").click()
    expect(person.tab.locator(".phase")).to_be_visible()
    person.shows("tok/s")
    assert len(engine.requests) == before + 1
    assert engine.requests[-1].messages == engine.requests[-2].messages


def test_on_a_phone_everything_is_within_reach(visit, tmp_path):
    person = visit(viewport={"width": 390, "height": 844}, has_touch=True)
    person.add(make_pdf(tmp_path / "a.pdf", "red", "green"))
    expect(person.tab.locator(".sheet figure")).to_have_count(2)
    width = person.page.evaluate("document.documentElement.scrollWidth")
    box = person.tab.locator(".submit-button").bounding_box()
    strip = person.tab.locator(".sheet").bounding_box()
    assert width <= 390
    assert min(box["width"], box["height"]) >= 44
    assert strip["y"] < box["y"] < 844 - 44


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(visit, scheme):
    person = visit("Chat", color_scheme=scheme)
    person.say("Which colour?")
    person.shows("tok/s")
    for selector in (".status span", ".banner p", ".said", ".figures", ".about li"):
        element = person.page.locator(f"{selector}:visible").first
        if element.count():
            assert contrast(element) >= 4.5, selector


def test_the_bundled_model_answers(browser):
    with launched("--model", "nano") as address:
        person = Person(browser, address, "Image")
        person.tab.locator("button.example").first.click()
        expect(person.tab.locator(".thought-group")).to_contain_text("Thought for")
        person.shows("three squares")
        person.shows("first token")
        person.context.close()


FILTERS = {
    "Thinking": ({"image/*", ".heic", "video/*", ".pdf", ".pptx"}, set()),
    "Image": ({"image/*", ".heic", ".avif"}, {".pdf", ".mp4", ".pptx"}),
    "Video": ({"video/*", ".mp4", ".mov"}, {".png", ".pdf"}),
    "PDF": ({"application/pdf", ".pdf"}, {".png", ".pptx"}),
    "PPT": ({".pptx", ".ppt"}, {".png", ".pdf"}),
}


@pytest.mark.parametrize("tab", FILTERS)
def test_the_picker_of_each_tab_offers_what_it_takes(visit, tab):
    person, (offered, missing) = visit(tab), FILTERS[tab]
    with person.page.expect_file_chooser() as chooser:
        person.tab.locator(".upload-button").click()
    names = set(chooser.value.element.get_attribute("accept").split(","))
    assert offered <= names
    assert not missing & names


def test_a_dropped_file_of_another_tab_is_refused_by_naming_that_tab(visit):
    person = visit("Image")
    person.page.evaluate(DROP, ["report.pdf", "application/pdf"])
    expect(person.tab.locator(".side .card.error")).to_contain_text(
        "report.pdf is a PDF; the PDF tab takes it."
    )
    assert person.page.locator(".toast-body").count() == 0


DROP = """([name, type]) => {
  const files = new DataTransfer();
  files.items.add(new File(["%PDF-1.4"], name, { type }));
  const composer = [...document.querySelectorAll(".composer")].find((box) => box.offsetParent);
  const target = composer.querySelector("textarea").closest(".full-container");
  target.dispatchEvent(
    new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true })
  );
}"""


def test_a_picture_beside_a_video_is_told_before_send_and_slides_are_slides(visit, tmp_path):
    person = visit()
    notice = person.tab.locator(".side .notice.wrong")
    make_deck, deck = MAKERS["ppt"]
    person.add(make_deck(tmp_path / deck, "green"))
    expect(person.tab.locator(".sheet figure")).to_contain_text("Slide 1", timeout=GUARD_S * 1000)
    expect(person.tab.locator(".cost")).to_contain_text("1 of 1 slides")
    expect(person.tab.get_by_label("Slides")).to_be_visible()
    assert notice.count() == 0
    make_video, video = MAKERS["video"]
    person.add(make_video(tmp_path / video, "red"))
    expect(notice).to_contain_text("Pictures and video cannot share one conversation")
