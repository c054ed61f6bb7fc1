"""A puzzle mind learns from the generator's own programs: which step came next, and how far it still was.

Examples are all states on the way of a program, and beside each one that a wrong step leads to. Then come rounds of
expert iteration (Anthony, Tian and Barber 2017, https://arxiv.org/abs/1705.08439): the mind's own search solves new
tasks, whose programs it is not told, and the mind learns from those that were found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from evolution.storage import read_checkpoint, write_model
from population.guided_search import solve_guided
from population.puzzle_mind import HINT_LENGTH, HINT_SYMBOLS, MAX_LEFT, PuzzleMind
from world.checks import whole_number
from world.puzzles.compare import NUM_SUMMARY, summary_of
from world.puzzles.generator import MAX_STEPS, Puzzle, puzzles
from world.puzzles.operations import NUMBER_OF, OPERATIONS, apply_step
from world.puzzles.tasks import Task
from world.splits import SEEDS

_KIND = "puzzle-mind"
_BATCH = 1024
_RATE = 2e-3
_EPOCHS_A_ROUND = 2
_SLOW_RATE = 5e-4  # after a round of its own search
_SILENT_SHARE = 0.1  # of hints
_CHECKED = 1000  # new puzzles on which a mind is measured
_SEARCH_FROM = 1 << 31  # numbers of the puzzles of a seed that its mind's search is asked to solve


@dataclass
class Examples:
    """States of puzzles (N): what is seen, the steps still to come, how many they are, and a step off the way."""

    summaries: np.ndarray  # (N, NUM_SUMMARY) float32
    futures: np.ndarray  # (N, MAX_STEPS) int64, -1 where there is none; nothing but -1 beside the way
    left: np.ndarray  # (N,) int64
    wrong: np.ndarray  # (N,) int64, -1 if none is known


def examples(ways: Iterable[tuple[Task, Sequence[int]]], seed: int) -> Examples:
    """Of each task and the steps that solve it, the states on the way and one beside each."""
    rng = np.random.default_rng(seed)
    rows: list[np.ndarray] = []
    futures: list[list[int]] = []
    left: list[int] = []
    wrongs: list[int] = []

    def add(pictures: list[np.ndarray], future: list[int], num_left: int, wrong: int) -> None:
        rows.append(summary_of(pictures, outputs))
        futures.append(future + [-1] * (MAX_STEPS - len(future)))
        left.append(num_left)
        wrongs.append(wrong)

    for task, steps in ways:
        outputs = task.outputs
        pictures = list(task.inputs)
        program = list(steps)
        for k, step in enumerate(program):
            wrong = int(rng.integers(len(OPERATIONS)))
            beside = apply_step(wrong, pictures) if wrong != step else None
            add(pictures, program[k:], len(program) - k, wrong if beside is not None else -1)
            if beside is not None:
                add(beside, [], MAX_LEFT - 1, -1)
            following = apply_step(step, pictures)
            if following is None:
                raise ValueError(f"task {task.name}: its step {OPERATIONS[step].name} does not apply to its own worlds")
            pictures = following
    return Examples(*map(np.array, (rows, futures, left, wrongs)))


def ways_of(made: Iterable[Puzzle]) -> Iterator[tuple[Task, list[int]]]:
    """Each puzzle's task with the program that the generator made it from."""
    for puzzle in made:
        yield puzzle.task, [NUMBER_OF[name] for name in puzzle.program]


def ways_found(tasks: Iterable[Task], mind: PuzzleMind, max_nodes: int) -> Iterator[tuple[Task, list[int]]]:
    """The tasks that the mind's search solves by steps alone, within so many pictures, each with the steps it found."""
    for task in tasks:
        found = solve_guided(task, mind, np.inf, max_depth=MAX_STEPS, max_nodes=max_nodes, num_first=max_nodes)
        for answer in found.answers[:1]:
            if answer.program:
                yield task, [NUMBER_OF[name] for name in answer.program]


def _both(one: Examples, other: Examples) -> Examples:
    """All examples of two sets."""
    pairs = [(getattr(one, item.name), getattr(other, item.name)) for item in fields(Examples)]
    return Examples(*map(np.concatenate, pairs))


