"""Makes the pictures of docs/seeing.md from a run: figures, and the report as Chromium shows it.

    python docs/pictures.py RUN [RUN ...]

The first run is that of the report; further ones are compared with each other.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402

from analysis.comparison import write_comparison  # noqa: E402
from analysis.figures import pictures  # noqa: E402
from analysis.film import film, to_gif  # noqa: E402
from analysis.report import write_report  # noqa: E402
from analysis.run import load_run  # noqa: E402
from tests.browser import opened  # noqa: E402

OUT = ROOT / "docs" / "seeing"
_TALLEST_PIXELS = 4600  # of a page's picture; a whole report is three times as long


def main(folder: str, others: list[str]) -> None:
    OUT.mkdir(exist_ok=True)
    run = load_run(folder)
    for name, data in pictures(run).items():
        (OUT / f"{name}.png").write_bytes(_small(data))
    middle = run.generation_numbers[len(run.generation_numbers) // 8]
    to_gif(OUT / "grid.gif", film(run.episodes(middle)[:8], in_grid=True))
    with tempfile.TemporaryDirectory() as temporary:
        report = write_report(run, Path(temporary, "report.html"))
        for width in (1100, 390):
            for scheme in ("light", "dark"):
                _shoot(report, OUT / f"report-{width}-{scheme}.png", width, scheme, f"#g{middle}/1/2")
        with opened(report, scheme="light", fragment=f"#g{middle}/1/2") as tab:
            data = tab.page.locator("#player").screenshot()
            (OUT / "player-light.png").write_bytes(_small(data))
        if others:
            page = write_comparison([load_run(other) for other in others], Path(temporary, "comparison.html"))
            _shoot(page, OUT / "comparison-1100-light.png", 1100, "light", "")


def _shoot(page: Path, path: Path, width: int, scheme: str, fragment: str) -> None:
    """The upper part of a page, as long as can be looked at."""
    with opened(page, width=width, scheme=scheme, fragment=fragment) as tab:
        height = tab.page.evaluate("document.documentElement.scrollHeight")
        tab.page.set_viewport_size({"width": width, "height": min(height, _TALLEST_PIXELS)})
        tab.page.evaluate("scrollTo(0, 0)")
        path.write_bytes(_small(tab.page.screenshot()))
        assert tab.errors == tab.requests == [], (tab.errors, tab.requests)


def _small(data: bytes) -> bytes:
    """The same picture with a palette, a third as large."""
    with Image.open(io.BytesIO(data)) as image:
        file = io.BytesIO()
        image.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
            file, "PNG", optimize=True
        )
    return file.getvalue()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
