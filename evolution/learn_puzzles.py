"""A puzzle mind learns from the generator's own programs: which step came next, and how far it still was.

Examples are all states on the way of a program, and beside each one that a wrong step leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from population.puzzle_mind import MAX_LEFT, PuzzleMind
from world.puzzles.compare import NUM_SUMMARY, summary
from world.puzzles.features import MAX_CELLS
from world.puzzles.generator import Puzzle, puzzles
from world.puzzles.kernels import apply
from world.puzzles.operations import CODES, OPERATIONS

_NUMBER_OF = {operation.name: k for k, operation in enumerate(OPERATIONS)}


@dataclass
class Examples:
    """Summaries (N, NUM_SUMMARY) float32, the step that came next (-1: none is to be learned) and how many are left."""

    summaries: np.ndarray
    steps: np.ndarray
    left: np.ndarray


class _Flat:
    """Grids one behind the other, as kernels take them."""

    def __init__(self, grids: Iterable[np.ndarray]) -> None:
        made = list(grids)
        self.cells = np.concatenate([grid.ravel() for grid in made])
        self.sizes = np.array([grid.shape[0] * 128 + grid.shape[1] for grid in made], np.int64)
        self.starts = np.cumsum([0, *(grid.size for grid in made[:-1])]).astype(np.int64)


def stepped(step: int, grids: list[np.ndarray]) -> list[np.ndarray] | None:
    """What a step makes of each grid, or None if it does not apply to all."""
    out = np.empty(MAX_CELLS, np.uint8)
    made = []
    for grid in grids:
        kernel, a, b = CODES[step]
        size = apply(kernel, a, b, np.ascontiguousarray(grid).ravel(), grid.shape[0], grid.shape[1], out)
        if size == 0:
            return None
        high, wide = size // 128, size % 128
        made.append(out[: high * wide].reshape(high, wide).copy())
    return made


def summarised(pictures: list[np.ndarray], outputs: _Flat) -> np.ndarray:
    flat = _Flat(pictures)
    made = np.empty(NUM_SUMMARY, np.float32)
    summary(flat.cells, flat.starts, flat.sizes, outputs.cells, outputs.starts, outputs.sizes, len(pictures), made)
    return made


def examples(made: Iterable[Puzzle], seed: int) -> Examples:
    """Of each puzzle, the states on its way and one beside each."""
    rng = np.random.default_rng(seed)
    rows, steps, left = [], [], []
    for puzzle in made:
        outputs = _Flat(puzzle.task.outputs)
        pictures: list[np.ndarray] | None = list(puzzle.task.inputs)
        for k, name in enumerate((*puzzle.program, "")):
            assert pictures is not None
            step = _NUMBER_OF.get(name, -1)
            if step >= 0:
                rows.append(summarised(pictures, outputs))
                steps.append(step)
                left.append(puzzle.depth - k)
                wrong = stepped(int(rng.integers(len(OPERATIONS))), pictures)
                if wrong is not None:
                    rows.append(summarised(wrong, outputs))
                    steps.append(-1)
                    left.append(MAX_LEFT - 1)
                pictures = stepped(step, pictures)
    return Examples(np.array(rows), np.array(steps, np.int64), np.array(left, np.int64))


def learn(
    mind: PuzzleMind, found: Examples, epochs: int, seed: int, batch: int = 1024, tell: Callable[[str], None] = print
) -> None:
    """Fit both heads by cross-entropy, with AdamW and a falling learning rate."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(mind.parameters(), lr=2e-3, weight_decay=1e-2)
    total = epochs * (len(found.left) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=total + 1)
    for epoch in range(epochs):
        order = rng.permutation(len(found.left))
        losses = []
        for at in range(0, len(order) - batch + 1, batch):
            chosen = order[at : at + batch]
            steps, left = mind(torch.from_numpy(found.summaries[chosen]))
            wanted = torch.from_numpy(found.steps[chosen])
            loss = F.cross_entropy(steps, wanted, ignore_index=-1) + F.cross_entropy(
                left, torch.from_numpy(found.left[chosen])
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        tell(f"epoch {epoch + 1} of {epochs}: loss {np.mean(losses):.3f}")


def learned(num_tasks: int, seed: int = 0, epochs: int = 6, tell: Callable[[str], None] = print) -> PuzzleMind:
    """A mind that has learned from that many generated tasks of the training split."""
    torch.manual_seed(seed)
    mind = PuzzleMind()
    learn(mind, examples(puzzles(range(seed << 32, (seed << 32) + num_tasks)), seed), epochs, seed, tell=tell)
    return mind.eval()
