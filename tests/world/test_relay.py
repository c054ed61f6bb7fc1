"""Scenario relay: the canvas tells nothing of the law, demonstrations tell all of it, and whole canvases decide."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from world import scenarios
from world.codes import OUTSIDE, Act, Role
from world.scenarios.relay import Relay
from world.splits import COMPOSITIONS, TRAIN
from world.state import Worlds
from world.testing import check_scenario

RELAY = Relay().with_argument("6x8")
SIZES = [Relay(), *(Relay().with_argument(sizes) for sizes in ("6x8", "8x4"))]
ARC_COLOURS = (1, 2, 3, 4, 6, 7, 8, 9)
STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))
DIRECTIONS = {Act.UP: (-1, 0), Act.DOWN: (1, 0), Act.LEFT: (0, -1), Act.RIGHT: (0, 1)}
NUMBERS = np.arange(200)


def input_of(worlds: Worlds) -> np.ndarray:
    return worlds.look[:, 6:14, 2:10]


def canvas_of(worlds: Worlds) -> np.ndarray:
    return worlds.look[:, 6:14, 13:21]


def seen_by(scenario: Relay, worlds: Worlds, role: Role) -> np.ndarray:
    return scenario.observe(worlds).view[worlds.role == role]


def acts_of(worlds: Worlds, act: np.ndarray | int) -> np.ndarray:
    """The builders do this, the guides nothing."""
    return np.where(worlds.role == Role.BUILDER, np.broadcast_to(np.asarray(act), len(worlds))[:, None], 0)


def made_by_hand(grid: np.ndarray, colour: int, step: tuple[int, int]) -> np.ndarray:
    """The law once more, in plain Python: all cells of a colour move, the others stay."""
    made = np.where(grid == colour, 0, grid)
    for row, column in np.argwhere(grid == colour):
        made[row + step[0], column + step[1]] = colour
    return made


@pytest.mark.parametrize("scenario", SIZES, ids=lambda scenario: scenario.name)
def test_it_keeps_the_contract(scenario: Relay):
    check_scenario(scenario)


@pytest.mark.parametrize("split", RELAY.splits)
def test_what_the_builder_sees_hangs_on_no_law_and_what_the_guide_sees_on_each(split: str):
    of_builder, of_guide = [], []
    for law in itertools.product(range(6), range(8)):
        worlds = RELAY.under_law(NUMBERS, split, np.array(law))
        assert (worlds.goal == law).all()
        of_builder.append(seen_by(RELAY, worlds, Role.BUILDER))
        of_guide.append(seen_by(RELAY, worlds, Role.GUIDE))
    for view in of_builder[1:]:
        np.testing.assert_array_equal(view, of_builder[0])
    for one, other in itertools.combinations(of_guide, 2):
        assert (one != other).any(axis=(1, 2)).all()


@pytest.mark.parametrize("split", [TRAIN, COMPOSITIONS])
def test_a_deaf_builder_wins_one_in_four_times_the_steps_of_a_colour(split: str):
    """Laws are counted given the place in reading order, shape and colour of what they move."""
    worlds = RELAY.generate(np.arange(24_000), split)
    of_split = RELAY.meanings(split)
    num_steps = np.bincount(of_split[:, 0]).tolist()
    assert num_steps == [len(of_split) // 6] * 6
    canvas = canvas_of(worlds)
    for b in range(200):
        assert len(set(canvas[b].ravel().tolist())) == 5
    colours = np.array([np.unique(cells[cells > 0], return_index=True)[0] for cells in canvas])
    firsts = np.array([[int((cells == k).argmax()) for k in some] for cells, some in zip(canvas, colours, strict=True)])
    by_place = np.take_along_axis(colours, firsts.argsort(axis=1), axis=1)
    wanted = np.array(ARC_COLOURS)[worlds.goal[:, 0]]
    is_wanted = by_place == wanted[:, None]
    assert (is_wanted.sum(axis=1) == 1).all()
    assert abs(is_wanted.mean(axis=0) - 0.25).max() < 0.02
    for place, colour in itertools.product(range(4), ARC_COLOURS[:6]):
        there = by_place[:, place] == colour
        shares = np.bincount(worlds.goal[there & is_wanted[:, place], 1], minlength=8) / there.sum()
        steps = of_split[of_split[:, 0] == ARC_COLOURS.index(colour), 1]
        assert abs(shares[steps] - 1 / (4 * num_steps[0])).max() < 0.035
        assert shares.sum() == pytest.approx(shares[steps].sum())
    if split == TRAIN:
        assert RELAY.chance_success() == RELAY.silent_vote() == 1 / 24
        assert Relay().chance_success() == 1 / 12


@pytest.mark.parametrize("scenario", SIZES, ids=lambda scenario: scenario.name)
def test_demonstrations_and_truth_are_what_the_law_makes(scenario: Relay):
    worlds = scenario.generate(NUMBERS, TRAIN)
    truth = scenario.truth(worlds)
    for b, (colour, step) in enumerate(worlds.goal.tolist()):
        for before, after in ((0, 6), (12, 18)):
            grids = [worlds.look[b, :5, column : column + 5] for column in (before, after)]
            assert (grids[0] == ARC_COLOURS[colour]).any()
            assert len(set(grids[0].ravel().tolist())) == 3  # empty, what moves, what stays
            np.testing.assert_array_equal(grids[1], made_by_hand(grids[0], ARC_COLOURS[colour], STEPS[step]))
        np.testing.assert_array_equal(truth[b], made_by_hand(input_of(worlds)[b], ARC_COLOURS[colour], STEPS[step]))
    np.testing.assert_array_equal(canvas_of(worlds), input_of(worlds))


def test_the_guide_sees_one_demonstration_after_the_other():
    worlds = RELAY.generate(NUMBERS, TRAIN)
    for step in range(4):
        view = seen_by(RELAY, worlds, Role.GUIDE)
        before, after = (0, 6) if step % 2 == 0 else (12, 18)
        np.testing.assert_array_equal(view[:, :5, :5], worlds.look[:, :5, before : before + 5])
        np.testing.assert_array_equal(view[:, 6:, 6:], worlds.look[:, :5, after : after + 5])
        assert not view[:, :5, 5:].any()
        assert not view[:, 5:, :5].any()
        RELAY.advance(worlds, acts_of(worlds, Act.UP), None)


def nearest(places: list[tuple[int, int]], here: int, direction: tuple[int, int]) -> int:
    """The object that a selection goes to, in plain Python."""
    best = []
    for k, (row, column) in enumerate(places):
        down, across = row - places[here][0], column - places[here][1]
        along = down * direction[0] + across * direction[1]
        aside = abs(down) + abs(across) - abs(along)
        if along > 0 and along >= aside:
            best.append((along + aside, k))
    return min(best)[1] if best else here


def test_selecting_zooming_and_editing_are_what_they_are_said_to_be():
    rng = np.random.default_rng(0)
    worlds = RELAY.generate(NUMBERS, TRAIN)
    start = worlds.look.copy()
    RELAY.advance(worlds, acts_of(worlds, rng.integers(0, 5, len(worlds))), None)  # it listens: nothing happens
    np.testing.assert_array_equal(worlds.look, start)
    selected, zoomed = np.zeros(len(worlds), int), np.zeros(len(worlds), bool)
    grids = canvas_of(worlds).copy()
    places = []
    for grid in grids:
        firsts = [tuple(np.argwhere(grid == k)[0].tolist()) for k in np.unique(grid)[1:]]
        places.append(sorted(firsts))
    colours = [[int(grid[at]) for at in some] for grid, some in zip(grids, places, strict=True)]
    was_edited = 0
    for _ in range(8):
        was_over = worlds.is_over.copy()
        view = seen_by(RELAY, worlds, Role.BUILDER)
        acts = rng.choice(5, size=len(worlds), p=[0.15, 0.25, 0.2, 0.2, 0.2])
        for b in np.flatnonzero(~was_over):
            # the selected object is in the middle of the view; alone there once it is zoomed in on
            colour = colours[b][selected[b]]
            assert view[b, 5, 5] == colour
            row, column = np.argwhere(grids[b] == colour)[0]
            padded = np.full((18, 18), OUTSIDE)
            padded[5:13, 5:13] = grids[b]
            around = padded[row : row + 11, column : column + 11]
            np.testing.assert_array_equal(view[b], np.where(around == colour, colour, 0) if zoomed[b] else around)
            if acts[b] == Act.STAY:
                assert not zoomed[b] or not worlds.is_over[b]
                zoomed[b] = True
            elif zoomed[b]:
                cells, step = np.argwhere(grids[b] == colour), DIRECTIONS[Act(acts[b])]
                there = cells + step
                is_inside = ((there >= 0) & (there < 8)).all()
                if is_inside and np.isin(grids[b][there[:, 0], there[:, 1]], (0, colour)).all():
                    grids[b] = made_by_hand(grids[b], colour, step)
                    was_edited += 1
            else:
                places_now = [tuple(np.argwhere(grids[b] == k)[0].tolist()) for k in colours[b]]
                selected[b] = nearest(places_now, selected[b], DIRECTIONS[Act(acts[b])])
        was_zoomed = worlds.num_done > 4
        RELAY.advance(worlds, acts_of(worlds, acts), None)
        np.testing.assert_array_equal(canvas_of(worlds), grids)
        is_in = was_zoomed & (acts == Act.STAY) & ~was_over
        np.testing.assert_array_equal(worlds.is_over, was_over | is_in)
    assert was_edited > 100


def test_whole_canvases_decide_and_what_is_wrong_costs():
    worlds = RELAY.generate(NUMBERS, TRAIN)
    total = np.zeros(len(worlds))
    spoilt = np.arange(len(worlds)) % 2 == 1  # these are handed in one cell off
    for _ in range(RELAY.num_steps):
        plan = RELAY.plan(worlds).max(axis=1)
        act = np.array([int(bits & -bits).bit_length() - 1 if bits else 0 for bits in plan.tolist()])
        is_done = (worlds.num_done > 4) & (plan == 1) & spoilt
        for away in (Act.UP, Act.DOWN, Act.LEFT, Act.RIGHT):
            if is_done.any():
                act = np.where(is_done, away, act)
                break
        was_over = worlds.is_over.copy()
        total += RELAY.advance(worlds, acts_of(worlds, act), None)[:, 0] * ~was_over
    assert worlds.is_over.all()
    is_right = (canvas_of(worlds) == RELAY.truth(worlds)).all(axis=(1, 2))
    np.testing.assert_array_equal(worlds.is_won, is_right)
    assert is_right[~spoilt].all()
    assert not is_right[spoilt].all()
    np.testing.assert_allclose(total, np.where(is_right, 1.0, -0.15), rtol=1e-6)


def test_cells_in_view_are_those_that_are_seen():
    rng = np.random.default_rng(1)
    worlds = RELAY.generate(NUMBERS, TRAIN)
    for _ in range(6):
        cells = RELAY.cells_in_view(worlds).reshape(*worlds.role.shape, 11, 11)
        view = RELAY.observe(worlds).view
        look = worlds.look.reshape(len(worlds), -1)
        shown = np.take_along_axis(look[:, None], np.maximum(cells, 0).reshape(len(worlds), 2, -1), axis=2)
        np.testing.assert_array_equal(view[cells >= 0], shown.reshape(cells.shape)[cells >= 0])
        assert np.isin(view[cells < 0], (0, OUTSIDE)).all()
        RELAY.advance(worlds, acts_of(worlds, rng.integers(0, 5, len(worlds))), None)


@pytest.mark.parametrize("argument", ["4x5", "3x4", "9x4", "x", "44", "4x4x4", "", "4x-4"])
def test_wrong_sizes_are_refused(argument: str):
    with pytest.raises(ValueError, match="scenario relay takes COLOURSxSTEPS, 4 to 8 colours and 4 or 8 steps"):
        scenarios.get(f"relay:{argument}")
    assert scenarios.get("relay:4x4").name == scenarios.get("relay").name == "relay"
    assert scenarios.get("relay:4x8").name == "relay:4x8"
