"""Scenario committee: what each sees tells its own factor and nothing else, and whole grids decide."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from world import scenarios
from world.codes import Role
from world.scenarios.committee import Committee
from world.state import Worlds
from world.testing import CHECKS

COMMITTEE = Committee()
SIZES = [Committee(), *(Committee().with_argument(sizes) for sizes in ("4x8", "7x5", "8x8"))]
NUMBERS = np.arange(100)
ARC_COLOURS = (1, 2, 3, 4, 6, 7, 8, 9)
STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))
GUIDE, WITNESS, SOLVER = 0, 1, 2


def seen_by(scenario: Committee, worlds: Worlds, member: int) -> np.ndarray:
    """The views (B, 10, 10) of the guide, the witness or the solver: so many seats after the guide."""
    seat = ((worlds.role == Role.GUIDE).argmax(axis=1) + member) % 3
    return scenario.observe(worlds).view[np.arange(len(worlds)), seat]


def before_and_after(view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two grids (..., 5, 5) of views, and nothing besides them."""
    assert not view[..., :5, 5:].any()
    assert not view[..., 5:, :5].any()
    return view[..., :5, :5], view[..., 5:, 5:]


def every_law(scenario: Committee) -> list[tuple[int, int]]:
    num_colours, num_steps = scenario.attribute_sizes
    return list(itertools.product(range(num_colours), range(num_steps)))


def answers_of(scenario: Committee, worlds: Worlds, law: np.ndarray, others: int = 0) -> np.ndarray:
    """Answers (B, A, G): the solver's is this law, (2,) or (B, 2), everybody else's is `others` in all parts."""
    answers = np.full((*worlds.role.shape, 2), others, np.int16)
    seat = ((worlds.role == Role.GUIDE).argmax(axis=1) + SOLVER) % 3
    answers[np.arange(len(worlds)), seat] = law
    return answers


def played(scenario: Committee, worlds: Worlds, *answers: np.ndarray) -> np.ndarray:
    """Let agents answer so, a step each; returns all rewards, (T, B, A)."""
    stay = np.zeros(worlds.role.shape, np.int8)
    return np.stack([scenario.advance(worlds, stay, each) for each in answers])


# ---- who knows what ----


@pytest.mark.parametrize("split", COMMITTEE.splits)
@pytest.mark.parametrize("scenario", SIZES, ids=lambda scenario: scenario.name)
def test_each_view_hangs_on_its_own_factor_alone(scenario: Committee, split: str):
    """The same number under every law: what the solver sees tells nothing, the others' views one factor each."""
    views: dict[int, dict[tuple[int, int], np.ndarray]] = {GUIDE: {}, WITNESS: {}, SOLVER: {}}
    for law in every_law(scenario):
        worlds = scenario.under_law(NUMBERS, split, np.array(law))
        assert (worlds.goal == law).all()
        for member, found in views.items():
            found[law] = seen_by(scenario, worlds, member)
    for one, other in itertools.combinations(every_law(scenario), 2):
        np.testing.assert_array_equal(views[SOLVER][one], views[SOLVER][other])
        for factor, member in enumerate((GUIDE, WITNESS)):
            is_same = (views[member][one] == views[member][other]).all(axis=(1, 2))
            assert (is_same == (one[factor] == other[factor])).all()


@pytest.mark.parametrize("split", COMMITTEE.splits)
def test_a_world_is_that_of_its_number_under_its_law(split: str):
    worlds = COMMITTEE.generate(NUMBERS, split)
    for law in every_law(COMMITTEE):
        mine = np.flatnonzero((worlds.goal == law).all(axis=1))
        same = COMMITTEE.under_law(NUMBERS[mine], split, np.array(law)).arrays()
        for name, values in worlds.take(mine).arrays().items():
            np.testing.assert_array_equal(values, same[name])


