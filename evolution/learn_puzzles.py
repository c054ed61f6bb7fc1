"""A puzzle mind learns from the generator's own programs: which step came next, and how far it still was.

Examples are all states on the way of a program, and beside each one that a wrong step leads to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from evolution.storage import read_checkpoint, write_model
from population.puzzle_mind import MAX_LEFT, PuzzleMind
from world.checks import whole_number
from world.puzzles.compare import NUM_SUMMARY, summary
from world.puzzles.features import MAX_CELLS
from world.puzzles.generator import Puzzle, puzzles
from world.puzzles.kernels import apply
from world.puzzles.operations import CODES, OPERATIONS
from world.splits import SEEDS

_KIND = "puzzle-mind"
_BATCH = 1024
_RATE = 2e-3
_CHECKED = 1000  # new puzzles on which a mind is measured
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


def _summarised(pictures: list[np.ndarray], outputs: _Flat) -> np.ndarray:
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
        pictures = list(puzzle.task.inputs)
        for k, name in enumerate(puzzle.program):
            step = _NUMBER_OF[name]
            rows.append(_summarised(pictures, outputs))
            steps.append(step)
            left.append(puzzle.depth - k)
            wrong = stepped(int(rng.integers(len(OPERATIONS))), pictures)
            if wrong is not None:
                rows.append(_summarised(wrong, outputs))
                steps.append(-1)
                left.append(MAX_LEFT - 1)
            following = stepped(step, pictures)
            if following is None:
                raise ValueError(f"puzzle {puzzle.task.name}: its step {name!r} does not apply to its own worlds")
            pictures = following
    return Examples(np.array(rows), np.array(steps, np.int64), np.array(left, np.int64))


def learn(
    mind: PuzzleMind, found: Examples, epochs: int, seed: int, tell: Callable[[float, str], None] | None = None
) -> list[float]:
    """Fit both heads by cross-entropy, with AdamW and a rate that rises and falls; mean loss of each epoch, in nats."""
    rng = np.random.default_rng(seed)
    batch = min(_BATCH, len(found.left))
    optimiser = torch.optim.AdamW(mind.parameters(), lr=_RATE, weight_decay=1e-2)
    total = epochs * (len(found.left) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=total + 1)
    told: list[float] = []
    for epoch in range(epochs):
        order = rng.permutation(len(found.left))
        losses = []
        for at in range(0, len(order) - batch + 1, batch):
            chosen = order[at : at + batch]
            steps, left = mind(torch.from_numpy(found.summaries[chosen]))
            wanted = torch.from_numpy(found.steps[chosen])
            loss = F.cross_entropy(left, torch.from_numpy(found.left[chosen]))
            if (found.steps[chosen] >= 0).any():
                loss = loss + F.cross_entropy(steps, wanted, ignore_index=-1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        told.append(float(np.mean(losses)))
        if tell is not None:
            tell((epoch + 1) / epochs, f"epoch {epoch + 1} of {epochs}, surprise {told[-1]:.3f} nats")
    return told


@dataclass(frozen=True)
class PuzzleTraining:
    """How a mind for puzzles is trained."""

    num_puzzles: int = 60_000  # of the training split
    epochs: int = 8
    width: int = 384
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("num_puzzles", "epochs", "width"):
            whole_number(name, getattr(self, name), 1, 2**31)
        whole_number("seed", self.seed, 0, 2**31 - 1)


def train_mind(
    training: PuzzleTraining, tell: Callable[[float, str], None] | None = None
) -> tuple[PuzzleMind, dict[str, Any]]:
    """A mind that learned from generated puzzles, and what was measured: losses, and how it ranks steps of new ones.

    Its puzzles have numbers of their own for each seed. Half of the progress is making them.
    """
    torch.manual_seed(training.seed)
    mind = PuzzleMind(training.width)
    first = training.seed << 32

    def made() -> Iterator[Puzzle]:
        for k, puzzle in enumerate(puzzles(range(first, first + training.num_puzzles))):
            if tell is not None and k % 500 == 0:
                tell(0.5 * k / training.num_puzzles, f"puzzle {k:,} of {training.num_puzzles:,}")
            yield puzzle

    def tell_half(share: float, text: str) -> None:
        if tell is not None:
            tell(0.5 + 0.5 * share, text)

    losses = learn(mind, examples(made(), training.seed), training.epochs, training.seed, tell_half)
    mind.eval()
    held = examples(puzzles(range(_CHECKED), SEEDS), 0)
    is_step = held.steps >= 0
    steps, left = mind.think(held.summaries)
    steps = steps[is_step]
    better = (steps > steps[np.arange(len(steps)), held.steps[is_step]][:, None]).sum(axis=1)
    return mind, {
        "puzzles": training.num_puzzles,
        "seed": training.seed,
        "losses": losses,
        "next_step": {f"top_{k}": float((better < k).mean()) for k in (1, 5, 20)},
        "steps_left": float((left.argmax(axis=1) == held.left).mean()),
    }


def write_mind(folder: str | Path, mind: PuzzleMind, found: Mapping[str, Any]) -> Path:
    """Write a mind as models are written: config, weights, the names of its steps, and a card; whole or not at all."""
    names = [operation.name for operation in OPERATIONS]
    config = {"kind": _KIND, "width": mind.width, "inputs": NUM_SUMMARY, **found}
    tensors = {name: value.numpy() for name, value in mind.state_dict().items()}
    return write_model(folder, config, tensors, json.dumps({"steps": names}), _card(found))


def read_mind(folder: str | Path) -> PuzzleMind:
    """The mind in a folder; ValueError names what is no mind, or one of other steps or inputs than there are now."""
    config, tensors, _ = read_checkpoint(folder)
    if config.get("kind") != _KIND:
        raise ValueError(f"{folder}: expected a mind made by `boxlings pretrain puzzles`, got another kind of model")
    mind = PuzzleMind(config["width"])
    steps = json.loads((Path(folder) / "tokenizer.json").read_text(encoding="utf-8"))["steps"]
    known = [operation.name for operation in OPERATIONS]
    if steps != known or config["inputs"] != NUM_SUMMARY:
        raise ValueError(
            f"{folder}: expected a mind of {len(known)} steps and {NUM_SUMMARY} inputs as there are now, "
            f"got one of {len(steps)} and {config['inputs']}: train it again"
        )
    mind.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    return mind.eval()


def _card(found: Mapping[str, Any]) -> str:
    shares = ", ".join(f"{name.replace('_', ' ')}: {share:.3f}" for name, share in found["next_step"].items())
    return (
        "---\nlicense: apache-2.0\nlibrary_name: boxlings\n---\n# A mind for puzzles\n\n"
        f"Learned which step comes next from {found['puzzles']:,} generated puzzles (seed {found['seed']}). On puzzles "
        f"of the same kinds that it never saw, the right step is among its first ones ({shares}), and it tells how "
        f"many steps are left in {found['steps_left']:.3f} of the cases.\n\n"
        "Use it with `boxlings solve FILE --mind FOLDER` or `boxlings eval --puzzles SET FOLDER`.\n"
    )
