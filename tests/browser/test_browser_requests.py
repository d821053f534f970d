"""No answer, thought, question, file name or error makes the browser ask another host."""

from urllib.parse import urlsplit

import pytest
from fakes import FakeEngine
from person import make_image
from playwright.sync_api import expect

from webui.errors import EngineStoppedError
from webui.protocol import Delta, Usage

ELSEWHERE = "https://elsewhere.example"
IMG = f"<img src={ELSEWHERE}/img>"
# One paragraph each; many are code or mathematics to one Markdown parser and not to another.
ATTEMPTS = [
    f"![cat]({ELSEWHERE}/cat.png?asked=everything)",
    f"![]({ELSEWHERE}/no-alt)",
    f'![t]({ELSEWHERE}/title "a title")',
    f"![r][ref] ![ref]\n\n[ref]: {ELSEWHERE}/reference",
    f"[![badge]({ELSEWHERE}/badge)]({ELSEWHERE}/link)",
    f"![a [nested] alt]({ELSEWHERE}/nested)",
    f"![angles](<{ELSEWHERE}/angles>)",
    f"![lines\nlong]({ELSEWHERE}/lines)",
    f"!![twice]({ELSEWHERE}/twice)",
    "![relative](//elsewhere.example/relative)",
    "![drawn](data:image/svg+xml;base64,PHN2Zy8+)",
    f"$x{IMG}y$ and $${IMG}$$",
    f'[formula](/$a"style="background:url({ELSEWHERE}/style)$)',
    rf"$\includegraphics{{{ELSEWHERE}/katex}}$ $\href{{{ELSEWHERE}/h}}{{x}}$",
    rf"$\htmlData{{src={ELSEWHERE}/d}}{{x}}$",
    f"`open\n# {IMG} `",
    f"| `a | {IMG} ` |\n|---|---|\n| b | ![cell]({ELSEWHERE}/cell) |",
    f"[x](a`b) {IMG} `",
    f"text\n      ```\n{IMG}\n",
    f"> ```\n{IMG}\n",
    f"-\n  item\n\n    {IMG}",
    f'[d]: x "\n```\n"\n{IMG}',
    f'- - ```mermaid\n    graph TD; A["{IMG.replace("=", "=#quot;")}"]-->B\n    ```',
    f"```mermaid\ngraph TD; A[\"<img src='{ELSEWHERE}/mermaid'>\"]-->B\n```",
    f"~~~\n~~~ \t\n~~~\n{IMG}\n~~~",
    f"line\r~~~\n~~~\n{IMG}\n~~~",
    f"<style>@import '{ELSEWHERE}/import';</style><iframe src={ELSEWHERE}/frame></iframe>{IMG}",
    f"<video poster={ELSEWHERE}/poster></video><link rel=preconnect href={ELSEWHERE}/>",
    "[run](javascript:fetch('https://elsewhere.example/script'))",
    f"```{IMG}\ncode {IMG}\n```\nThe last line.",
]


@pytest.fixture(scope="module")
def engine():
    return FakeEngine()


@pytest.fixture
def person(visit):
    """A user with `asked`: the URLs of other hosts that the page requested."""
    person = visit()
    person.asked = []
    own = urlsplit(person.page.url).netloc

    def note(request):
        if request.url.startswith(("http", "ws")) and urlsplit(request.url).netloc != own:
            person.asked.append(request.url)

    person.page.on("request", note)
    person.page.reload()
    expect(person.tab.locator(".composer textarea")).to_be_visible()
    return person


def drawn(person):
    """The sources of the shown pictures, without those whose bytes are part of the page."""
    sources = person.tab.locator(".chat img, .side img").evaluate_all(
        "(images) => images.map((image) => image.src)"
    )
    return [source for source in sources if not source.startswith("data:image/jpeg;base64,")]


def test_an_answer_and_its_thought_ask_no_other_host(person, engine):
    text = "\n\n".join(ATTEMPTS)
    pieces = [text[start : start + 40] for start in range(0, len(text), 40)]
    thought, answer = (
        [Delta(reasoning=piece) for piece in pieces],
        [Delta(content=piece) for piece in pieces],
    )
    engine.script = [*thought, *answer, Delta(finish_reason="stop", usage=Usage(9, 99, 9))]
    person.say("What is it?")
    person.shows("The last line.")
    expect(person.tab.locator(".figures")).to_be_visible()
    person.tab.locator(".thought-group .title").click()
    expect(person.tab.locator(".thought-group .content")).to_contain_text("The last line.")
    expect(person.tab.locator(".chat .katex").first).to_be_visible()
    assert (person.asked, drawn(person)) == ([], [])
    assert (
        person.tab.locator(
            '.chat :is(iframe, video, svg.flowchart, a[href^="javascript:"])'
        ).count()
        == 0
    )
    link = person.tab.locator(".bot.message a", has_text="cat (elsewhere.example)").last
    expect(link).to_be_visible()
    expect(link).to_have_attribute("href", f"{ELSEWHERE}/cat.png?asked=everything")
    expect(link).to_have_attribute("rel", "noopener noreferrer")


def test_a_question_a_file_name_and_an_error_ask_no_other_host(person, engine, tmp_path):
    engine.script, engine.error = [], EngineStoppedError(reason=f"\r\r![e]({ELSEWHERE}/e)\n\n{IMG}")
    name = "![n](https:elsewhere.example) <img src=https:elsewhere.example>"
    person.add(make_image(tmp_path / f"{name}.png", "red"))
    expect(person.tab.locator(".sheet figure")).to_have_count(1)
    (tmp_path / f"{name}.pdf").write_bytes(b"%PDF-1.7 nothing")
    person.add(tmp_path / f"{name}.pdf")
    expect(person.tab.locator(".viewer .card")).to_be_visible()
    person.tab.locator(".composer").get_by_label("Remove file").last.click()
    expect(person.tab.locator(".viewer .card")).to_have_count(0)
    person.say(f"Look:\n\n![q]({ELSEWHERE}/q) {IMG}")
    expect(person.tab.locator(".chat .card")).to_contain_text("Try again.")
    assert (person.asked, drawn(person)) == ([], [])
