"""Words, wordings, lengths and frequencies. The older measures: test_measures.py."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from language import counting, measures

GRID = np.array(list(itertools.product(range(4), repeat=3)))


def test_the_effective_vocabulary_weighs_words_by_how_common_they_are():
    messages = np.array([[1, 1], [1, 1], [1, 2], [2, 1]])
    assert measures.effective_vocabulary(messages) == pytest.approx(2**1.5)
    assert measures.effective_vocabulary(GRID + 1) == pytest.approx(64.0)
    assert measures.effective_vocabulary(np.full((64, 3), 5)) == 1.0
    assert math.isnan(measures.effective_vocabulary(np.zeros((0, 3), int)))


def test_synonymy_is_what_speakers_choose_between():
    two_dialects = np.concatenate([GRID + 1, GRID + 11])
    assert measures.synonymy(np.tile(GRID, (2, 1)), two_dialects) == pytest.approx(1.0)
    assert measures.ambiguity(np.tile(GRID, (2, 1)), two_dialects) == pytest.approx(0.0, abs=1e-12)
    assert measures.synonymy(np.tile(GRID, (2, 1)), np.tile(GRID, (2, 1))) == pytest.approx(0.0, abs=1e-12)
    assert measures.synonymy(GRID, GRID) == 0.0  # each meaning once: nothing to choose between
    random = np.random.default_rng(0).integers(1, 100, (8 * 64, 5))
    assert measures.synonymy(np.tile(GRID, (8, 1)), random) == pytest.approx(3.0, abs=0.01)
    assert math.isnan(measures.synonymy(GRID[:0], GRID[:0]))


@given(st.integers(0, 2**32 - 1))
def test_what_is_shared_is_the_same_seen_from_both_sides(seed):
    meanings, messages = np.random.default_rng(seed).integers(0, 3, (2, 30, 2))
    of_meanings = measures.message_entropy_bits(meanings) - measures.ambiguity(meanings, messages)
    of_messages = measures.message_entropy_bits(messages) - measures.synonymy(meanings, messages)
    assert of_meanings == pytest.approx(of_messages, abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(0, 4))
def test_rows_are_the_same_row_exactly_where_all_symbols_are(seed, num_rows, length):
    rows = np.random.default_rng(seed).integers(-1, 2, (num_rows, length))
    ids = counting.row_ids(rows)
    assert sorted(set(ids.tolist())) == list(range(len({tuple(row) for row in rows.tolist()})))
    for a, b in itertools.combinations(range(num_rows), 2):
        assert (ids[a] == ids[b]) == (rows[a] == rows[b]).all()


def test_silence_ends_a_message():
    messages = np.array([[1, 2, 3], [1, 2, 0], [1, 0, 3], [0, 2, 3]])
    assert measures.message_lengths(messages).tolist() == [3, 2, 1, 0]
    assert measures.message_lengths(np.zeros((2, 0), int)).tolist() == [0, 0]


def test_short_words_for_frequent_meanings_score_below_zero():
    ladder = np.tril(np.ones((6, 6), int))  # lengths 1 to 6
    frequencies = 1 / np.arange(1, 7)
    assert measures.length_against_frequency(ladder, frequencies) == pytest.approx(-1.0)
    assert measures.length_against_frequency(ladder, frequencies[::-1]) == pytest.approx(1.0)
    assert measures.length_against_frequency(ladder, 1e6 * frequencies) == pytest.approx(-1.0)  # no unit


def test_without_frequencies_each_word_counts_once_by_its_rows():
    words = np.repeat(np.array([[1, 0], [2, 0], [1, 2], [2, 1]]), [5, 4, 1, 2], axis=0)
    assert measures.length_against_frequency(words) == pytest.approx(
        -2 / math.sqrt(5)
    )  # ranks 1.5 1.5 3.5 3.5, 4 3 1 2
    assert math.isnan(measures.length_against_frequency(np.ones((5, 2), int)))


def test_lengths_unrelated_to_frequencies_centre_at_zero():
    rng = np.random.default_rng(0)
    scores = []
    for _ in range(200):
        ends = rng.integers(1, 7, (40, 1))
        scores.append(measures.length_against_frequency(np.where(np.arange(6) < ends, 1, 0), rng.random(40)))
    assert abs(np.mean(scores)) < 0.03


def test_length_against_frequency_is_undefined_without_differences():
    ladder = np.tril(np.ones((6, 6), int))
    assert math.isnan(measures.length_against_frequency(ladder, np.ones(6)))
    assert math.isnan(measures.length_against_frequency(np.ones((6, 6), int), np.arange(6)))
    assert math.isnan(measures.length_against_frequency(ladder[:1], np.ones(1)))
    assert math.isnan(measures.length_against_frequency(ladder[:0], np.ones(0)))
    assert math.isnan(measures.length_against_frequency(ladder[:0]))


def test_frequencies_that_make_no_sense_are_refused():
    ladder = np.tril(np.ones((3, 3), int))
    with pytest.raises(ValueError, match=r"one number >= 0 for each of 3 messages, got shape \(2,\)"):
        measures.length_against_frequency(ladder, np.ones(2))
    with pytest.raises(ValueError, match=r"with least -1\.0"):
        measures.length_against_frequency(ladder, np.array([1, -1, 2]))
    with pytest.raises(ValueError, match="with least nan"):
        measures.length_against_frequency(ladder, np.array([1, math.nan, 2]))


@pytest.mark.parametrize("exponent", [0.3, 1.0, 1.7])
def test_the_zipf_exponent_is_found_again(exponent):
    counts = np.round(1e5 * np.arange(1, 31) ** -exponent).astype(int)
    words = np.repeat(np.random.default_rng(0).permutation(30), counts)[:, None]
    assert measures.zipf_exponent(words) == pytest.approx(exponent, abs=2e-3)


@pytest.mark.parametrize("seed", range(5))
def test_no_other_exponent_is_likelier(seed):
    rng = np.random.default_rng(seed)
    counts = np.sort(rng.integers(1, 50, 12))[::-1]

    def unlikelihood(exponent: float) -> float:
        return float(
            exponent * counts @ np.log(np.arange(1, 13)) + counts.sum() * np.log(np.sum(np.arange(1, 13) ** -exponent))
        )

    best = minimize_scalar(unlikelihood, bounds=(0, 10), method="bounded", options={"xatol": 1e-10}).x
    assert measures.zipf_exponent(np.repeat(np.arange(12), counts)[:, None]) == pytest.approx(best, abs=1e-4)


@given(st.lists(st.integers(1, 10**4), min_size=2, max_size=40))
def test_every_distribution_of_words_has_an_exponent(counts):
    exponent = measures.zipf_exponent(np.repeat(np.arange(len(counts)), counts)[:, None])
    assert exponent >= 0
    assert (exponent == 0) == (len(set(counts)) == 1)


def test_equally_common_words_come_near_an_exponent_of_zero():
    rng = np.random.default_rng(0)
    few = np.mean([measures.zipf_exponent(rng.integers(0, 10, (1000, 1))) for _ in range(50)])
    many = np.mean([measures.zipf_exponent(rng.integers(0, 300, (1000, 1))) for _ in range(50)])
    assert few == pytest.approx(0.12, abs=0.02)
    assert many == pytest.approx(0.36, abs=0.02)
    assert math.isnan(measures.zipf_exponent(np.zeros((0, 2), int)))