@pytest.mark.parametrize("scenario", SIZES, ids=lambda scenario: scenario.name)
def test_demonstrations_and_answers_are_what_the_law_makes(scenario: Committee):
    """Told once more in plain Python, from what can be seen alone."""
    palette = ARC_COLOURS[: scenario.attribute_sizes[0]]
    for colour, step in every_law(scenario):
        worlds = scenario.under_law(NUMBERS[:10], "train", np.array([colour, step]))
        outputs = scenario.outputs(worlds, worlds.goal)
        views = [before_and_after(seen_by(scenario, worlds, member)) for member in (GUIDE, WITNESS, SOLVER)]
        for grids, _ in views:
            for before in grids:
                assert set(np.unique(before)) - {0} <= set(palette)
                assert 2 <= np.count_nonzero(before) <= 4
        for before, after in zip(*views[GUIDE], strict=True):
            np.testing.assert_array_equal(after, np.where(before > 0, ARC_COLOURS[colour], 0))
            assert (before[before > 0] != ARC_COLOURS[colour]).all()  # so that one sees it change
        for before, after in zip(*views[WITNESS], strict=True):
            np.testing.assert_array_equal(after, np.roll(before, STEPS[step], axis=(0, 1)))
        for before, after, output in zip(*views[SOLVER], outputs, strict=True):
            assert not after.any()  # that is for the solver to make
            moved = np.roll(before, STEPS[step], axis=(0, 1))
            np.testing.assert_array_equal(output, np.where(moved > 0, ARC_COLOURS[colour], 0))


def test_inputs_and_demonstrations_vary():
    worlds = COMMITTEE.under_law(np.arange(2_000), "train", np.array([0, 0]))
    num_different = [len(np.unique(seen_by(COMMITTEE, worlds, k).reshape(2_000, -1), axis=0)) for k in range(3)]
    assert num_different == [4 * 3, 4 * 4, 4 * 4 * 4]  # shapes x colours x places


# ---- what silence is worth, exactly ----


@pytest.mark.parametrize("split", ["train", "held-out"])
@pytest.mark.parametrize("scenario", SIZES, ids=lambda scenario: scenario.name)
def test_a_deaf_solver_wins_one_in_the_number_of_laws_of_the_split(scenario: Committee, split: str):
    """By counting: of a world number every law of the split comes equally often, and an answer is right for one."""
    laws = scenario.meanings(split)
    given = [scenario.under_law(NUMBERS[:20], split, law) for law in laws]
    for answer in every_law(scenario):
        wins = np.zeros(20, int)
        for worlds in given:
            ended = worlds.copy()
            played(scenario, ended, *2 * [answers_of(scenario, ended, np.array(answer))])
            wins += ended.is_won
        assert (wins == (answer in set(map(tuple, laws.tolist())))).all()
    for worlds in given[1:]:  # nor do the laws in play tell
        np.testing.assert_array_equal(worlds.choices, given[0].choices)
    if split == "train":
        assert scenario.chance_success() == 1 / len(laws)


def test_no_silent_agreement_of_two_voters_helps():
    """All 6561 ways in which guide and witness can complete what they saw; between two grids chance decides."""
    laws = [tuple(law) for law in COMMITTEE.meanings("train").tolist()]
    steps_of = [[step for colour, step in laws if colour == k] for k in range(4)]
    colours_of = [[colour for colour, step in laws if step == k] for k in range(4)]
    by_guide = [{law for law in laws if guess[law[0]] == law[1]} for guess in itertools.product(*steps_of)]
    by_witness = [{law for law in laws if guess[law[1]] == law[0]} for guess in itertools.product(*colours_of)]
    assert len(by_guide) * len(by_witness) == 6561
    found = {(len(a & b) + len(a ^ b) / 2) / len(laws) for a, b in itertools.product(by_guide, by_witness)}
    assert len(found) == 1
    assert COMMITTEE.silent_vote() == pytest.approx(found.pop()) == pytest.approx(1 / 3)


@pytest.mark.parametrize("scenario", SIZES, ids=lambda scenario: scenario.name)
def test_every_law_makes_another_grid(scenario: Committee):
    worlds = scenario.generate(NUMBERS, "train")
    laws = every_law(scenario)
    made = [scenario.outputs(worlds, np.tile(np.array(law), (len(NUMBERS), 1))) for law in laws]
    for one, other in itertools.combinations(made, 2):
        assert (one != other).any(axis=(1, 2)).all()


# ---- what is held out, what is in play ----


def test_these_pairs_are_held_out():
    assert COMMITTEE.meanings("held-out").tolist() == [[0, 3], [1, 2], [2, 1], [3, 0]]


@pytest.mark.parametrize("colours", range(4, 9))
@pytest.mark.parametrize("steps", range(4, 9))
def test_a_quarter_is_held_out_and_every_value_is_trained_on_and_held_out(colours: int, steps: int):
    scenario = scenarios.get(f"committee:{colours}x{steps}")
    assert scenario.attribute_sizes == (colours, steps)
    for split in ("train", "held-out"):
        for column, size in zip(scenario.meanings(split).T, (colours, steps), strict=True):
            assert set(column.tolist()) == set(range(size))
    assert 0.22 <= len(scenario.meanings("held-out")) / (colours * steps) <= 0.27


