"""Person: a user in front of the page in a real browser, with files to add and text to read."""

import re
import time

import av
import pymupdf
from PIL import Image
from playwright.sync_api import expect
from pptx import Presentation
from pptx.dml.color import RGBColor

# Gradio's queue counts its events with calls that pandas 3 has deprecated.
DEPRECATED = ("ignore:.*no_silent_downcasting", "ignore:The copy keyword is deprecated")
COLOURS = {"red": (220, 30, 30), "green": (30, 180, 60), "blue": (30, 60, 220)}
# Waits end with the event that they wait for; on a busy machine that may take long.
GUARD_S = 60


class Person:
    """A user of the page, in one of its tabs; `tab` is the body of that tab.

    The tab is chosen by its English name, or by its place among the tabs.
    """

    def __init__(self, browser, address, tab="Thinking", **context):
        self.context = browser.new_context(
            **{"viewport": {"width": 1300, "height": 850}, **context}
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(GUARD_S * 1000)
        self.page.goto(address)
        expect(self.page.locator(".composer textarea")).to_be_visible()
        if isinstance(tab, int):
            self.page.get_by_role("tab").nth(tab).click()
        elif tab != "Thinking":
            self.page.get_by_role("tab", name=tab, exact=True).click()
        self.tab = self.page.locator(".tab-body:visible")
        expect(self.tab.locator(".composer textarea")).to_be_visible()

    def add(self, *paths):
        self.tab.locator("input[type=file]").set_input_files([str(path) for path in paths])

    def say(self, text):
        self.tab.locator(".composer textarea").fill(text)
        self.tab.locator(".composer textarea").press("Enter")

    def shows(self, text):
        """Wait until the conversation contains the text."""
        expect(self.tab.locator(".chat")).to_contain_text(text)

    def stop(self):
        self.tab.locator(".stop-button").click()

    def waits_until(self, condition):
        """Let the browser run until `condition()` is true."""
        deadline = time.monotonic() + GUARD_S
        while not condition():
            assert time.monotonic() < deadline, "the event did not come"
            self.page.wait_for_timeout(50)


def make_pdf(path, *colours):
    """Make a PDF with one page of each colour."""
    with pymupdf.open() as document:
        for colour in colours:
            page = document.new_page(width=300, height=400)
            page.draw_rect(page.rect, fill=[channel / 255 for channel in COLOURS[colour]])
        document.save(path)
    return path


def make_image(path, colour):
    Image.new("RGB", (200, 200), COLOURS[colour]).save(path)
    return path


def make_deck(path, colour):
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    slide.background.fill.solid()
    slide.background.fill.fore_color.rgb = RGBColor(*COLOURS[colour])
    deck.save(str(path))
    return path


def make_video(path, colour):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        picture = av.VideoFrame.from_image(Image.new("RGB", (160, 120), COLOURS[colour]))
        for _ in range(20):
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


MAKERS = {
    "image": (make_image, "a.png"),
    "pdf": (make_pdf, "a.pdf"),
    "ppt": (make_deck, "a.pptx"),
    "video": (make_video, "a.mp4"),
}


def contrast(element):
    """Return the WCAG contrast of an element's text with the first opaque background behind it."""
    colours = element.evaluate(
        """(element) => {
          const text = getComputedStyle(element).color;
          let background = "rgb(255, 255, 255)";
          for (let parent = element; parent; parent = parent.parentElement) {
            const fill = getComputedStyle(parent).backgroundColor;
            if (!fill.endsWith(", 0)") && fill !== "transparent") { background = fill; break; }
          }
          return [text, background];
        }"""
    )
    luminances = sorted(
        luminance([int(float(value)) for value in re.findall(r"[\d.]+", colour)[:3]])
        for colour in colours
    )
    return (luminances[1] + 0.05) / (luminances[0] + 0.05)


def luminance(rgb):
    """Return the relative luminance of an sRGB colour, as WCAG 2 defines it."""
    shares = [channel / 255 for channel in rgb]
    linear = [
        share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
