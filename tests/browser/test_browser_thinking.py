"""The level of thinking and "Answer now", in a real browser."""

from person import contrast
from playwright.sync_api import expect


def wait_for_thought(person):
    expect(person.tab.locator(".thought-group .content")).to_contain_text("thought0")


def test_the_level_and_the_exact_budget_agree(visit, engine):
    person = visit("Chat")
    levels = person.tab.locator(".levels")
    person.say("Hello")
    person.shows("tok/s")
    person.tab.locator(".settings").get_by_text("Settings").click()
    exact = person.tab.locator(".settings").get_by_label("number input for Thinking budget")
    levels.get_by_text("Short").click()
    expect(exact).to_have_value("512")
    person.say("And now?")
    expect(person.tab.locator(".figures")).to_have_count(2)
    exact.fill("300")
    exact.press("Tab")
    expect(levels.locator("label.selected")).to_have_count(0)
    levels.get_by_text("Long").click()
    expect(exact).to_have_value("8192")
    person.say("And at last?")
    expect(person.tab.locator(".figures")).to_have_count(3)
    assert [request.sampling.thinking_token_budget for request in engine.requests] == [
        2048,
        512,
        None,
    ]
    assert {request.sampling.seed for request in engine.requests} == {None}


def test_answer_now_ends_only_the_users_own_thought(visit, engine):
    ann, bob = visit("Chat"), visit("Image")
    engine.may_answer.clear()
    ann.say("Hello")
    wait_for_thought(ann)
    bob.say("Hello")
    wait_for_thought(bob)
    mine = engine.requests[-2]
    button = ann.tab.locator(".answer-now")
    expect(button).to_be_visible()
    assert contrast(button) >= 4.5
    button.click()
    expect(button).to_have_count(0)
    expect(bob.tab.locator(".answer-now")).to_be_visible()
    assert engine.answer_now_requested == {mine.id}
    engine.may_answer.set()
    ann.shows("I see words only.")
    expect(bob.tab.locator(".answer-now")).to_have_count(0)
