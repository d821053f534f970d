import pytest

from webui.ui.wire import DISPLAY, INLINE, Wire, exact

SAMPLES = [
    "a < b && c > d, List<int>, <div>hi</div>, &lt;",
    "x `a<b>` y ``b ` c`` and `open <x>\n\nnext",
    "```python\nif a < b:\n    print('<x>')\n```\n<after>",
    "```\na<b\n```\n<c>",
    "- item\n  ```c\n  a<b\n  ```\n<c>",
    "price $5 and $10, $x<y$ and $$a<b$$ done, $1.5-$2",
    "\\(a<b\\) \\[x\n<y\\] \\( open",
    "    code <x>\n\ntext\n- item\n\n    more <x>\n",
    "```mermaid\na-->b\n```\n",
    "$$ open\n\n<b>",
    "a \\< \\& \\\\ \\$5 \\",
]


def math(text, kind=INLINE):
    return kind[0] + text + kind[1]


@pytest.mark.parametrize("text", SAMPLES)
def test_any_two_cuts_give_the_same_text_on_the_wire(text):
    whole = exact(text)
    for first in range(len(text) + 1):
        for second in range(first, len(text) + 1):
            wire = Wire()
            pieces = [text[:first], text[first:second], text[second:]]
            assert "".join(wire.feed(piece) for piece in pieces) + wire.close() == whole


def test_markup_is_shown_as_text():
    assert exact("a < b, <div>hi</div> & co") == "a &lt; b, &lt;div>hi&lt;/div> &amp; co"


def test_code_is_left_as_it_is():
    code = "```python\nif a < b:\n    print('&lt;')\n```\n"
    assert exact(code) == code
    assert exact("`a<b>`") == "`a<b>`"


def test_text_after_code_is_escaped_again():
    assert exact("```\na<b\n```\n<c>").endswith("\n&lt;c>")


@pytest.mark.parametrize("text", ["$x<y$", "\\(x<y\\)"])
def test_inline_mathematics_is_marked(text):
    assert exact(text) == math("x<y")


@pytest.mark.parametrize("text", ["$$x<y$$", "\\[x<y\\]"])
def test_displayed_mathematics_is_marked(text):
    assert exact(text) == math("x<y", DISPLAY)


@pytest.mark.parametrize("text", ["It costs $5, then $10.", "a $ b $ c", "$1.5-$2"])
def test_prices_are_not_mathematics(text):
    assert exact(text) == text


def test_a_private_delimiter_in_the_text_cannot_pretend():
    assert exact(math("x")) == "\ufffdx\ufffd"


def test_plain_text_is_not_held_back():
    wire = Wire()
    assert wire.feed("The shape is ") == "The shape is "
    assert wire.feed("a `circ") == "a "
    assert wire.feed("le` here") == "`circle` here"


def test_a_diagram_is_shown_as_its_source():
    assert exact("```mermaid\na-->b\n```") == "``` mermaid\na-->b\n```"
