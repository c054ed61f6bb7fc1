"""A real browser for tests of pages: Chromium without a screen, that may not reach any network."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass
class Tab:
    """A page that was opened from disk, and what it did that it should not."""

    page: Any  # playwright.sync_api.Page
    errors: list[str] = field(default_factory=list)  # on the console, or thrown
    requests: list[str] = field(default_factory=list)  # addresses beyond the page's own

    def wait_for(self, is_so: Callable[[dict[str, Any]], bool], seconds: float = 10.0) -> None:
        """Until that holds of the state; asked from here, since the page lets nobody make code of text."""
        end = time.monotonic() + seconds
        while not is_so(self.state()):
            assert time.monotonic() < end, f"after {seconds} s the player still shows {self.state()}"
            self.page.wait_for_timeout(20)

    def state(self) -> dict[str, Any]:
        """What the player shows."""
        return self.page.evaluate("boxlings.state()")


def chromium() -> str | None:
    """The program, if the system has one."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def opened(
    place: Path | str, width: int = 1100, height: int = 900, scheme: str = "light", fragment: str = ""
) -> Iterator[Tab]:
    """The page in that file, or at that address, in a window of that size.

    Skips the test where there is no browser, but not on CI.
    """
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        program = chromium()
        browser = None
        with suppress(sync_api.Error):
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        if browser is None:
            told = "no Chromium was found: `apt-get install chromium`, or `playwright install chromium`"
            if os.environ.get("CI"):
                pytest.fail(told)
            pytest.skip(told)
        try:
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            tab = Tab(context.new_page())
            address = (place if isinstance(place, str) else place.resolve().as_uri()) + fragment
            tab.page.on("console", lambda message: tab.errors.append(message.text) if message.type == "error" else None)
            tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))
            tab.page.on(
                "request",
                lambda request: tab.requests.append(request.url) if request.url != address.split("#")[0] else None,
            )
            tab.page.goto(address)
            yield tab
        finally:
            browser.close()
