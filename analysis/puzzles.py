"""Sets of puzzles: solving them, telling how many are solved and by what, drawing and writing them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.drawing import BLACK, CLAN_COLOURS, DPI, GREEN, GREY, PAPER, VERMILION, dress, house_style, new_axes, png
from evolution.storage import GrowingTable, write_bytes
from world.codec import describe, encode
from world.puzzles.generator import BOOK_VERSION, REASONS, puzzles
from world.puzzles.search import Found, solve
from world.puzzles.tasks import Task, submission
from world.render import PALETTE
from world.splits import SPLITS
from world.statics import MAX_SIDE_CELLS

if TYPE_CHECKING:
    from population.puzzle_mind import PuzzleMind

GUESSES = 3  # that are judged; the rules of ARC allow 2 or 3
_MOST_EDITS = 12  # that are shown of one test


@dataclass
class Solved:
    """A task and what a search found."""

    task: Task
    found: Found
    rank: int | None  # of the right answer, from 0; None: there is none, or it is not known

    def row(self) -> dict[str, Any]:
        """As plain values."""
        best = self.found.answers[0] if self.found.answers else None
        return {
            "name": self.task.name,
            "rank": None if self.rank is None else self.rank + 1,
            "answers": len(self.found.answers),
            "program": list(best.program) if best else [],
            "bits": best.bits if best else None,
            "nodes": self.found.nodes,
            "cpu_seconds": self.found.seconds,
        }


WAYS = {
    "plain": "search in the simulator, shortest first",
    "ordered": "search in the simulator, in the mind's order",
    "imagined": "search in the mind's own model, verified at the end",
    "alone": "the mind alone, three guesses",
    "hinted": "search by who sees nothing and heard the mind's hint",
    "deaf": "search by who sees and hears nothing",
    "misled": "search by who heard the hint for another task",
}


def solve_all(
    tasks: Sequence[Task],
    seconds: float,
    mind: PuzzleMind | None = None,
    on_progress: Callable[[float, str], None] | None = None,
    way: str | None = None,
) -> list[Solved]:
    """Search each task for so many CPU seconds at most.

    The way is one of `WAYS`, all but the plain one with a mind; without one it is ordered if there is a mind.
    """
    way = way or ("plain" if mind is None else "ordered")
    if way == "misled" and len(tasks) < 2:
        raise ValueError(f"expected two tasks or more, so that one's hint can be given for another, got {len(tasks)}")

    def search(task: Task, limit: float, next_task: Task) -> Found:
        if way == "plain":
            return solve(task, limit)
        from population.guided_search import guess, solve_guided, solve_hinted, solve_imagined

        if mind is None:
            raise ValueError(f"expected a mind to solve puzzles in the way {way!r}, got none")
        if way == "alone":
            return guess(task, mind, GUESSES)
        if way in ("hinted", "deaf", "misled"):
            return solve_hinted(task, mind, {"hinted": task, "deaf": None, "misled": next_task}[way], limit)
        return (solve_imagined if way == "imagined" else solve_guided)(task, mind, limit)

    if on_progress is not None:
        on_progress(0.0, "getting ready")
    search(_WARM, 10.0, _WARM)  # so that no task's time goes into kernels
    done: list[Solved] = []
    for task in tasks:
        if on_progress is not None:
            right = sum(one.rank is not None for one in done)
            on_progress(len(done) / len(tasks), f"task {len(done) + 1} of {len(tasks)}, {right} solved")
        found = search(task, seconds, tasks[(len(done) + 1) % len(tasks)])
        done.append(Solved(task, found, found.rank_of(task)))
    return done


_CORNER = np.array([[1, 0], [0, 2]], np.uint8)
_WARM = Task("", (_CORNER, _CORNER.T.copy()), (_CORNER[::-1].copy(), _CORNER.T[::-1].copy()), (_CORNER,), (None,))


def summary(solved: Sequence[Solved]) -> dict[str, Any]:
    """How many tasks there are, how many are solved with the first 1, 2 and 3 answers, and what it took."""
    told: dict[str, Any] = {"tasks": len(solved), "judged": sum(one.task.has_answers for one in solved)}
    for k in range(1, GUESSES + 1):
        told[f"solved_at_{k}"] = sum(one.rank is not None and one.rank < k for one in solved)
    seconds = [one.found.seconds for one in solved]
    return told | {
        "answered": sum(bool(one.found.answers) for one in solved),
        "cpu_seconds": float(sum(seconds)),
        "cpu_seconds_per_task": float(np.mean(seconds)) if seconds else 0.0,
        "nodes": int(sum(one.found.nodes for one in solved)),
        "median_nodes": float(np.median([one.found.nodes for one in solved])) if solved else 0.0,
    }


def compare(before: Sequence[Solved], after: Sequence[Solved]) -> dict[str, Any]:
    """What two searches of the same tasks took for those that both solved: how many, and pictures until the end."""
    both = [k for k in range(len(before)) if before[k].rank is not None and after[k].rank is not None]
    nodes = [sum(some[k].found.nodes for k in both) for some in (before, after)]
    return {
        "solved_by_both": len(both), "nodes_before": nodes[0], "nodes_after": nodes[1],
        "times_fewer_nodes": nodes[0] / nodes[1] if nodes[1] else None,
    }  # fmt: skip


def lines_of(one: Solved) -> list[str]:
    """A task's outcome for people: whether it is right, the program, and the edits that it makes of each test."""
    name, found = one.task.name, one.found
    if not found.answers:
        return [f"{name}: no program found ({found.nodes:,} pictures, {found.seconds:.2f} CPU s)"]
    told = "its answers are not known"
    if one.task.has_answers:
        told = "none of its answers is right" if one.rank is None else f"solved, by answer {one.rank + 1}"
    best = found.answers[one.rank or 0]
    lines = [f"{name}: {told} ({found.nodes:,} pictures, {found.seconds:.2f} CPU s)"]
    lines += [f"  {k}. {step}" for k, step in enumerate(best.program, 1)]
    for number, (before, after) in enumerate(zip(one.task.tests, best.grids, strict=True), 1):
        edits = edits_of(before, after)
        lines.append(f"  test {number}: {len(edits)} edit{'' if len(edits) == 1 else 's'}")
        lines += [f"    {edit}" for edit in edits[:_MOST_EDITS]]
        lines += [f"    ... and {len(edits) - _MOST_EDITS} more"] if len(edits) > _MOST_EDITS else []
    return lines