def _surprise(
    mind: PuzzleMind, found: Examples, chosen: np.ndarray, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Cross-entropy, in nats, of the next step and of how many are left, of what is seen, imagined, and hinted at."""
    thoughts = first = mind.see(torch.from_numpy(found.summaries[chosen]))
    futures, left = torch.from_numpy(found.futures[chosen]), torch.from_numpy(found.left[chosen])
    wrong = torch.from_numpy(found.wrong[chosen])
    total = torch.zeros(())
    alive = torch.ones(len(chosen), dtype=torch.bool)
    for k in range(MAX_STEPS + 1):
        steps, lefts = mind.judge(thoughts)
        total = total + F.cross_entropy(lefts[alive], left[alive] - k)
        if k == MAX_STEPS:
            break
        goes_on = alive & (futures[:, k] >= 0)
        if not goes_on.any():
            break
        total = total + F.cross_entropy(steps[goes_on], futures[goes_on, k])
        thoughts = torch.where(goes_on[:, None], mind.imagine(thoughts, futures[:, k].clamp_min(0)), thoughts)
        alive = goes_on
    is_off = wrong >= 0
    if is_off.any():
        lefts = mind.judge(mind.imagine(first[is_off], wrong[is_off]))[1]
        total = total + F.cross_entropy(lefts, torch.full((int(is_off.sum()),), MAX_LEFT - 1))
    is_way = futures[:, 0] >= 0
    if is_way.any():
        # each state on a way is the start of a task; now and then nothing comes through, so that silence is known too
        _, messages = mind.say(first[is_way], generator)
        comes = torch.rand(len(messages), 1, 1, generator=generator) >= _SILENT_SHARE
        logits = mind.hear(messages * comes)
        total = total + F.cross_entropy(logits.flatten(0, 1), futures[is_way].flatten(), ignore_index=-1)
    return total


def learn(
    mind: PuzzleMind,
    found: Examples,
    epochs: int,
    seed: int,
    tell: Callable[[float, str], None] | None = None,
    rate: float = _RATE,
) -> list[float]:
    """Fit all heads with AdamW and a rate that rises and falls; returns the mean surprise of each epoch, in nats."""
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    batch = min(_BATCH, len(found.left))
    optimiser = torch.optim.AdamW(mind.parameters(), lr=rate, weight_decay=1e-2)
    total = epochs * (len(found.left) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=total + 1)
    told: list[float] = []
    for epoch in range(epochs):
        order = rng.permutation(len(found.left))
        losses = []
        for at in range(0, len(order) - batch + 1, batch):
            loss = _surprise(mind, found, order[at : at + batch], generator)
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
    rounds: int = 1  # of expert iteration
    num_searched: int = 6000  # puzzles a round that the mind's search is asked to solve
    max_nodes: int = 400  # pictures that it may make of each
    tasks: tuple[Task, ...] = ()  # others that it is asked to solve in each round

    def __post_init__(self) -> None:
        for name in ("num_puzzles", "epochs", "width", "max_nodes"):
            whole_number(name, getattr(self, name), 1, 2**31 - 1)
        for name in ("rounds", "num_searched"):
            whole_number(name, getattr(self, name), 0, 2**31 - 1)
        whole_number("seed", self.seed, 0, 2**31 - 1)


def train_mind(
    training: PuzzleTraining, tell: Callable[[float, str], None] | None = None
) -> tuple[PuzzleMind, dict[str, Any]]:
    """A mind that learned from generated puzzles, and what was measured: losses, and how it ranks steps of new ones.

    Its puzzles have numbers of their own for each seed.
    """
    torch.manual_seed(training.seed)
    mind = PuzzleMind(training.width)
    first = training.seed << 32
    shares = np.cumsum([0.4, 0.3, *[0.3 / max(1, training.rounds)] * training.rounds])

    def made() -> Iterator[Puzzle]:
        for k, puzzle in enumerate(puzzles(range(first, first + training.num_puzzles))):
            if tell is not None and k % 500 == 0:
                tell(shares[0] * k / training.num_puzzles, f"puzzle {k:,} of {training.num_puzzles:,}")
            yield puzzle

    def part(number: int) -> Callable[[float, str], None]:
        def tell_part(share: float, text: str) -> None:
            if tell is not None:
                tell(shares[number] + (shares[number + 1] - shares[number]) * share, text)

        return tell_part

    known = examples(ways_of(made()), training.seed)
    losses = learn(mind, known, training.epochs, training.seed, part(0))
    told: list[dict[str, Any]] = []
    for number in range(1, training.rounds + 1):
        mind.eval()
        start = first + _SEARCH_FROM + number * training.num_searched
        new = [puzzle.task for puzzle in puzzles(range(start, start + training.num_searched))]
        tell_round = part(number)

        def asked(tasks: list[Task], tell_round: Callable[[float, str], None] = tell_round) -> Iterator[Task]:
            for k, task in enumerate(tasks):
                if k % 100 == 0:
                    tell_round(0.6 * k / len(tasks), f"searching task {k:,} of {len(tasks):,}")
                yield task

        tasks = [*new, *training.tasks]
        solved = list(ways_found(asked(tasks), mind, training.max_nodes))
        names = {task.name for task in training.tasks}
        told.append({
            "searched": len(tasks), "solved": len(solved),
            "solved_of_tasks": sum(task.name in names for task, _ in solved),
        })  # fmt: skip
        if solved:
            known = _both(known, examples(solved, training.seed + number))
            mind.train()
            losses += learn(mind, known, _EPOCHS_A_ROUND, training.seed + number, None, _SLOW_RATE)
    mind.eval()
    held = examples(ways_of(puzzles(range(_CHECKED), SEEDS)), 0)
    is_step = held.futures[:, 0] >= 0
    steps, left = mind.think(held.summaries)
    steps = steps[is_step]
    better = (steps > steps[np.arange(len(steps)), held.futures[is_step, 0]][:, None]).sum(axis=1)
    return mind, {
        "puzzles": training.num_puzzles,
        "seed": training.seed,
        "losses": losses,
        "rounds": told,
        "next_step": {f"top_{k}": float((better < k).mean()) for k in (1, 5, 20)},
        "steps_left": float((left.argmax(axis=1) == held.left).mean()),
    }


def write_mind(folder: str | Path, mind: PuzzleMind, found: Mapping[str, Any]) -> Path:
    """Write a mind as models are written: config, weights, the names of its steps, and a card; whole or not at all."""
    names = [operation.name for operation in OPERATIONS]
    config = {"kind": _KIND, "width": mind.width, "inputs": NUM_SUMMARY, "hint": [HINT_LENGTH, HINT_SYMBOLS], **found}
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
    now = [NUM_SUMMARY, [HINT_LENGTH, HINT_SYMBOLS]]
    if steps != known or [config["inputs"], config.get("hint")] != now:
        raise ValueError(
            f"{folder}: expected a mind of {len(known)} steps, {NUM_SUMMARY} inputs and hints of {HINT_LENGTH} symbols "
            f"as there are now, got one of {len(steps)}, {config['inputs']} and {config.get('hint')}: train it again"
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
