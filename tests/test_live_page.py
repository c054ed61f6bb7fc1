"""Mesa's page of a live society, served on loopback and used in a real browser that reaches no network."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.browser import opened

SCRIPT = Path(__file__).parents[1] / "examples/watch_with_solara.py"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the script is served."""
    pytest.importorskip("solara")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("solara") / "log"
    command = [sys.executable, "-m", "solara", "run", str(SCRIPT), "--host", "127.0.0.1", "--port", str(port)]
    with (
        log.open("wb") as file,
        subprocess.Popen([*command, "--production", "--no-open"], stdout=file, stderr=file) as server,
    ):
        try:
            at = f"http://127.0.0.1:{port}/"
            end = time.monotonic() + 120
            while time.monotonic() < end and server.poll() is None:
                with suppress(OSError, urllib.error.URLError):
                    urllib.request.urlopen(at, timeout=10).close()
                    break
                time.sleep(0.2)
            else:
                pytest.fail(log.read_text())
            yield at
        finally:
            server.terminate()


def test_a_live_society_is_stepped_played_paused_and_begun_again_with_other_options(address: str):
    with opened(address, width=1500, height=1100) as tab:
        page = tab.page

        def press(label: str) -> None:
            page.get_by_role("button", name=label, exact=True).click()

        def shown(text: str) -> None:
            page.get_by_text(text).first.wait_for(timeout=60_000)

        shown("Step: 0")
        shown("Nothing has been recorded yet")
        press("Step")
        shown("Step: 1")
        shown("Generation 0, goal: ")
        shown("symbols in use, of 16")
        assert page.locator(".world img, img.world").first.bounding_box()["width"] > 200
        press("▶")
        shown("Step: 3")
        press("❚❚")
        shown("Generation 2, goal: ")
        page.get_by_label("Boxlings").focus()
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(500)  # while the list opens
        page.keyboard.press("Enter")  # its first, two in place of four
        page.locator(".v-select__selection", has_text=re.compile("^2$")).wait_for()
        press("Reset")
        shown("Nothing has been recorded yet")
        press("Step")
        shown("Generation 0, goal: ")
        assert set(re.findall(r"\(\w+, boxling (\d+)\)", page.inner_text("body"))) in ({"1"}, {"2"}, {"1", "2"})
        assert tab.errors == []
        assert [url for url in tab.requests if not url.startswith((address, "data:", "blob:", "ws"))] == []
