"""What seeing a run costs: seconds and megabytes of its report, seconds of each figure.

    python benchmarks/report.py [RUN] [--json]

Without RUN a run of 200 generations with 205 recorded episodes is made first, in a temporary folder, which takes some
minutes: eight boxlings in `guide` that learn little, as how much they learn is of no account here.

Keys of the JSON object: `generations`, `episodes`, `report_seconds` (from the folder to the page on disk, in a process
that has drawn nothing yet; the median of three), `report_megabytes`, `figure_seconds` (by figure: drawing and saving as
PNG, and again as SVG, whichever took longer), `slowest_figure_seconds`, `film_seconds`
(eight episodes in a grid, as GIF).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

_IN_A_PROCESS = """
import sys, time
from analysis.report import write_report
from analysis.run import load_run
started = time.perf_counter()
write_report(load_run(sys.argv[1]), sys.argv[2])
print(time.perf_counter() - started)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", nargs="?")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        found = measure(Path(options.run) if options.run else make_run(Path(temporary, "run")), Path(temporary))
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:24}{value}")


def make_run(folder: Path) -> Path:
    """200 generations, every fifth of which records five episodes."""
    from boxlings import LearningConfig, RunConfig, evolve

    return evolve(
        RunConfig(
            scenario="guide",
            out=str(folder),
            generations=199,
            record_every=5,
            recorded_episodes=5,
            measure_every=4,
            live_worlds=16,
            learning=LearningConfig(founder_rounds=300, language_rounds=2, acting_rounds=1),
        )
    )


def measure(folder: Path, temporary: Path) -> dict[str, Any]:
    from analysis.drawing import FORMATS, house_style
    from analysis.figures import drawn
    from analysis.film import film, to_gif
    from analysis.run import load_run

    run = load_run(folder)
    seconds = [
        float(
            subprocess.run(
                [sys.executable, "-c", _IN_A_PROCESS, str(folder), str(temporary / "report.html")],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for _ in range(3)
    ]
    figures: dict[str, float] = {}
    for save in FORMATS.values():
        with house_style():
            started = time.perf_counter()
            for name, figure in drawn(run):
                save(figure, name)
                figures[name] = max(figures.get(name, 0.0), round(time.perf_counter() - started, 3))
                started = time.perf_counter()
    started = time.perf_counter()
    to_gif(temporary / "grid.gif", film(run.episodes()[:8], in_grid=True))
    film_seconds = time.perf_counter() - started
    return {
        "generations": run.state.last_generation + 1,
        "episodes": sum(len(run.episodes(generation)) for generation in run.generation_numbers),
        "report_seconds": round(median(seconds), 2),
        "report_megabytes": round((temporary / "report.html").stat().st_size / 1e6, 2),
        "figure_seconds": figures,
        "slowest_figure_seconds": max(figures.values()),
        "film_seconds": round(film_seconds, 2),
    }


if __name__ == "__main__":
    main()
