"""Whether a run grows in memory, or slows down, over many generations.

    python benchmarks/memory.py --generations 1000 --json

A run without learning, so that a generation is short and what is kept of it weighs; every generation is saved. `--json`
prints one object: `generations`, `population`; `megabytes`, resident at ten moments from a tenth of the run on, after
the memory that is kept for reuse has been reached; `megabytes_a_1000_generations`, the slope of a line through the
second half of them; `milliseconds_a_generation`, saving included, at the same moments, medians of the generations since
the moment before; `milliseconds_a_save`, the same of saving alone; `table_megabytes`, of the three tables at the end.
"""

# ruff: noqa: E402 - paths come before what they are for

from __future__ import annotations

import argparse
import gc
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

# this folder has a world.py too, which is not meant
sys.path = [folder for folder in sys.path if not folder.endswith("benchmarks")]

import evolution.run
from evolution.config import LearningConfig, PolicyConfig, RunConfig
from evolution.run import Report, evolve

NUM_MOMENTS = 10


def resident_megabytes() -> float:
    """What this process holds now; where the system does not tell, the most that it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 10 if sys.platform == "linux" else 1 << 20)
    return pages * resource.getpagesize() / (1 << 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=1000)
    parser.add_argument("--population", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    marks = [arguments.generations * k // NUM_MOMENTS for k in range(1, NUM_MOMENTS + 1)]
    megabytes: list[float] = []
    per_generation: list[float] = []
    per_save: list[float] = []
    generations: list[float] = []
    saves: list[float] = []
    before = time.perf_counter()

    def listen(report: Report) -> None:
        nonlocal before
        now = time.perf_counter()
        if report.text:
            before = now
            return
        generations.append(1e3 * (now - before))
        if report.generation in marks and len(megabytes) < marks.index(report.generation) + 1:
            gc.collect()
            megabytes.append(resident_megabytes())
            per_generation.append(median(generations))
            per_save.append(median(saves))
            generations.clear()
            saves.clear()
        before = time.perf_counter()

    real_save = evolution.run._save

    def save(*given: object) -> None:
        started = time.perf_counter()
        real_save(*given)  # type: ignore[arg-type]
        saves.append(1e3 * (time.perf_counter() - started))

    evolution.run._save = save  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as room:
        config = RunConfig(
            scenario="describe", out=str(Path(room, "run")), generations=arguments.generations,
            population=arguments.population, live_worlds=1, measure_every=10, record_every=10, record_megabytes=1,
            checkpoint_every=1, policy=PolicyConfig(width=8, expert_width=8),
            learning=LearningConfig(fine_tuning=False),
        )  # fmt: skip
        folder = evolve(config, listen)
        tables = sum(path.stat().st_size for path in folder.glob("*.parquet")) / 1e6
    half = len(marks) // 2
    slope = np.polyfit(np.array(marks[half:]) / 1000, megabytes[half:], 1)[0] if len(set(marks[half:])) > 1 else 0.0
    result = {
        "generations": arguments.generations,
        "population": arguments.population,
        "megabytes": [round(value, 1) for value in megabytes],
        "megabytes_a_1000_generations": round(float(slope), 2),
        "milliseconds_a_generation": [round(value, 1) for value in per_generation],
        "milliseconds_a_save": [round(value, 1) for value in per_save],
        "table_megabytes": round(tables, 2),
    }
    if arguments.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name.replace('_', ' '):30} {value}")


if __name__ == "__main__":
    main()
