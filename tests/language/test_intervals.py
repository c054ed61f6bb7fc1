"""Intervals: known answers, and whether they hold the truth as often as they say. Of shares: test_measures.py."""

import itertools
import math

import numpy as np
import pytest

from language import measures

GRID = np.array(list(itertools.product(range(4), repeat=3)))


def sampled_language(num_rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Meanings of 4 attributes and messages in which three symbols of ten are slips."""
    meanings = rng.integers(0, 8, (num_rows, 4))
    slips = rng.random((num_rows, 4)) < 0.3
    return meanings, np.where(slips, rng.integers(0, 8, (num_rows, 4)), meanings)


def test_student_s_interval_is_as_in_the_textbook():
    low, high = measures.mean_interval([1.0, 2.0, 4.0])
    half = 4.302652729911275 * math.sqrt(7 / 3) / math.sqrt(3)  # t of two degrees of freedom
    assert (low, high) == pytest.approx((7 / 3 - half, 7 / 3 + half))
    narrower = measures.mean_interval([1.0, 2.0, 4.0], confidence=0.5)
    assert low < narrower[0] < narrower[1] < high
    assert measures.mean_interval(np.array([3.0, 3.0])) == (3.0, 3.0)


def test_student_s_interval_holds_the_mean_of_three_seeds_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = [low < 0 < high for low, high in (measures.mean_interval(rng.normal(size=3)) for _ in range(2000))]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


def test_a_seed_without_a_number_is_not_passed_over():
    assert all(math.isnan(bound) for bound in measures.mean_interval([0.5, math.nan, 0.7]))
    assert all(math.isnan(bound) for bound in measures.mean_interval([0.5]))
    assert all(math.isnan(bound) for bound in measures.mean_interval([]))
    with pytest.raises(ValueError, match=r"list of numbers, got shape \(2, 2\)"):
        measures.mean_interval(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="confidence must be between 0 and 1, got 95"):
        measures.mean_interval([1, 2], confidence=95)
    with pytest.raises(ValueError, match="confidence must be between 0 and 1, got 1"):
        measures.share_interval(1, 2, confidence=1)


def test_the_interval_of_topographic_similarity_holds_the_truth_as_often_as_it_says():
    truth = measures.topographic_similarity(*sampled_language(20_000, np.random.default_rng(0)), max_pairs=2_000_000)
    rng = np.random.default_rng(1)
    intervals = np.array(
        [
            measures.bootstrap_interval(
                measures.topographic_similarity, *sampled_language(50, rng), num_samples=60, rng=rng
            )
            for _ in range(150)
        ]
    )
    held = np.mean((intervals[:, 0] < truth) & (truth < intervals[:, 1]))
    assert 0.89 <= held <= 0.99
    assert abs(intervals.mean() - truth) < 0.02  # twins, alike in both, would lift it


def test_the_interval_of_a_mean_is_the_usual_one():
    values = np.random.default_rng(0).normal(size=101)
    low, high = measures.bootstrap_interval(np.mean, values, num_samples=2000)
    usual = 1.96 * values.std(ddof=1) / math.sqrt(101)
    assert (low, high) == pytest.approx((values.mean() - usual, values.mean() + usual), abs=0.05 * usual)


def test_rows_stay_together_and_none_comes_twice():
    rows = np.arange(20)

    def check(left: np.ndarray, right: np.ndarray) -> float:
        assert (left == right[:, 0]).all()
        assert len(set(left.tolist())) == len(left)
        return float(left.mean())

    low, high = measures.bootstrap_interval(check, rows, np.stack([rows, rows], axis=1))
    assert low < 9.5 < high


def test_more_confidence_is_wider_and_more_rows_are_narrower():
    meanings, messages = sampled_language(200, np.random.default_rng(0))
    width = {
        (rows, confidence): np.ptp(
            measures.bootstrap_interval(
                measures.topographic_similarity, meanings[:rows], messages[:rows], confidence=confidence, num_samples=50
            )
        )
        for rows, confidence in ((50, 0.95), (50, 0.5), (200, 0.95))
    }
    assert width[50, 0.5] < width[50, 0.95]
    assert width[200, 0.95] < width[50, 0.95]


def test_an_interval_can_be_repeated():
    meanings, messages = sampled_language(40, np.random.default_rng(0))
    arguments = (measures.topographic_similarity, meanings, messages)
    assert measures.bootstrap_interval(*arguments) == measures.bootstrap_interval(*arguments)
    drawn = [measures.bootstrap_interval(*arguments, rng=np.random.default_rng(7)) for _ in range(2)]
    assert drawn[0] == drawn[1] != measures.bootstrap_interval(*arguments)


def test_where_the_measure_is_undefined_so_is_its_interval():
    constant = np.ones((64, 3), int)
    for rows in (GRID, GRID[:3]):
        bounds = measures.bootstrap_interval(measures.topographic_similarity, rows, constant[: len(rows)])
        assert all(math.isnan(bound) for bound in bounds)
    assert all(math.isnan(bound) for bound in measures.bootstrap_interval(np.mean, np.array([1.0, 2.0, 4.0])))
    almost = constant.copy()
    almost[0] = 2  # half of the halves are constant
    assert all(math.isnan(b) for b in measures.bootstrap_interval(measures.topographic_similarity, GRID, almost))


def test_samples_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match=r"as many rows, got \[64, 63\]"):
        measures.bootstrap_interval(measures.topographic_similarity, GRID, GRID[:63])
    with pytest.raises(ValueError, match=r"as many rows, got \[\]"):
        measures.bootstrap_interval(lambda: 1.0)
    with pytest.raises(ValueError, match="num_samples must be at least 2, got 1"):
        measures.bootstrap_interval(np.mean, GRID, num_samples=1)
    with pytest.raises(ValueError, match="confidence must be"):
        measures.bootstrap_interval(np.mean, GRID, confidence=0)
