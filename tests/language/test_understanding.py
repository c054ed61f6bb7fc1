"""Strangers, newborns and new combinations: known answers, chance, what is refused."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from language import measures

GRID = np.array(list(itertools.product(range(4), repeat=3)))


def test_three_kinds_of_pairs_are_told_apart():
    success = np.array([[0.9, 0.8, 0.1], [0.6, 0.7, 0.2], [0.3, 0.4, 0.5]])
    has_met = np.zeros((3, 3), bool)
    has_met[0, 1] = has_met[1, 0] = has_met[0, 0] = True  # the diagonal is one's own, met or not
    pairs = measures.cross_pair(success, has_met)
    assert pairs.familiar == pytest.approx(0.7)
    assert pairs.strangers == pytest.approx((0.1 + 0.2 + 0.3 + 0.4) / 4)
    assert pairs.own == pytest.approx(0.7)


def test_other_speakers_than_listeners_have_no_own_unless_told():
    success = np.array([[0.9, 0.8, 0.1], [0.6, 0.7, 0.2]])
    has_met = np.array([[True, False, False], [False, False, False]])
    pairs = measures.cross_pair(success, has_met)
    assert pairs.familiar == 0.9
    assert pairs.strangers == pytest.approx((0.8 + 0.1 + 0.6 + 0.7 + 0.2) / 5)
    assert math.isnan(pairs.own)
    is_own = np.array([[False, False, True], [False, False, False]])
    assert measures.cross_pair(success, has_met, is_own).own == 0.1
    # A square matrix of different agents: nobody is alone with itself.
    square = measures.cross_pair(success[:, :2], has_met[:, :2], np.zeros((2, 2), bool))
    assert math.isnan(square.own)
    assert square.strangers == pytest.approx((0.8 + 0.6 + 0.7) / 3)


def test_pairs_that_never_played_are_left_out():
    success = np.array([[math.nan, 0.5], [math.nan, math.nan]])
    assert measures.cross_pair(success, np.zeros((2, 2), bool)).strangers == 0.5
    assert all(math.isnan(share) for share in measures.cross_pair(success.T * math.nan, np.ones((2, 2), bool)))
    assert all(math.isnan(share) for share in measures.cross_pair(np.zeros((0, 0)), np.zeros((0, 0), bool)))


def test_numbering_agents_anew_changes_no_kind_of_pair():
    rng = np.random.default_rng(0)
    success, has_met, order = rng.random((6, 6)), rng.random((6, 6)) < 0.5, rng.permutation(6)
    anew = measures.cross_pair(success[order][:, order], has_met[order][:, order])
    assert anew == pytest.approx(measures.cross_pair(success, has_met))


def test_pairs_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match=r"is_familiar must be true or false .* got int64 of shape \(2, 2\)"):
        measures.cross_pair(np.zeros((2, 2)), np.zeros((2, 2), int))
    with pytest.raises(ValueError, match=r"is_own must .* shape \(2, 3\) for success of shape \(2, 2\)"):
        measures.cross_pair(np.zeros((2, 2)), np.zeros((2, 2), bool), np.zeros((2, 3), bool))
    with pytest.raises(ValueError, match="is_familiar must"):
        measures.cross_pair(np.zeros(2), np.zeros(2, bool))
    with pytest.raises(ValueError, match=r"success must be in \[0, 1\], got 0.0..50.0"):
        measures.cross_pair(np.array([[50.0, 0.0], [math.nan, 1.0]]), np.zeros((2, 2), bool))


def test_who_learns_sooner_scores_higher():
    steps = np.array([0, 10, 100, 1000])
    soon, late = np.array([0.1, 0.9, 1.0, 1.0]), np.array([0.1, 0.1, 0.2, 1.0])
    assert measures.learnability(soon, steps) > 0.98
    assert measures.learnability(late, steps) == pytest.approx((10 * 0.1 + 90 * 0.15 + 900 * 0.6) / 1000)
    assert measures.learnability(np.ones(4), steps) == 1.0
    assert measures.learnability(np.zeros(4), steps) == 0.0
    assert measures.learnability(np.full(4, 0.25), steps) == 0.25  # learns nothing: what guesses get


@given(
    # a run that came before in this process may have switched subnormal numbers off
    st.lists(st.floats(0, 1, allow_subnormal=False), min_size=2, max_size=10),
    st.floats(0.1, 1e3),
    st.floats(-1e3, 1e3, allow_subnormal=False),
)
def test_the_unit_and_the_start_of_steps_do_not_matter(shares, unit, start):
    steps = np.arange(len(shares)) ** 2
    area = measures.learnability(np.array(shares), steps)
    assert min(shares) - 1e-9 <= area <= max(shares) + 1e-9
    assert measures.learnability(np.array(shares), start + unit * steps) == pytest.approx(area, abs=1e-6)


def test_a_curve_needs_two_points_in_order():
    assert math.isnan(measures.learnability(np.array([0.5])))
    assert math.isnan(measures.learnability(np.array([])))
    with pytest.raises(ValueError, match=r"steps must rise, got \[0.0, 5.0, 5.0\]"):
        measures.learnability(np.zeros(3), np.array([0, 5, 5]))
    with pytest.raises(ValueError, match=r"shares must be in \[0, 1\], got 0.0..1.5"):
        measures.learnability(np.array([0.0, 1.5]))
    with pytest.raises(ValueError, match="shares must be in"):
        measures.learnability(np.array([0.0, math.nan]))
    with pytest.raises(ValueError, match=r"got shapes \(3,\) and \(2,\)"):
        measures.learnability(np.zeros(3), np.arange(2))


def test_whole_and_parts_are_scored_apart():
    answers = GRID.copy()
    answers[:32, 2] = 5  # half is wrong in attribute 2, a quarter of it also in attribute 0
    answers[:8, 0] = 5
    found = measures.zero_shot(answers, GRID)
    assert found.exact == 0.5
    assert found.attributes == (56 / 64, 1.0, 0.5)
    assert found.interval == measures.share_interval(32, 64)
    assert found.attribute_intervals == tuple(measures.share_interval(n, 64) for n in (56, 64, 32))
    wider = measures.zero_shot(answers, GRID, confidence=0.99).interval
    assert wider[0] < found.interval[0] < found.interval[1] < wider[1]


def test_guesses_score_at_chance():
    answers = np.random.default_rng(0).integers(0, 4, (6400, 3))
    found = measures.zero_shot(answers, np.tile(GRID, (100, 1)))
    assert found.attributes == pytest.approx((0.25, 0.25, 0.25), abs=0.02)
    assert found.interval[0] < 1 / 64 < found.interval[1]


def test_held_out_means_a_new_combination_of_known_values():
    held_out = (GRID.sum(axis=1) % 4) == 0
    assert measures.zero_shot(GRID[held_out], GRID[held_out], trained=GRID[~held_out]).exact == 1.0
    with pytest.raises(ValueError, match=r"must not be trained, got \[0, 0, 0\]"):
        measures.zero_shot(GRID[held_out], GRID[held_out], trained=GRID)
    with pytest.raises(ValueError, match=r"in some combination, got \[0\] of attribute 1"):
        measures.zero_shot(GRID[held_out], GRID[held_out], trained=GRID[~held_out & (GRID[:, 1] > 0)])
    with pytest.raises(ValueError, match="must have 3 attributes, got 2"):
        measures.zero_shot(GRID, GRID, trained=GRID[:, :2])


def test_without_held_out_meanings_nothing_is_known():
    found = measures.zero_shot(GRID[:0], GRID[:0])
    assert math.isnan(found.exact)
    assert len(found.attributes) == 3
    assert all(math.isnan(bound) for bound in found.interval)
    with pytest.raises(ValueError, match=r"one answer, got shapes \(64, 2\) and \(64, 3\)"):
        measures.zero_shot(GRID[:, :2], GRID)
