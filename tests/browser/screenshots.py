"""Screenshots of the six tabs, empty and answered, light and dark, and a comparison of two sets.

    python tests/browser/screenshots.py take FOLDER [--tree CHECKOUT] [--language ja] [--width 390]
    python tests/browser/screenshots.py compare OLD_FOLDER NEW_FOLDER [DIFFERENCES_FOLDER]

The engine is a fake, animations are off and measured times are hidden, so that two runs of one
checkout give the same pictures. `--tree` takes those of another checkout, such as an older one: its
test helpers may be in tests/ instead of tests/support/.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

TABS = ("thinking", "chat", "image", "video", "pdf", "ppt")
SCHEMES = ("light", "dark")
# Times and speeds are measured, and differ from run to run.
HIDDEN = ".figures, .thought-group .title .prose { visibility: hidden !important; }"
TIMEOUT_MS = 120_000


def take_screenshots(folder: Path, tree: Path, language: str, width: int) -> None:
    folder = folder.resolve()
    # Gradio serves the pictures of the cards from below the working directory.
    tree = tree.resolve()
    os.chdir(tree)
    sys.path[:0] = [str(tree), str(tree / "tests" / "support"), str(tree / "tests")]
    from fakes import FakeEngine
    from page_server import page_app, serving

    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as cache, sync_playwright() as playwright:
        # A server that ends deletes the cache, which others may share.
        os.environ["GRADIO_TEMP_DIR"] = cache
        with serving(page_app(FakeEngine())) as address:
            take_schemes(playwright, address, folder, language, width)


def take_schemes(
    playwright: Playwright, address: str, folder: Path, language: str, width: int
) -> None:
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox"]
    )
    for scheme in SCHEMES:
        take_tabs(browser, address, folder, scheme, language, width)
    browser.close()


def take_tabs(
    browser: Browser, address: str, folder: Path, scheme: str, language: str, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 850 if width > 800 else 844},
        color_scheme=scheme,  # type: ignore[arg-type]
        locale=language,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    expect.set_options(timeout=TIMEOUT_MS)
    page.goto(address)
    expect(page.locator(".composer textarea")).to_be_visible()
    page.add_style_tag(content=HIDDEN)
    for index, name in enumerate(TABS):
        open_tab(page, index)
        expect(page.locator(".cards:visible button.example").first).to_be_visible()
        take(page, folder / f"{name}-empty-{scheme}.png")
    for index, name in enumerate(TABS):
        open_tab(page, index)
        page.locator(".cards:visible button.example").first.click()
        expect(page.locator(".chat:visible .figures")).to_be_attached()
        expect(page.locator(".composer:visible .submit-button")).to_be_visible()
        take(page, folder / f"{name}-answered-{scheme}.png")
    context.close()


def open_tab(page: Page, index: int) -> None:
    """Choose a tab by its place; on a narrow page the last ones are in a menu."""
    tabs = page.locator(".tab-container:not(.visually-hidden) [role=tab]")
    if index < tabs.count():
        tabs.nth(index).click()
        return
    page.locator(".overflow-menu > button").click()
    page.locator(".overflow-dropdown button").nth(index - tabs.count()).click()


def take(page: Page, path: Path) -> None:
    # The focus ring of what was clicked last, and its hover colours, are not of interest.
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement?.blur()")
    page.wait_for_function("document.fonts.status === 'loaded'")
    previous = b""
    # Layout settles some frames after the last event: take pictures until two are equal.
    while (picture := page.screenshot(animations="disabled", caret="hide")) != previous:
        previous = picture
        page.wait_for_timeout(250)
    path.write_bytes(picture)


def compare_folders(old_folder: Path, new_folder: Path, differences: Path | None) -> None:
    """Print the share of pixels that differ in each pair of pictures."""
    for path in sorted(new_folder.glob("*.png")):
        old = Image.open(old_folder / path.name).convert("RGB")
        new = Image.open(path).convert("RGB")
        if old.size != new.size:
            print(f"{path.stem}: {old.size} became {new.size}")
            continue
        changed = (
            ImageChops.difference(old, new).convert("L").point(lambda value: 255 * (value > 8))
        )
        count = changed.histogram()[255]
        print(f"{path.stem}: {count / (new.width * new.height):.3%} in {changed.getbbox()}")
        if differences is not None:
            differences.mkdir(parents=True, exist_ok=True)
            changed.save(differences / path.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    commands = parser.add_subparsers(dest="command", required=True)
    taking = commands.add_parser("take")
    taking.add_argument("folder", type=Path)
    taking.add_argument("--tree", type=Path, default=Path(__file__).resolve().parents[2])
    taking.add_argument("--language", default="en")
    taking.add_argument("--width", type=int, default=1300)
    comparing = commands.add_parser("compare")
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    comparing.add_argument("differences", type=Path, nargs="?")
    options = parser.parse_args()
    if options.command == "take":
        take_screenshots(options.folder, options.tree, options.language, options.width)
    else:
        compare_folders(options.old, options.new, options.differences)


if __name__ == "__main__":
    main()