@pytest.mark.parametrize("scenario", SIZES, ids=lambda scenario: scenario.name)
def test_laws_in_play_are_those_of_the_split_and_trained_ones(scenario: Committee):
    trained = {tuple(law) for law in scenario.meanings("train").tolist()}
    held_out = {tuple(law) for law in scenario.meanings("held-out").tolist()}
    others = set()
    for split in scenario.splits:
        for choices in scenario.generate(NUMBERS, split).choices.tolist():
            found = {tuple(law) for law in choices}
            assert len(found) == len(choices) == len(trained)
            if split == "held-out":
                assert held_out <= found <= held_out | trained
                others |= found - held_out
            else:
                assert found == trained
    assert others == trained  # all of them, in some world


# ---- answers ----


@pytest.mark.parametrize("others", [-1, 0, 3])
def test_the_last_answer_of_the_solver_decides_whatever_others_say(others: int):
    worlds = COMMITTEE.generate(NUMBERS, "train")
    right = answers_of(COMMITTEE, worlds, worlds.goal, others)
    for factor in (0, 1):
        other = worlds.copy()
        law = worlds.goal.copy()
        law[:, factor] = (law[:, factor] + 1) % 4
        wrong = answers_of(COMMITTEE, other, law, others)
        assert not COMMITTEE.is_right(other, wrong).all(axis=1).any()
        assert not played(COMMITTEE, other, right, wrong).any()
        assert other.is_over.all()
        assert not other.is_won.any()
    assert COMMITTEE.is_right(worlds, right).all()
    reward = played(COMMITTEE, worlds, np.full_like(right, others), right, right)
    assert worlds.is_won.all()
    assert (reward.sum(axis=0) == 1).all()
    assert (reward[1] == 1).all()  # in the second step, and once


def test_the_answer_lies_on_the_board_in_the_end():
    worlds = COMMITTEE.generate(NUMBERS, "held-out")
    rng = np.random.default_rng(0)
    laws = rng.integers(4, size=(len(worlds), 2))
    before = worlds.look.copy()
    given, _ = before_and_after(seen_by(COMMITTEE, worlds, SOLVER))
    made, right = COMMITTEE.outputs(worlds, laws), COMMITTEE.outputs(worlds, worlds.goal)
    played(COMMITTEE, worlds, answers_of(COMMITTEE, worlds, worlds.goal))
    np.testing.assert_array_equal(worlds.look, before)  # not before the end
    played(COMMITTEE, worlds, answers_of(COMMITTEE, worlds, laws))
    board = worlds.look
    np.testing.assert_array_equal(board[:, 12:, 6:], made)
    np.testing.assert_array_equal(board[:, 12:, :6], before[:, 12:, :6])
    np.testing.assert_array_equal(board[:, :12], before[:, :12])
    np.testing.assert_array_equal(board[:, 12:, :5], given)
    assert (before[:, :, 5] == 5).all()  # a wall between them
    np.testing.assert_array_equal(worlds.is_won, (laws == worlds.goal).all(axis=1))
    np.testing.assert_array_equal(COMMITTEE.outputs(worlds, worlds.goal), right)  # of a full board, too


def test_the_picture_of_a_law_is_one_that_a_guide_sees():
    pictures = COMMITTEE.picture_of(COMMITTEE.meanings("train"))
    for law, picture in zip(COMMITTEE.meanings("train"), pictures, strict=True):
        worlds = COMMITTEE.under_law(NUMBERS, "train", law)
        assert (seen_by(COMMITTEE, worlds, GUIDE) == picture).all(axis=(1, 2)).any()


# ---- names ----


def test_the_default_has_one_name():
    assert scenarios.get("committee:4x4").name == scenarios.get("committee").name == "committee"
    assert scenarios.get("committee:8x8").name == "committee:8x8"


@pytest.mark.parametrize("argument", ["", "4", "3x4", "4x9", "4x4x4", "4,4", "04x4", "axb"])
def test_an_argument_that_makes_no_sense_is_refused(argument: str):
    with pytest.raises(ValueError, match=f"takes COLOURSxSTEPS, 4 to 8 each, such as 4x8, got '{argument}'"):
        scenarios.get(f"committee:{argument}")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("argument", ["8x8", "5x6"])
def test_other_sizes_keep_the_contract(argument: str, check):
    check(scenarios.get(f"committee:{argument}"))
