"""The Dagster UI in a headless Chromium, as a person uses it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, Response, sync_playwright

from tests import debian
from tests.browser.clone import ROOT, Clone

CHROMIUM = debian.Package(
    "chromium",
    ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome"),
    "Chromium is needed for the browser test and was not found; install it (apt install chromium, dnf install "
    "chromium, brew install --cask chromium) or put it on PATH",
)
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
#: Where the pages' pictures go; only when asked, so that a test run leaves the repository as it was.
IMAGES = ROOT / "docs" / "images"
WANTED = "THREADLINE_OPS_TEST_SCREENSHOTS"
_LARGEST = 200_000

_HIDE_PATHS = """here => {
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode())
        if (node.data.includes(here)) node.data = node.data.replaceAll(here, "/srv/threadline");
}"""


@dataclass(frozen=True)
class Screen:
    """A page of the UI."""

    page: Page
    clone: Clone

    def open(self, path: str) -> None:
        self.page.goto(self.clone.address + path)

    def open_file(self, path: Path) -> None:
        self.page.goto(path.as_uri())

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name).first

    def wait_for(self, text: str, *, times: int = 1) -> None:
        self.page.get_by_text(text, exact=True).nth(times - 1).wait_for()

    def write_config(self, text: str) -> None:
        """Replace what the Launchpad's editor holds."""
        editor = self.page.locator(".CodeMirror").first
        editor.wait_for()
        editor.evaluate("(element, text) => element.CodeMirror.setValue(text)", text)

    def keep(self, name: str) -> None:
        """A picture for the documentation, without a path of this machine."""
        if not os.environ.get(WANTED):
            return
        self.page.evaluate(_HIDE_PATHS, str(self.clone.directory))
        IMAGES.mkdir(exist_ok=True)
        self.page.screenshot(path=IMAGES / f"{name}.png")
        assert (IMAGES / f"{name}.png").stat().st_size < _LARGEST


@contextmanager
def screen(clone: Clone, profile: Path) -> Iterator[Screen]:
    """A browser with an empty profile; it must not ask anybody but the webserver at hand."""
    executable = CHROMIUM.required(CHROMIUM.on_path, CHROMIUM.installed)
    elsewhere: list[str] = []

    def note(response: Response) -> None:
        if not response.url.startswith((clone.address, "file:", "data:", "blob:")):
            elsewhere.append(response.url)

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=executable, args=list(_FLAGS), viewport={"width": 1280, "height": 800}
        )
        page = context.new_page()
        page.set_default_timeout(120_000)  # an idle machine needs a tenth
        page.on("response", note)
        yield Screen(page, clone)
        page.screenshot(path=clone.directory / "last.png")  # what a failed test was looking at
        context.close()
    assert not elsewhere, "nothing was fetched from another place"
