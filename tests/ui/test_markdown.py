import re

import pytest

from webui.ui.render.markdown import DISPLAY, INLINE, MarkdownEscaper, escape_markdown

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
    "![cat](https://a.example/c.png) ![](http://b.example:8/_(1).png 't') end",
    "!![x](//c.example/y) ![a [b](https://a.example) ![x]\\n![half](https://a.exa",
    "wow!!! \\![x](https://a.example/) [r]: x ![open",
    "> ```c\n> a<b\n<c>\n1. x\n   ~~~\n   d\n\n  ~~~\n<e>",
    "x\r\n\r    a\n\n    <b>\n\nc\n```~\n```\t\n<d>",
    "- - ~~~\n~~a~~ b~~~~ ~\n> - > ```mermaid\n> x\n```c\n```~~~  \n<e>\n~~",
]
TAGS = re.compile("</?(?:code|pre)>")


def math(text, kind=INLINE):
    return kind[0] + text + kind[1]


@pytest.mark.parametrize("text", SAMPLES)
def test_any_two_cuts_give_the_same_text_in_the_output(text):
    whole = escape_markdown(text)
    for first in range(len(text) + 1):
        for second in range(first, len(text) + 1):
            escaper = MarkdownEscaper()
            pieces = [text[:first], text[first:second], text[second:]]
            assert "".join(escaper.feed(piece) for piece in pieces) + escaper.close() == whole


def test_markup_is_shown_as_text():
    assert escape_markdown("a < b, <div>hi</div> & co") == "a &lt; b, &lt;div>hi&lt;/div> &amp; co"


def test_code_at_the_margin_is_left_as_it_is():
    code = "```python\nif a < b:\n    print('&lt;![x](y)')\n```\n"
    assert escape_markdown(code) == code


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("`a<b`", "<code>a&#60;b</code>"),
        ("`` `a\nb` ``", "<code>&#96;a b&#96;</code>"),
        ("- ```c\n  a<b\n\n    d\n  ```\ne", "- <pre><code>a&#60;b&#10;&#10;  d</code></pre>\ne"),
        ("> ~~~\n> a\nb", "> <pre><code>a</code></pre>\nb"),
        ("    a\n\n      <b>\nc", "<pre><code>a&#10;&#10;  &#60;b&#62;</code></pre>\nc"),
        ("1. ```\n   open", "1. <pre><code>open</code></pre>"),
    ],
)
def test_other_code_is_html_in_which_all_is_text(code, shown):
    assert escape_markdown(code) == shown


def raw(text):
    """The escaped text outside of code at the margin, without the tags of other code."""
    return TAGS.sub("", re.sub(r"(?ms)^(```|~~~).*?^\1", "", escape_markdown(text)))


@pytest.mark.parametrize("text", SAMPLES)
def test_no_markup_and_no_picture_is_in_the_output(text):
    assert not re.search(r"<|!\[|\]:|`|~~~|\r", raw(text))


@pytest.mark.parametrize(
    ("picture", "shown"),
    [
        ("![a cat](https://a.example/c.png)", "[a cat (a.example)](https://a.example/c.png)"),
        ("![](https://a.example:8/c)", "[a.example:8](https://a.example:8/c)"),
        (
            '![*](http://ann:b@a.example/?q=1&r "Title")',
            "[&#42; (a.example)](http://ann:b@a.example/?q=1&amp;r)",
        ),
        ("![x](<//b.example/c_(1).png>)", "[x (b.example)](//b.example/c_(1).png)"),
        ("![x](https://ä.example)", "[x (xn--4ca.example)](https://ä.example)"),
        # No host, or not in one plain line: at most a link.
        ("![x](data:image/png;base64,AA==)", "&#33;[x](data:image/png;base64,AA==)"),
        ("![x](/a.png)", "&#33;[x](/a.png)"),
        ("![x](https://[1/)", "&#33;[x](https://[1/)"),
        ("![x][y]", "&#33;[x][y]"),
        ("![a [b]](https://a.example)", "&#33;[a [b]](https://a.example)"),
        ("![a\nb](https://a.example)", "&#33;[a\nb](https://a.example)"),
        ("![half](https://a.exa", "&#33;[half](https://a.exa"),
        (
            "![" + "x" * 3000 + "](https://a.example)",
            "&#33;[" + "x" * 3000 + "](https://a.example)",
        ),
        ("\\![x](https://a.example)", "&#33;[x](https://a.example)"),
        ("!![x](https://a.example)", "&#33;[x (a.example)](https://a.example)"),
        ("[![x](https://a.example)](b)", "[[x (a.example)](https://a.example)](b)"),
        ("[y]: https://a.example", "[y]&#58; https://a.example"),
    ],
)
def test_a_picture_becomes_a_link_that_names_its_host(picture, shown):
    assert escape_markdown(picture) == shown


def test_text_is_held_back_only_while_it_may_become_a_picture():
    escaper = MarkdownEscaper()
    assert escaper.feed("Wow! ![a](https://a.exam") == "Wow! "
    assert escaper.feed("ple/ b") == "&#33;[a](https://a.example/ b"
    assert escaper.feed(" ![a]") == " "
    assert escaper.feed(" and") == "&#33;[a] and"


def test_text_after_code_is_escaped_again():
    assert escape_markdown("```\na<b\n```\n<c>").endswith("\n&lt;c>")


@pytest.mark.parametrize("text", ["$x<y$", "\\(x<y\\)"])
def test_inline_mathematics_is_marked(text):
    assert escape_markdown(text) == math("x&lt;y")


@pytest.mark.parametrize("text", ["$$x<y$$", "\\[x<y\\]"])
def test_displayed_mathematics_is_marked(text):
    assert escape_markdown(text) == math("x&lt;y", DISPLAY)


def test_mathematics_cannot_leave_the_attribute_that_it_stands_in():
    assert (
        escape_markdown("[x](/$\"' onerror=<>$)")
        == f"[x](/{math('&quot;&#x27; onerror=&lt;&gt;')})"
    )


@pytest.mark.parametrize("text", ["It costs $5, then $10.", "a $ b $ c", "$1.5-$2"])
def test_prices_are_not_mathematics(text):
    assert escape_markdown(text) == text


def test_a_private_delimiter_in_the_text_cannot_pretend():
    assert escape_markdown(math("x")) == "\ufffdx\ufffd"


def test_plain_text_is_not_held_back():
    escaper = MarkdownEscaper()
    assert escaper.feed("The shape is ") == "The shape is "
    assert escaper.feed("a `circ") == "a "
    assert escaper.feed("le` here") == "<code>circle</code> here"


@pytest.mark.parametrize("marks", ["`", "~", "> ", " ", "- ", "!["])
def test_a_long_run_of_one_mark_takes_linear_time(marks):
    """Matching must stay linear: the escaper runs on the event loop that serves all users."""
    escaper, text = MarkdownEscaper(), marks * 20_000
    shown = [escaper.feed(text[start : start + 4]) for start in range(0, len(text), 4)]
    assert "".join(shown) + escaper.close() == escape_markdown(text)


def test_a_diagram_is_shown_as_its_source():
    assert escape_markdown("```mermaid\na-->b\n```") == "``` mermaid\na-->b\n```"