def edits_of(before: np.ndarray, after: np.ndarray) -> list[str]:
    """What changes a grid into another one, a readable line each; nothing for grids larger than edits can tell of."""
    if max(*before.shape, *after.shape) > MAX_SIDE_CELLS:
        return []
    return describe(encode(before, after), before)


def submission_of(solved: Sequence[Solved]) -> dict[str, list[dict[str, Any]]]:
    """The two best answers to each test, as ARC Prize takes them."""
    guesses = {one.task.name: [answer.grids for answer in one.found.answers] for one in solved}
    return submission(guesses, [one.task for one in solved])


def draw(one: Solved) -> Figure:
    """A task as a figure: demonstrations, then each test with the best answer and the truth."""
    task, answers = one.task, one.found.answers
    best = answers[one.rank or 0] if answers else None
    columns = len(task.inputs) + len(task.tests)
    rows = 3 if task.has_answers else 2
    with house_style():
        figure = Figure(figsize=(1.9 * columns + 0.4, 2.1 * rows + 1.2), dpi=DPI, layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False)
        for ax in axes.flat:
            ax.set_axis_off()
        for k, (before, after) in enumerate(zip(task.inputs, task.outputs, strict=True)):
            _draw_grid(axes[0, k], before, f"demonstration {k + 1}", GREY)
            _draw_grid(axes[1, k], after, "becomes", GREY)
        for k, before in enumerate(task.tests, len(task.inputs)):
            number = k - len(task.inputs)
            _draw_grid(axes[0, k], before, f"test {number + 1}", BLACK)
            truth = task.answers[number]
            if best is None:
                axes[1, k].set_title("no answer", fontsize=9, color=VERMILION)
            else:
                is_right = truth is not None and np.array_equal(truth, best.grids[number])
                colour = GREY if truth is None else (GREEN if is_right else VERMILION)
                word = "answer" if truth is None else ("right answer" if is_right else "wrong answer")
                _draw_grid(axes[1, k], best.grids[number], word, colour)
            if rows == 3 and truth is not None:
                _draw_grid(axes[2, k], truth, "truth", BLACK)
        steps = "no program found" if best is None else ", then ".join(best.program)
        told = "\n".join(wrap(steps, 24 * columns, max_lines=3, placeholder=" ..."))
        figure.suptitle(f"{task.name}\n{told}", fontsize=9, color=BLACK)
    return figure


