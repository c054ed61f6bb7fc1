"""What pretrained models are worth: seeds of populations, and small language models of our own.

    python benchmarks/pretrained.py [--part seeding|language] [--seeds 3] [--scenario guide] [--steps N] [--json]

`seeding`: CPU seconds, on one thread, until a population of eight has a held-out success of at least 0.9: from scratch,
and seeded with a founder that `boxlings pretrain` made, whose own cost is told too. Keys of each of "seeding": seed,
scratch_seconds, scratch_generation, pretrain_seconds, seeded_seconds, seeded_generation, ratio.

`language`: bits a token of held-out edits, as `boxlings pretrain --as lm` and `--as vlm` measure them. Each of
"language": as, seed, steps, cpu_seconds, held_out, uniform_bits.
"""

# ruff: noqa: E402 - paths come before what they are for

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

# this folder has a world.py too
sys.path = [folder for folder in sys.path if not folder.endswith("benchmarks")]

import boxlings
from boxlings import RunConfig, evolve
from evolution.pretrain_language import LanguageTraining, pretrain_language
from evolution.run import Report

GOOD = 0.9  # held-out success


class _Good(Exception):  # noqa: N818 - what was waited for
    pass


def until_good(config: RunConfig) -> tuple[float, int]:
    """CPU seconds and generations until a run is good; infinite and all where it never is."""
    started, found = time.process_time(), (float("inf"), int(config.generations or 0))

    def listen(report: Report) -> None:
        nonlocal found
        # what is reported after generation g was judged in g - 1
        if report.measures.get("success_held_out", 0.0) >= GOOD:
            found = time.process_time() - started, max(0, report.generation - 1)
            raise _Good

    with suppress(_Good):
        evolve(config, listen)
    return found


def seeding(seed: int, scenario: str, folder: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """One seed's figures."""
    config = RunConfig(scenario=scenario, seed=seed, measure_every=1, recorded_episodes=0, threads=1)
    started = time.process_time()
    with redirect_stdout(StringIO()):
        model = folder / f"model-{seed}"
        status = boxlings.main(["pretrain", scenario, "--out", str(model), "--seed", str(seed)])
    if status:
        raise SystemExit(status)
    pretrain_seconds = time.process_time() - started
    tell(f"seed {seed}: pretrained in {pretrain_seconds:.0f} s")
    seeded_seconds, seeded_generation = until_good(
        replace(config, out=str(folder / f"seeded-{seed}"), seed_from=(str(model),), seed=100 + seed)
    )
    tell(f"seed {seed}: seeded, good after {seeded_seconds:.1f} s, generation {seeded_generation}")
    scratch_seconds, scratch_generation = until_good(replace(config, out=str(folder / f"scratch-{seed}")))
    tell(f"seed {seed}: from scratch, good after {scratch_seconds:.0f} s, generation {scratch_generation}")
    return {
        "seed": seed,
        "scratch_seconds": scratch_seconds,
        "scratch_generation": scratch_generation,
        "pretrain_seconds": pretrain_seconds,
        "seeded_seconds": seeded_seconds,
        "seeded_generation": seeded_generation,
        "ratio": seeded_seconds / scratch_seconds,
    }


def language(kind: str, seed: int, scenario: str, steps: int | None, folder: Path) -> dict[str, Any]:
    """One model's figures."""
    training = LanguageTraining(scenario, seed=seed, has_eyes=kind == "vlm")
    if steps is not None:
        training = replace(training, steps=steps)
    started = time.process_time()
    found = pretrain_language(training, folder / f"{kind}-{seed}")
    kept = {name: found[name] for name in ("as", "seed", "steps", "held_out", "uniform_bits")}
    return kept | {"cpu_seconds": time.process_time() - started}


def main() -> None:
    """Measure, and print a line each, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("seeding", "language"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scenario", default="guide")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    found: dict[str, Any] = {"scenario": options.scenario}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if options.part != "language":
            # kernels are compiled, or loaded, before anything is measured
            evolve(RunConfig(options.scenario, str(folder / "warm"), generations=1, population=4, live_worlds=2))
            found["seeding"] = [seeding(seed, options.scenario, folder, tell) for seed in range(options.seeds)]
        if options.part != "seeding":
            found["language"] = []
            for kind in ("lm", "vlm"):
                for seed in range(options.seeds):
                    one = language(kind, seed, options.scenario, options.steps, folder)
                    found["language"].append(one)
                    for of, cells in one["held_out"].items():
                        told = ", ".join(f"{name} {c['bits']:.3f}" for name, c in cells.items() if isinstance(c, dict))
                        tell(f"{kind}, seed {seed}, {of}: {told}")
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
