"""Reading while an answer is written: the view follows only while its reader is at the end."""

from dataclasses import replace

import pytest
from page_server import SeeingEngine
from person import contrast
from playwright.sync_api import expect

SMALL = {"viewport": {"width": 900, "height": 520}}
LINE_HEIGHT = 24
DISTANCE = "view => view.scrollHeight - view.clientHeight - view.scrollTop"
# Scrolling is smooth; it has ended when the view stays where it is for twenty frames.
SETTLED = """view => new Promise((done) => {
  let top = null, frames = 0;
  const watch = () => {
    frames = view.scrollTop === top ? frames + 1 : 0;
    top = view.scrollTop;
    if (frames < 20) requestAnimationFrame(watch);
    else done(top);
  };
  watch();
})"""


class LongThoughtEngine(SeeingEngine):
    """Thinks in paragraphs, so that the thought is as high as it may be."""

    def answer(self, request):
        return [
            replace(delta, reasoning=f"{delta.reasoning}\n\n") if delta.reasoning else delta
            for delta in super().answer(request)
        ]


@pytest.fixture(scope="module")
def engine():
    return LongThoughtEngine(step_s=0.02)


def view_of(person):
    return person.tab.locator(".chat .bubble-wrap")


def end_button(person):
    return person.tab.locator(".end-link button")


def distance_from_end(person):
    return view_of(person).evaluate(DISTANCE)


def ask_long(person):
    """Ask for a long answer, and wait until it is longer than the view."""
    person.say("A long answer, please")
    overflow = "view => view.scrollHeight - view.clientHeight"
    person.waits_until(lambda: view_of(person).evaluate(overflow) > 200)


def wait_for_lines(person, count):
    """Wait until the answer is longer by `count` lines."""
    height = "view => view.scrollHeight"
    enough = view_of(person).evaluate(height) + count * LINE_HEIGHT
    person.waits_until(lambda: view_of(person).evaluate(height) >= enough)


def turn_wheel(person, pixels):
    view_of(person).hover()
    person.page.mouse.wheel(0, pixels)


def scroll_to_the_end(person):
    """Turn the wheel until the end is reached, which moves away while the answer is written."""

    def is_at_the_end():
        turn_wheel(person, 20_000)
        return end_button(person).is_hidden()

    person.waits_until(is_at_the_end)


def press(person, key):
    view_of(person).evaluate("view => { view.tabIndex = 0; view.focus({ preventScroll: true }) }")
    person.page.keyboard.press(key)


def swipe_down(person):
    """Move a finger down over the view, as a phone reports it."""
    box = view_of(person).bounding_box()
    x, y = box["x"] + 60, box["y"] + 40
    session = person.context.new_cdp_session(person.page)

    def touch(kind, *points):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    touch("touchStart", {"x": x, "y": y})
    for step in range(1, 7):
        touch("touchMove", {"x": x, "y": y + 20 * step})
    touch("touchEnd")


SCROLLS = {
    "wheel": lambda person: turn_wheel(person, -10_000),
    "one notch of the wheel": lambda person: turn_wheel(person, -60),
    "PageUp": lambda person: press(person, "PageUp"),
    "Home": lambda person: press(person, "Home"),
    "ArrowUp": lambda person: press(person, "ArrowUp"),
    "finger": swipe_down,
}


@pytest.mark.parametrize("gesture", SCROLLS)
def test_a_reader_who_scrolls_up_stays_until_the_answer_ends(visit, gesture):
    person = visit("Chat", **SMALL, has_touch=gesture == "finger")
    ask_long(person)
    SCROLLS[gesture](person)
    top = view_of(person).evaluate(SETTLED)
    assert distance_from_end(person) > LINE_HEIGHT
    wait_for_lines(person, 4)
    assert view_of(person).evaluate(SETTLED) == top
    person.stop()
    person.shows("Stopped")
    assert view_of(person).evaluate(SETTLED) == top


def test_the_button_counts_the_new_lines_and_leads_back(visit):
    person = visit("Chat", **SMALL)
    ask_long(person)
    expect(end_button(person)).to_be_hidden()
    turn_wheel(person, -10_000)
    expect(end_button(person)).to_contain_text("Back to the end · ")
    assert contrast(end_button(person)) >= 4.5
    wait_for_lines(person, 4)
    expect(end_button(person)).to_contain_text("new lines")
    end_button(person).focus()
    person.page.keyboard.press("Enter")
    expect(end_button(person)).to_be_hidden()
    wait_for_lines(person, 4)
    assert distance_from_end(person) < 2
    expect(view_of(person)).to_be_focused()


@pytest.mark.parametrize("way_back", ["End", "wheel"])
def test_a_reader_who_returns_to_the_end_follows_again(visit, way_back):
    person = visit("Chat", **SMALL)
    ask_long(person)
    turn_wheel(person, -10_000)
    expect(end_button(person)).to_be_visible()
    if way_back == "End":
        press(person, "End")
    else:
        scroll_to_the_end(person)
    expect(end_button(person)).to_be_hidden()
    wait_for_lines(person, 4)
    assert distance_from_end(person) < 2


def test_a_new_question_is_in_view(visit):
    person = visit("Chat", **SMALL)
    ask_long(person)
    wait_for_lines(person, 6)
    person.stop()
    person.shows("Stopped")
    turn_wheel(person, -10_000)
    view_of(person).evaluate(SETTLED)
    person.say("And now a short one")
    question = person.tab.locator(".said").last
    expect(question).to_have_text("And now a short one")
    expect(question).to_be_in_viewport()
    expect(person.tab.locator(".figures")).to_have_count(2)
    assert distance_from_end(person) < 2


def test_a_thought_that_folds_does_not_move_what_is_read(visit, engine):
    person = visit("Chat", **SMALL)
    ask_long(person)
    person.stop()
    person.shows("Stopped")
    engine.may_answer.clear()
    person.say("And now a short one")
    thought = person.tab.locator(".thought-group").last
    expect(thought.locator(".content")).to_contain_text("thought14")
    # The end of the first answer and the beginning of the thought are in view.
    view_of(person).hover(position={"x": 20, "y": 10})
    person.page.mouse.wheel(0, -150)
    top = view_of(person).evaluate(SETTLED)
    figures = person.tab.locator(".figures").first
    place = figures.bounding_box()
    engine.may_answer.set()
    person.shows("I see words only. word0 word1 word2")
    expect(person.tab.locator(".figures")).to_have_count(2)
    assert figures.bounding_box() == place
    assert view_of(person).evaluate(SETTLED) == top


def test_each_tab_follows_its_own_conversation(visit):
    person = visit("Chat", **SMALL)
    first = person.page.locator(".tab-body", has=person.page.locator(".said"))
    ask_long(person)
    turn_wheel(person, -10_000)
    view_of(person).evaluate(SETTLED)
    for name in ("PDF", "Chat"):
        person.page.get_by_role("tab", name=name, exact=True).click()
        person.tab = person.page.locator(".tab-body:visible")
        if name == "PDF":
            expect(first).to_be_hidden()
            expect(person.tab).to_be_visible()
            ask_long(person)
            assert distance_from_end(person) < 2
    assert view_of(person).evaluate(SETTLED) == 0
    expect(end_button(person)).to_contain_text("new lines")