def draw_all(solved: Sequence[Solved], folder: str | Path) -> list[Path]:
    """A PNG for each task in a folder, which is made; returns the files."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for one in solved:
        safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in one.task.name)[:80] or "task"
        file, number = folder / f"{safe}.png", 1
        while file in files:  # names that differ in other characters only
            number += 1
            file = folder / f"{safe}-{number}.png"
        write_bytes(file, png(draw(one)))
        files.append(file)
    return files


def _draw_grid(ax: Axes, grid: np.ndarray, title: str, colour: str) -> None:
    ax.set_axis_on()
    ax.imshow(PALETTE[grid], interpolation="nearest")
    ax.set_title(title, fontsize=9, color=colour)
    ax.set_xticks(np.arange(-0.5, grid.shape[1]), [])
    ax.set_yticks(np.arange(-0.5, grid.shape[0]), [])
    ax.grid(True, color="#3a3d46", linewidth=0.5)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_color(colour)
        spine.set_linewidth(1.2)


def plot_ways(times: Mapping[str, Sequence[Sequence[float]]], title: str, ax: Axes | None = None) -> Axes:
    """Share of puzzles solved within so many CPU seconds each, a line a way and a thin one a seed; returns the axes.

    `times` has of each way, of each seed, the CPU seconds that each puzzle took; infinite where it was not solved.
    """
    with house_style():
        ax = ax or new_axes(7.2, 4.2)
        dress(ax, title, "share of puzzles solved", "CPU seconds a puzzle")
        ends = []
        spent = [second for seeds in times.values() for one in seeds for second in one if np.isfinite(second)]
        low, high = (min(spent), max(spent)) if spent else (1e-3, 1.0)
        grid = np.geomspace(max(low, 1e-4), high * 1.1, 200)
        for (way, seeds), colour in zip(times.items(), CLAN_COLOURS, strict=False):
            shares = np.array([[(np.asarray(one) <= at).mean() for at in grid] for one in seeds])
            for share in shares:
                ax.plot(grid, share, color=colour, linewidth=0.8, alpha=0.5)
            ax.plot(grid, shares.mean(axis=0), color=colour, linewidth=2.2)
            ends.append((WAYS.get(way, way), float(shares.mean(axis=0)[-1]), colour))
        ax.set_xscale("log")
        ax.set_ylim(0, 1.02)
        for k, (name, share, colour) in enumerate(sorted(ends, key=lambda end: -end[1])):
            ax.annotate(
                f"{name}: {share:.2f}", (0.02, 0.97 - 0.062 * k), xycoords="axes fraction", color=colour, fontsize=9,
                va="top", bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 1},
            )  # fmt: skip
    return ax


def write_puzzles(
    folder: str | Path,
    count: int,
    split: str,
    first: int = 0,
    per_file: int = 10_000,
    on_progress: Callable[[float, str], None] | None = None,
) -> dict[str, Any]:
    """Write generated tasks as ARC's JSON, `per_file` to a file, and what is known of them as puzzles.parquet.

    A file holds tasks by their names, as those of ARC Prize do; with one task a file it is that task, and has its name,
    as those of the first ARC.

    The folder must be new, ValueError otherwise. Returns how many were made, and how many tries were refused, and why.
    """
    folder = Path(folder)
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise ValueError(f"expected a new or empty folder for the puzzles, but {folder} has something in it")
    folder.mkdir(parents=True, exist_ok=True)
    counted = np.zeros(len(REASONS), np.int64)
    depths: Counter[int] = Counter()
    known: GrowingTable | None = None
    number = 0
    for start in range(first, first + count, per_file):
        tasks: dict[str, Any] = {}
        rows: list[dict[str, object]] = []
        for puzzle in puzzles(range(start, min(start + per_file, first + count)), split, counted):
            tasks[puzzle.task.name] = puzzle.task.to_json()
            rows.append(puzzle.row())
            depths[puzzle.depth] += 1
            number += 1
            if on_progress is not None and number % 200 == 0:
                on_progress(number / count, f"{number:,} puzzles of {count:,}")
        if per_file == 1:
            for name, task in tasks.items():
                write_bytes(folder / f"{name}.json", json.dumps(task, separators=(",", ":")).encode())
        else:
            write_bytes(folder / f"{split}-{start:09d}.json", _lines(tasks))
        table = pa.Table.from_pylist(rows, schema=_KNOWN)
        known = known or GrowingTable(folder / "puzzles.parquet", table.schema)
        known.add(table)
    if known is not None:
        known.write()
    refused = dict(zip(REASONS, counted.tolist(), strict=True))
    return {
        "folder": str(folder), "split": split, "puzzles": number, "book": BOOK_VERSION, "refused": refused,
        "depths": {str(depth): number for depth, number in sorted(depths.items())},
    }  # fmt: skip


_KNOWN = pa.schema(
    [
        ("name", pa.string()), ("depth", pa.int8()), ("nodes", pa.int64()), ("changed", pa.float32()),
        ("program", pa.string()), ("families", pa.string()), ("rivals", pa.int16()), ("survivors", pa.int16()),
        ("demonstrations", pa.int8()), ("tests", pa.int8()),
    ],
    {"book": str(BOOK_VERSION)},
)  # fmt: skip


def _lines(tasks: dict[str, Any]) -> Iterator[bytes]:
    """One JSON object, a task a line."""
    for k, (name, task) in enumerate(tasks.items()):
        yield (b"{\n" if k == 0 else b",\n") + f"{json.dumps(name)}: {json.dumps(task, separators=(',', ':'))}".encode()
    yield b"\n}\n" if tasks else b"{}\n"
