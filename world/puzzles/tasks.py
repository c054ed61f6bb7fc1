"""Tasks as ARC has them: demonstrations of a rule, and tests; in and out as the JSON that any ARC tool reads.

The format is that of Chollet 2019, https://arxiv.org/abs/1911.01547: {"train": [{"input": grid, "output": grid}, ...],
"test": [...]}, a grid being a list of rows of integers 0 to 9. Files hold one such task, named after it, or many by
their names; folders hold such files. Tests may lack their output, as those of a competition do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from world.puzzles.features import MAX_CELLS, MAX_SIDE

MAX_DEMONSTRATIONS = 32


@dataclass(frozen=True, eq=False)
class Task:
    """Demonstrations and tests; grids are (H, W) uint8 in [0, 9]."""

    name: str
    inputs: tuple[np.ndarray, ...]  # of the demonstrations
    outputs: tuple[np.ndarray, ...]
    tests: tuple[np.ndarray, ...]
    answers: tuple[np.ndarray | None, ...]  # of the tests, where they are known

    @property
    def has_answers(self) -> bool:
        return all(answer is not None for answer in self.answers)

    def is_solved_by(self, grids: tuple[np.ndarray, ...]) -> bool:
        """Whether these are the answers, in every cell."""
        return self.has_answers and all(
            answer is not None and np.array_equal(answer, grid)
            for answer, grid in zip(self.answers, grids, strict=True)
        )

    def to_json(self) -> dict[str, list[dict[str, list[list[int]]]]]:
        """As ARC writes it."""
        train = [
            {"input": before.tolist(), "output": after.tolist()}
            for before, after in zip(self.inputs, self.outputs, strict=True)
        ]
        test = [
            {"input": before.tolist()} | ({} if after is None else {"output": after.tolist()})
            for before, after in zip(self.tests, self.answers, strict=True)
        ]
        return {"train": train, "test": test}


def read_grid(plain: Any, where: str) -> np.ndarray:
    """A grid of lists as (H, W) uint8; ValueError names the place, what was expected and what came."""
    if not isinstance(plain, list) or not plain or not all(isinstance(row, list) and row for row in plain):
        raise ValueError(f"{where}: expected a grid, a list of rows with at least one cell each, got {_brief(plain)}")
    height, width = len(plain), len(plain[0])
    for r, row in enumerate(plain):
        if len(row) != width:
            raise ValueError(
                f"{where}: expected rows of equal length, got {width} cells in row 0 and {len(row)} in row {r}"
            )
        for c, value in enumerate(row):
            if type(value) is not int or not 0 <= value <= 9:
                raise ValueError(f"{where}: expected colours from 0 to 9, got {_brief(value)} in row {r}, column {c}")
    if height > MAX_SIDE or width > MAX_SIDE or height * width > MAX_CELLS:
        raise ValueError(
            f"{where}: expected at most {MAX_CELLS} cells and {MAX_SIDE} a side, got {height} rows of {width} cells"
        )
    return np.array(plain, np.uint8)


def read_task(plain: Any, name: str) -> Task:
    """A task of plain lists; ValueError names the task, the place in it, what was expected and what came."""
    where = f"task {name}"
    if not isinstance(plain, dict):
        raise ValueError(f"{where}: expected an object with train and test, got {_brief(plain)}")
    pairs: dict[str, list[tuple[np.ndarray, np.ndarray | None]]] = {}
    for part in ("train", "test"):
        given = plain.get(part)
        if not isinstance(given, list) or not given:
            raise ValueError(f"{where}: expected a list of one or more pairs under {part!r}, got {_brief(given)}")
        if len(given) > MAX_DEMONSTRATIONS:
            raise ValueError(f"{where}: expected at most {MAX_DEMONSTRATIONS} pairs under {part!r}, got {len(given)}")
        pairs[part] = []
        for n, pair in enumerate(given):
            if not isinstance(pair, dict) or "input" not in pair:
                raise ValueError(f"{where}, {part} {n}: expected an object with input and output, got {_brief(pair)}")
            after = None
            if part == "train" or pair.get("output") is not None:
                after = read_grid(pair.get("output"), f"{where}, {part} {n}, output")
            pairs[part].append((read_grid(pair["input"], f"{where}, {part} {n}, input"), after))
    return Task(
        name,
        tuple(before for before, _ in pairs["train"]),
        tuple(after for _, after in pairs["train"] if after is not None),
        tuple(before for before, _ in pairs["test"]),
        tuple(after for _, after in pairs["test"]),
    )


def read_tasks(path: str | Path) -> tuple[list[Task], list[str]]:
    """Every task of a file or a folder, and a sentence for each that is none; ValueError if there is no task at all."""
    path = Path(path)
    if path.is_dir():
        files = sorted(path.glob("*.json"))
        if not files:
            raise ValueError(f"{path}: expected a folder of task files (*.json), got none")
    elif path.is_file():
        files = [path]
    else:
        raise ValueError(f"{path}: expected a file or folder of tasks, there is none")
    tasks: list[Task] = []
    refused: list[str] = []
    names: set[str] = set()
    for file in files:
        try:
            for name, plain in _named(file):
                try:
                    if name in names:
                        raise ValueError(f"task {name}: expected tasks of different names, got a second one in {file}")
                    tasks.append(read_task(plain, name))
                    names.add(name)
                except ValueError as wrong:
                    refused.append(str(wrong))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError, ValueError) as wrong:
            refused.append(f"{file}: expected tasks as JSON, got a file that is none ({wrong})")
    if not tasks:
        raise ValueError(refused[0] if refused else f"{path}: expected at least one task, got none")
    return tasks, refused


def _named(file: Path) -> Iterator[tuple[str, Any]]:
    plain = json.loads(file.read_text(encoding="utf-8"))
    if isinstance(plain, dict) and ("train" in plain or "test" in plain):
        yield file.stem, plain
    elif isinstance(plain, dict):
        yield from plain.items()
    else:
        yield file.stem, plain


def submission(guesses: dict[str, list[tuple[np.ndarray, ...]]], tasks: list[Task]) -> dict[str, list[dict[str, Any]]]:
    """Guesses as ARC Prize takes them: of each task, for each test, attempt_1 and attempt_2.

    Source of the format: https://arcprize.org/guide. Where there is no guess the attempt is one empty cell.
    """
    plain: dict[str, list[dict[str, Any]]] = {}
    for task in tasks:
        given = guesses.get(task.name, [])
        plain[task.name] = [
            {f"attempt_{k + 1}": given[min(k, len(given) - 1)][n].tolist() if given else [[0]] for k in range(2)}
            for n in range(len(task.tests))
        ]
    return plain


def _brief(value: Any) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
