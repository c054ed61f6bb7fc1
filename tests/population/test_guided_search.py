"""A puzzle mind: what it learns orders the search, guesses alone and searches in its own model; all on new puzzles."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from evolution.learn_puzzles import (
    PuzzleTraining,
    examples,
    learn,
    read_mind,
    train_mind,
    ways_found,
    ways_of,
    write_mind,
)
from population.guided_search import HintedSearch, guess, solve_guided, solve_hinted, solve_imagined
from population.puzzle_mind import HINT_LENGTH, HINT_SYMBOLS, MAX_LEFT, PuzzleMind
from world.puzzles.compare import NUM_SUMMARY, summary_of
from world.puzzles.generator import puzzles
from world.puzzles.operations import NUMBER_OF, OPERATIONS, apply_program
from world.puzzles.search import solve
from world.puzzles.tasks import Task
from world.splits import SEEDS


@pytest.fixture(scope="module")
def trained() -> tuple[PuzzleMind, dict]:
    """A mind that learned for a few seconds."""
    return train_mind(PuzzleTraining(num_puzzles=2500, epochs=6, rounds=0))


@pytest.fixture(scope="module")
def tasks() -> list:
    return [puzzle.task for puzzle in puzzles(range(25), SEEDS)]


def test_it_learns_which_step_comes_next(trained: tuple[PuzzleMind, dict]):
    mind, found = trained
    assert found["losses"][-1] < 0.7 * found["losses"][0]
    assert found["next_step"]["top_5"] > 0.25  # by chance one in a hundred
    assert found["next_step"]["top_1"] <= found["next_step"]["top_5"] <= found["next_step"]["top_20"]
    assert found["steps_left"] > 0.5
    untrained = PuzzleMind().eval()
    held = examples(ways_of(puzzles(range(300), SEEDS)), 0)
    is_step = held.futures[:, 0] >= 0
    right = [
        (one.think(held.summaries)[0][is_step].argmax(axis=1) == held.futures[is_step, 0]).mean()
        for one in (mind, untrained)
    ]
    assert right[0] > right[1] + 0.1


def test_its_search_makes_far_fewer_pictures_than_the_plain_one(trained: tuple[PuzzleMind, dict], tasks: list):
    mind, _ = trained
    plain = [solve(task, seconds=60, max_depth=1) for task in tasks]
    ordered = [solve_guided(task, mind, seconds=60, max_nodes=600) for task in tasks]
    both = [k for k, task in enumerate(tasks) if plain[k].rank_of(task) == ordered[k].rank_of(task) == 0]
    assert len(both) > 5
    assert np.median([ordered[k].nodes for k in both]) < np.median([plain[k].nodes for k in both]) / 5
    for k in both:
        steps = [NUMBER_OF[name] for name in ordered[k].answers[0].program if name in NUMBER_OF]
        if len(steps) == len(ordered[k].answers[0].program):
            made = apply_program(steps, tasks[k].inputs)
            assert made is not None
            assert all(map(np.array_equal, made, tasks[k].outputs))


def test_it_guesses_alone_and_searches_in_its_own_model(trained: tuple[PuzzleMind, dict], tasks: list):
    mind, _ = trained
    alone = [guess(task, mind).rank_of(task) for task in tasks]
    imagined = [solve_imagined(task, mind, seconds=60) for task in tasks]
    assert sum(rank is not None for rank in alone) >= 3
    for task, found in zip(tasks, imagined, strict=True):
        assert len(found.answers) <= 1
        for answer in found.answers:
            made = apply_program([NUMBER_OF[name] for name in answer.program], task.inputs)
            assert made is not None
            assert all(map(np.array_equal, made, task.outputs))
    # what is verified is right more often than what is not
    assert sum(found.rank_of(task) == 0 for found, task in zip(imagined, tasks, strict=True)) > sum(
        rank == 0 for rank in alone
    )


def test_an_answer_of_its_search_holds_for_every_demonstration(trained: tuple[PuzzleMind, dict], tasks: list):
    """Demonstrations are asked again as tests, so that the answer shows what its program makes of them."""
    num_answers = 0
    for task in tasks[:10]:
        again = Task("again", task.inputs, task.outputs, task.inputs, task.outputs)
        for answer in solve_guided(again, trained[0], seconds=60, max_nodes=300).answers:
            assert again.is_solved_by(answer.grids)
            num_answers += 1
    assert num_answers > 3


def test_a_mind_that_knows_nothing_finds_one_step_in_the_end(tasks: list):
    """A part of the probability is spread evenly: every step comes at some time."""
    torch.manual_seed(0)
    untrained = PuzzleMind(32).eval()
    with torch.no_grad():  # it is sure that only the first step is ever right
        untrained.steps.weight.zero_()
        untrained.steps.bias.zero_()
        untrained.steps.bias[0] = 50.0
    plain = [solve(task, seconds=60, max_depth=1) for task in tasks]
    steps = [k for k, found in enumerate(plain) if found.rank_of(tasks[k]) == 0 and len(found.answers[0].program) == 1]
    steps = [k for k in steps if plain[k].answers[0].program[0] in NUMBER_OF]
    assert steps
    for k in steps:
        found = solve_guided(tasks[k], untrained, seconds=60, max_depth=1, num_first=100_000)
        assert found.rank_of(tasks[k]) == 0


def test_a_hint_saves_pictures_and_a_wrong_one_does_not():
    """In a small world of the commonest single steps, as a language takes longer to emerge than an order of steps."""
    singles = [puzzle for puzzle in puzzles(range(6000)) if puzzle.depth == 1]
    common = {name for name, _ in Counter(puzzle.program[0] for puzzle in singles).most_common(30)}
    known = [puzzle for puzzle in singles if puzzle.program[0] in common]
    trained_on, tasks = known[:-24], [puzzle.task for puzzle in known[-24:]]
    torch.manual_seed(0)
    mind = PuzzleMind(64)
    learn(mind, examples(ways_of(trained_on), 0), epochs=200, seed=0)
    mind.eval()

    def pictures(hinted: list) -> float:
        found = [
            solve_hinted(task, mind, other, seconds=60, max_nodes=100, num_first=100)
            for task, other in zip(tasks, hinted, strict=True)
        ]
        return float(np.mean([one.nodes for one in found]))

    told, deaf, misled = pictures(tasks), pictures([None] * len(tasks)), pictures([*tasks[1:], tasks[0]])
    assert told < 0.7 * deaf
    assert told < 0.7 * misled


def test_who_hears_a_hint_sees_nothing_of_the_task(trained: tuple[PuzzleMind, dict], tasks: list):
    """The hint is all that comes through: with the same one, other tasks are searched in the same order."""
    mind, _ = trained
    hint = mind.hint(summary_of(tasks[0].inputs, tasks[0].outputs))
    assert hint.shape == (HINT_LENGTH,)
    assert 1 <= hint.min() <= hint.max() <= HINT_SYMBOLS
    one, other = (HintedSearch(task, mind, hint).in_order for task in tasks[:2])
    silent = HintedSearch(tasks[0], mind, None).in_order
    for k in range(len(one)):
        np.testing.assert_array_equal(one[k][1], other[k][1])
        np.testing.assert_allclose(np.exp(-one[k][0]).sum(), 1.0, atol=1e-3)
    assert any((one[k][1] != silent[k][1]).any() for k in range(len(one)))


def test_rounds_of_search_find_programs_that_hold(trained: tuple[PuzzleMind, dict]):
    """Of tasks that it is not told the programs of, and they are learned from."""
    mind, _ = trained
    new = [puzzle.task for puzzle in puzzles(range(5000, 5040))]
    found = list(ways_found(new, mind, max_nodes=200))
    assert len(found) > 10
    for task, steps in found:
        made = apply_program(steps, task.inputs)
        assert made is not None
        assert all(map(np.array_equal, made, task.outputs))
    assert len(ways := list(ways_found(new, mind, max_nodes=5))) < len(found)
    assert {task.name for task, _ in ways} <= {task.name for task, _ in found}
    rotated = Task(
        "turned", (tasks_in := new[0].inputs), tuple(np.rot90(g).copy() for g in tasks_in), tasks_in[:1], (None,)
    )
    training = PuzzleTraining(200, epochs=1, width=32, rounds=2, num_searched=5, max_nodes=600, tasks=(rotated,))
    _, told = train_mind(training)
    assert [one["searched"] for one in told["rounds"]] == [6, 6]
    assert [one["solved_of_tasks"] for one in told["rounds"]] == [1, 1]
    assert all(1 <= one["solved"] <= 6 for one in told["rounds"])


def test_dreams_are_programs_by_likelihood(trained: tuple[PuzzleMind, dict]):
    mind, _ = trained
    held = examples(ways_of(puzzles(range(3), SEEDS)), 0)
    dreamt = mind.dream(held.summaries[0], width=8, depth=2)
    assert len(dreamt) == 16
    assert [score for score, _ in dreamt] == sorted((score for score, _ in dreamt), reverse=True)
    assert {len(steps) for _, steps in dreamt} == {1, 2}
    assert len({steps for _, steps in dreamt}) == 16


def test_examples_are_the_states_of_a_way_and_one_beside_each():
    some = list(puzzles(range(50)))
    found = examples(ways_of(some), 0)
    assert found.summaries.shape == (len(found.left), NUM_SUMMARY)
    assert found.summaries.dtype == np.float32
    assert np.isfinite(found.summaries).all()
    on_way = found.futures[:, 0] >= 0
    assert on_way.sum() == sum(puzzle.depth for puzzle in some)
    assert (found.left[on_way] == (found.futures[on_way] >= 0).sum(axis=1)).all()
    assert (found.left[~on_way] == MAX_LEFT - 1).all()
    assert (found.wrong[on_way] != found.futures[on_way, 0]).all()
    assert found.futures.max() < len(OPERATIONS)


def test_a_mind_is_read_as_it_was_written(trained: tuple[PuzzleMind, dict], tmp_path: Path, tasks: list):
    mind, found = trained
    folder = write_mind(tmp_path / "mind", mind, found)
    again = read_mind(folder)
    inputs = examples(ways_of(puzzles(range(5), SEEDS)), 0).summaries
    assert all(np.array_equal(one, two) for one, two in zip(mind.think(inputs), again.think(inputs), strict=True))
    for task in tasks[:5]:
        one, two = (solve_guided(task, each, seconds=60, max_nodes=100) for each in (mind, again))
        assert (one.nodes, one.applied) == (two.nodes, two.applied)
        assert [answer.program for answer in one.answers] == [answer.program for answer in two.answers]
    assert "2,500 generated puzzles" in (folder / "README.md").read_text()


def test_training_follows_from_its_seed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("evolution.learn_puzzles._CHECKED", 20)
    one, two, other = (
        train_mind(PuzzleTraining(200, epochs=1, width=32, seed=seed, num_searched=10, max_nodes=50))[0]
        for seed in (5, 5, 6)
    )
    weights = [torch.cat([value.flatten() for value in mind.state_dict().values()]) for mind in (one, two, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_what_is_no_mind_is_refused_by_name(trained: tuple[PuzzleMind, dict], tmp_path: Path):
    with pytest.raises(ValueError, match=r"nothing is missing"):
        read_mind(tmp_path / "nothing")
    folder = write_mind(tmp_path / "mind", *trained)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        read_mind(folder)
    with pytest.raises(ValueError, match="epochs"):
        PuzzleTraining(epochs=0)
