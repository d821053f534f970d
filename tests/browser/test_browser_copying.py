"""Copying over plain http, where browsers lack `navigator.clipboard`, and where it is refused."""

from playwright.sync_api import expect

PLAIN_HTTP = "delete Navigator.prototype.clipboard"
REFUSAL = PLAIN_HTTP + "; document.execCommand = () => false"
EXACT = "a < b, <div>hi</div>, List<int>, $x<y$ for $5"


def answered_person(visit, script):
    """Return a user whose page runs the script first, with an answer."""
    person = visit("Chat")
    person.page.add_init_script(script)
    person.page.reload()
    person.page.get_by_role("tab", name="Chat", exact=True).click()
    person.say("exact")
    expect(person.tab.locator(".figures")).to_be_visible()
    return person


def paste(person):
    """Return the clipboard, by pasting it into the message box."""
    box = person.tab.locator(".composer textarea")
    box.fill("")
    box.press("Control+v")
    person.waits_until(box.input_value)
    return box.input_value()


def test_an_answer_is_copied_over_plain_http(visit):
    person = answered_person(visit, PLAIN_HTTP)
    person.tab.get_by_role("button", name="Copy answer").click()
    expect(person.tab.get_by_role("button", name="Copied")).to_be_visible()
    assert paste(person).startswith(EXACT)


def test_a_block_of_code_is_copied_over_plain_http(visit):
    person = answered_person(visit, PLAIN_HTTP)
    person.tab.locator(".copy_code_button").click()
    assert paste(person).startswith("if a < b:")


def test_a_refused_copy_is_not_called_copied(visit):
    person = answered_person(visit, REFUSAL)
    person.tab.get_by_role("button", name="Copy answer").click()
    expect(person.tab.get_by_role("button", name="Not copied: select the text")).to_be_visible()
    expect(person.tab.get_by_role("button", name="Copied", exact=True)).to_have_count(0)
