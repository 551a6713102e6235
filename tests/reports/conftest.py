"""A real browser for the pages: headless Chromium, which `.ci/chromium` installs."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
Scheme = Literal["light", "dark"]


@dataclass
class Opened:
    """A page in the browser.

    Attributes:
        page: playwright's page.
        messages: of its console, and uncaught errors.
        requests: addresses other than its file and data URIs.
    """

    page: Page
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def is_wide(self) -> bool:
        """Return whether the page scrolls horizontally."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))

    def smallest_text(self) -> float:
        """Return the size of the smallest text of the plots that are shown, in pixels of the screen."""
        return float(
            self.page.evaluate(
                """() => Math.min(...[...document.querySelectorAll(".plot text")]
                    .filter(one => one.getBoundingClientRect().width)
                    .map(one => parseFloat(getComputedStyle(one).fontSize)
                        * one.ownerSVGElement.getScreenCTM().a))"""
            )
        )

    def cut_texts(self) -> list[str]:
        """Return the texts of plots that extend beyond their drawing."""
        found: list[str] = self.page.evaluate(
            """() => [...document.querySelectorAll(".plot text")].filter(one => {
                const own = one.getBoundingClientRect(), all = one.ownerSVGElement.getBoundingClientRect();
                return own.width && (own.left < all.left - 1 || own.right > all.right + 1
                    || own.top < all.top - 1 || own.bottom > all.bottom + 1);
            }).map(one => one.textContent)"""
        )
        return found

    def violations(self) -> list[str]:
        """Return what axe-core finds against WCAG 2.1 A and AA, contrast included."""
        from axe_playwright_python.sync_playwright import Axe

        rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
        found: list[dict[str, Any]] = Axe().run(self.page, options=rules).response["violations"]
        return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail("there is no Chromium on PATH; .ci/chromium installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Opened]]:
    """Return a function that opens an HTML file at a width in pixels and in a colour scheme."""
    contexts = []

    def open_(path: Path, width: int = 1280, scheme: Scheme = "light", *, javascript: bool = True) -> Opened:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=javascript
        )
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.on("console", lambda message: opened.messages.append(message.text))
        opened.page.on("pageerror", lambda error: opened.messages.append(str(error)))
        own = (path.as_uri(), "data:")
        opened.page.on(
            "request",
            lambda request: None if request.url.startswith(own) else opened.requests.append(request.url),
        )
        opened.page.goto(path.as_uri())
        return opened

    yield open_
    for context in contexts:
        context.close()
