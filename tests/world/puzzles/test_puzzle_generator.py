"""Generated puzzles: the same for ever, solved by their programs, pinned down, and apart by split."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.world.puzzles.plain_puzzles import checked, plain_modules
from world.puzzles.generator import (
    BOOK_VERSION,
    FAMILY_NAMES,
    REASONS,
    Puzzle,
    _tables,
    held_out_families,
    held_out_pairs,
    puzzles,
)
from world.puzzles.operations import NUMBER_OF, OPERATIONS, apply_program
from world.splits import COMPOSITIONS, FAMILIES, PARAMETERS, SEEDS, SPLITS, TRAIN


@pytest.fixture(scope="module")
def made() -> dict[str, list[Puzzle]]:
    """Two hundred puzzles of each split."""
    return {split: list(puzzles(range(200), split)) for split in SPLITS}


def digest(some: list[Puzzle]) -> str:
    return hashlib.sha256(json.dumps([[p.task.to_json(), p.program] for p in some]).encode()).hexdigest()[:16]


# from here on the puzzles are what they are
DIGESTS = {
    TRAIN: "95b7b7876f77e20d",
    COMPOSITIONS: "4f94cac24807cdc7",
    SEEDS: "a3970a5ad7a226a8",
    PARAMETERS: "57f3d28faa45dd2e",
    FAMILIES: "26f37984f1985593",
}


@pytest.mark.parametrize("split", SPLITS)
def test_puzzle_number_n_is_the_same_for_ever(made: dict[str, list[Puzzle]], split: str):
    assert digest(made[split]) == DIGESTS[split]


@pytest.mark.slow
def test_the_first_ten_thousand_are_those_that_are_published():
    """As `sha256sum` tells it of the file that `boxlings puzzles --count 10000` writes; also in docs/puzzles.md."""
    lines = [
        f"{json.dumps(puzzle.task.name)}: {json.dumps(puzzle.task.to_json(), separators=(',', ':'))}"
        for puzzle in puzzles(range(10_000))
    ]
    content = "{\n" + ",\n".join(lines) + "\n}\n"
    published = "ff59045f8abab7d9f642316c0f29b2059e285f635ac3a0c03c0781619eead2a0"
    assert BOOK_VERSION == 1
    assert hashlib.sha256(content.encode()).hexdigest() == published
    assert published in (Path(__file__).parents[3] / "docs" / "puzzles.md").read_text()


def test_a_puzzle_does_not_depend_on_those_made_with_it(made: dict[str, list[Puzzle]]):
    by_name = {puzzle.task.name: puzzle for puzzle in made[TRAIN]}
    alone = [next(iter(puzzles([number]))) for number in (17, 3)]
    assert digest(alone) == digest([by_name["train-17"], by_name["train-3"]])
    assert digest(list(puzzles(reversed(range(200))))[::-1]) == digest(made[TRAIN])


def test_making_puzzles_stays_within_arrays_and_equals_plain_python(made: dict[str, list[Puzzle]]):
    plain = plain_modules("features", "kernels", "generator")[-1]
    plain._tables = lambda: tuple(checked(table) for table in _tables())  # type: ignore[attr-defined]
    for split, number in ((TRAIN, 0), (TRAIN, 2), (FAMILIES, 0)):
        (again,) = plain.puzzles([number], split)
        assert digest([again]) == digest([made[split][number]])


def test_what_a_puzzle_holds_is_its_own(made: dict[str, list[Puzzle]]):
    """The room in which puzzles are made is used again: none may be changed by the next one."""
    for puzzle in made[TRAIN][:20]:
        for grid in (*puzzle.task.inputs, *puzzle.task.outputs, *puzzle.task.tests):
            assert grid.base is None or grid.base.size == grid.size


def test_there_are_families_in_three_layers():
    assert len(FAMILY_NAMES) >= 24
    assert {operation.layer for operation in OPERATIONS} == {"dynamics", "objects", "grid"}
    layers = {operation.family: operation.layer for operation in OPERATIONS}
    assert sorted(layers[name] for name in held_out_families()) == ["dynamics", "grid", "objects", "objects"]


def test_splits_are_apart(made: dict[str, list[Puzzle]]):
    new, pairs = set(held_out_families()), held_out_pairs()
    for split in (TRAIN, SEEDS, PARAMETERS):
        for puzzle in made[split]:
            assert not new & set(puzzle.families)
            assert not pairs & set(pairwise(puzzle.families))
    assert all(new & set(puzzle.families) for puzzle in made[FAMILIES])
    assert all(pairs & set(pairwise(p.families)) and not new & set(p.families) for p in made[COMPOSITIONS])
    sides = {split: [max(grid.shape) for p in made[split] for grid in p.task.inputs] for split in (TRAIN, PARAMETERS)}
    assert max(sides[TRAIN]) <= 16 < 17 <= max(sides[PARAMETERS]) <= 22
    assert digest(made[TRAIN]) != digest(made[SEEDS])


@pytest.mark.parametrize("split", SPLITS)
def test_every_pair_is_what_the_program_makes(made: dict[str, list[Puzzle]], split: str):
    for puzzle in made[split]:
        task, steps = puzzle.task, [NUMBER_OF[name] for name in puzzle.program]
        assert 1 <= len(steps) <= 3
        assert puzzle.families == tuple(OPERATIONS[step].family for step in steps)
        befores, afters = (*task.inputs, *task.tests), (*task.outputs, *task.answers)
        found = apply_program(steps, befores)
        assert found is not None
        for before, after, one in zip(befores, afters, found, strict=True):
            assert after is not None
            assert np.array_equal(one, after)
            assert not np.array_equal(before, after)
        assert 2 <= len(task.inputs) <= 5
        assert 1 <= len(task.tests) <= 3
        assert len({output.tobytes() for output in task.outputs}) > 1
        of_tests = {(grid.shape, grid.tobytes()) for grid in task.answers if grid is not None}
        assert not of_tests & {(grid.shape, grid.tobytes()) for grid in task.outputs}


def test_no_parameter_neighbour_fits_and_answers_otherwise(made: dict[str, list[Puzzle]]):
    num_rivals = 0
    for puzzle in made[TRAIN][:60]:
        steps = [NUMBER_OF[name] for name in puzzle.program]
        for at, step in enumerate(steps):
            family = [k for k, operation in enumerate(OPERATIONS) if operation.family == puzzle.families[at]]
            if len(family) > 40:
                continue  # of large families a part is tried
            for other in family:
                rival = [*steps[:at], other, *steps[at + 1 :]]
                found = apply_program(rival, puzzle.task.inputs) if other != step else None
                if found is None or not all(map(np.array_equal, found, puzzle.task.outputs)):
                    continue
                num_rivals += 1
                answers = apply_program(rival, puzzle.task.tests)
                assert answers is not None
                assert puzzle.task.is_solved_by(tuple(answers))
    assert num_rivals > 0


def test_refusals_are_counted():
    counted = np.zeros(len(REASONS), np.int64)
    number = len(list(puzzles(range(200), counted=counted)))
    told = dict(zip(REASONS, counted.tolist(), strict=True))
    assert told["tried"] == number + sum(told[reason] for reason in REASONS[1:])
    assert all(told[reason] > 0 for reason in ("not of the split", "does nothing", "trivial", "ambiguous"))


def test_what_is_known_of_a_puzzle(made: dict[str, list[Puzzle]]):
    for puzzle in made[TRAIN]:
        number = 0
        for name in puzzle.program:
            number = number * len(OPERATIONS) + NUMBER_OF[name] + 1
        assert puzzle.nodes == number
        assert 0 < puzzle.changed <= 1
        assert 0 <= puzzle.survivors <= puzzle.rivals
        assert puzzle.row()["depth"] == len(puzzle.program)


def test_a_split_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="split must be one of train"):
        list(puzzles([0], "tests"))
