"""Puzzles: how fast they are made, and how many are solved before and after training.

    python benchmarks/puzzles.py [--part rate|generated|files] [--seeds 3] [--puzzles N] [--train N] [--seconds X]
                                 [--files FILE ...] [--figure FILE] [--json]

All on one thread. `rate`: certified puzzles a CPU second, and the shares that were refused. `generated`: for a mind of
each seed and each split, of `--puzzles` puzzles: those solved at 1, 2 and 3 answers and the pictures made, by the plain
search, by the same search in the mind's order, by search in the mind's own model, and by the mind alone, at the same
CPU seconds a puzzle, and by who sees nothing and hears the mind's hint, none, or that for another puzzle; `--figure`
draws the shares of families never trained on that are solved against CPU seconds. `files`: the plain search on files
of ARC tasks; a quarter of each file's tasks, those whose names have the smallest SHA-256, is told apart, for whoever
develops on the others. Keys: "rate", "generated" (seed, split, ways, compared), "files" (file, part, found).
"""

# ruff: noqa: E402 - paths come before what they are for

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

# this folder has a world.py too
sys.path = [folder for folder in sys.path if not folder.endswith("benchmarks")]

import torch

from analysis.drawing import png
from analysis.puzzles import WAYS, compare, plot_ways, solve_all, summary
from evolution.learn_puzzles import PuzzleTraining, train_mind
from world.puzzles.generator import REASONS, puzzles
from world.puzzles.tasks import Task, read_tasks
from world.splits import COMPOSITIONS, FAMILIES, PARAMETERS, SEEDS

FOUR = ("plain", "ordered", "imagined", "alone")  # ways of who sees the task
SPLITS = (SEEDS, COMPOSITIONS, FAMILIES, PARAMETERS)


def rate(count: int) -> dict[str, Any]:
    """How fast puzzles are made."""
    list(puzzles(range(20)))  # kernels are compiled, or loaded
    counted = np.zeros(len(REASONS), np.int64)
    started = time.process_time()
    made = sum(1 for _ in puzzles(range(1000, 1000 + count), counted=counted))
    seconds = time.process_time() - started
    return {"puzzles": made, "a_second": made / seconds, "refused": dict(zip(REASONS, counted.tolist(), strict=True))}


def generated(seed: int, count: int, train: int, seconds: float) -> list[dict[str, Any]]:
    """What a mind of this seed changes."""
    started = time.process_time()
    mind, learned = train_mind(PuzzleTraining(num_puzzles=train, seed=seed))
    training_seconds = time.process_time() - started
    rows = []
    for split in SPLITS:
        tasks = [puzzle.task for puzzle in puzzles(range(count), split)]
        solved = {way: solve_all(tasks, seconds, mind, way=way) for way in WAYS}
        ways = {way: summary(some) for way, some in solved.items()}
        times = {
            way: [one.found.seconds if one.rank is not None else float("inf") for one in some]
            for way, some in solved.items()
        }
        against = {
            f"{before} and {after}": compare(solved[before], solved[after])
            for before, after in (("plain", "ordered"), ("deaf", "hinted"), ("deaf", "misled"))
        }
        rows.append(
            {
                "seed": seed, "split": split, "ways": ways, "times": times, "training_seconds": training_seconds,
                "next_step": learned["next_step"], "rounds": learned["rounds"], "compared": against,
            }
        )  # fmt: skip
    return rows


def parts_of(tasks: list[Task]) -> dict[str, list[Task]]:
    """A quarter by hash, and the others."""
    ordered = sorted(tasks, key=lambda task: hashlib.sha256(task.name.encode()).hexdigest())
    quarter = len(ordered) // 4
    return {"held-out quarter": ordered[:quarter], "others": ordered[quarter:]}


def main() -> None:
    """Measure, and print a line each, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("rate", "generated", "files"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--puzzles", type=int, default=200)
    parser.add_argument("--train", type=int, default=60_000)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--files", type=Path, nargs="*", default=[])
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    found: dict[str, Any] = {}
    if options.part in (None, "rate"):
        found["rate"] = rate(5000)
        tell(f"{found['rate']['a_second']:.0f} puzzles a CPU second")
    if options.part in (None, "generated"):
        found["generated"] = []
        for seed in range(options.seeds):
            rows = generated(seed, options.puzzles, options.train, options.seconds)
            found["generated"] += rows
            for row in rows:
                tell(f"seed {seed}, {row['split']}: {json.dumps(row['compared'])}")
                for way, one in row["ways"].items():
                    at = " ".join(f"@{k} {one[f'solved_at_{k}']}" for k in (1, 2, 3))
                    tell(
                        f"seed {seed}, {row['split']}, {way}: {at} of {one['tasks']}; {one['nodes']:,} pictures, "
                        f"{one['median_nodes']:,.0f} in the middle; {one['cpu_seconds']:.1f} CPU s"
                    )
        if options.figure:
            some = [row for row in found["generated"] if row["split"] == FAMILIES]
            times = {way: [row["times"][way] for row in some] for way in FOUR}
            options.figure.write_bytes(
                png(plot_ways(times, "Fast simulation or intrinsic search? Families never trained on").figure)
            )
        for row in found["generated"]:
            del row["times"]
    if options.part in (None, "files"):
        found["files"] = []
        for file in options.files:
            tasks, _ = read_tasks(file)
            for part, some in parts_of(tasks).items():
                told = summary(solve_all(some, options.seconds))
                found["files"].append({"file": file.name, "part": part, "found": told})
                at = ", ".join(f"@{k} {told[f'solved_at_{k}']}" for k in (1, 2, 3))
                tell(f"{file.name}, {part}: {at} of {told['tasks']}; {told['cpu_seconds_per_task']:.2f} CPU s a task")
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
