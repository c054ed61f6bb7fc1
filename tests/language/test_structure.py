"""Concepts, conflicts and reconstruction: known answers, symmetries, chance. The older measures: test_measures.py."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from language import measures

GRID = np.array(list(itertools.product(range(4), repeat=3)))  # (64, 3): all meanings of three attributes
COMPOSITIONAL = GRID + 1 + 4 * np.arange(3)
MEASURES = (measures.context_independence, measures.conflict_count, measures.tree_reconstruction_error)


@st.composite
def languages(draw) -> tuple[np.ndarray, np.ndarray]:
    num_meanings, num_attributes, length = draw(st.tuples(st.integers(1, 12), st.integers(1, 3), st.integers(1, 4)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    most = draw(st.integers(1, 4))
    return rng.integers(0, 3, (num_meanings, num_attributes)), rng.integers(0, most + 1, (num_meanings, length))


def test_a_compositional_language_has_words_for_concepts_and_nothing_else():
    assert measures.context_independence(GRID, COMPOSITIONAL) == pytest.approx(1.0, abs=1e-12)
    assert measures.conflict_count(GRID, COMPOSITIONAL) == 0
    assert measures.tree_reconstruction_error(GRID, COMPOSITIONAL) == pytest.approx(0.0, abs=1e-12)


def test_conflicts_see_through_reordered_positions_and_fillers():
    with_filler = np.concatenate([np.ones((64, 1), int), COMPOSITIONAL[:, [2, 0, 1]]], axis=1)
    assert measures.conflict_count(GRID, with_filler) == 0
    assert measures.conflict_count(GRID, COMPOSITIONAL[:, :2]) == 0  # the attribute left out costs nothing here
    shared = COMPOSITIONAL.copy()
    shared[GRID[:, 0] == 3, 0] = 1  # 0 and 3 of attribute 0 have one word: 16 rows of each
    assert measures.conflict_count(GRID, shared) == 16


def test_two_positions_never_name_one_attribute():
    twice = np.stack([1 + GRID[:, 0], 1 + GRID[:, 0]], axis=1)
    assert measures.conflict_count(GRID, twice) == 48  # the second position has to name another, right in a quarter


def test_a_free_word_order_keeps_concepts_and_breaks_positions():
    rng = np.random.default_rng(0)
    reordered = np.array([rng.permutation(message) for message in COMPOSITIONAL])
    assert measures.context_independence(GRID, reordered) == pytest.approx(1.0, abs=1e-12)
    assert measures.tree_reconstruction_error(GRID, reordered) > 0.4
    assert measures.conflict_count(GRID, reordered) > 30


def test_of_symbols_that_tell_as_much_the_one_said_most_is_the_word():
    # Symbols 1 and 2 are said of value 0 alone, 1 in one of its three rows and 2 in two; 3 is said of 1 alone.
    meanings = np.array([[0], [0], [0], [1]])
    assert measures.context_independence(meanings, np.array([[1], [2], [2], [3]])) == pytest.approx((2 / 3 + 1) / 2)


def test_the_word_is_what_tells_most_not_what_is_said_most():
    # Of value 0, symbol 9 is said always, and once of value 1; symbol 1 is said of it alone, in one of four rows.
    meanings = np.array([[0], [0], [0], [0], [1], [1]])
    messages = np.array([[9, 1], [9, 9], [9, 9], [9, 9], [3, 9], [3, 3]])
    assert measures.context_independence(meanings, messages) == pytest.approx((0.25 + 1.0) / 2)


def test_silence_names_no_concept():
    unmarked = np.where(COMPOSITIONAL == 1, 0, COMPOSITIONAL)  # value 0 of attribute 0 is not mentioned
    assert 11 / 12 < measures.context_independence(GRID, unmarked) < 1.0
    assert math.isnan(measures.context_independence(GRID, np.zeros((64, 3), int)))


def test_a_position_that_adds_what_two_attributes_say_cannot_be_rebuilt_from_both():
    exclusive = np.array([[1], [2], [2], [1]])  # the exclusive or: no attribute alone tells anything
    assert measures.tree_reconstruction_error(measures.MEANINGS, exclusive) == pytest.approx(0.5)
    doubled = np.repeat(COMPOSITIONAL, 2, axis=1)
    assert measures.tree_reconstruction_error(GRID, doubled) == pytest.approx(0.0, abs=1e-12)


def test_random_words_score_at_chance():
    rng = np.random.default_rng(0)
    random = [rng.integers(1, 11, (64, 3)) for _ in range(60)]
    error = np.mean([measures.tree_reconstruction_error(GRID, words) for words in random])
    assert error == pytest.approx((1 - 1 / 10) * (1 - 10 / 64), abs=0.005)  # 12 concepts - 3 + 1 = 10
    conflicts = np.mean([measures.conflict_count(GRID, words) for words in random])
    assert 0.5 * 64 * 3 * 3 / 4 < conflicts < 64 * 3 * 3 / 4
    independence = np.mean([measures.context_independence(GRID, words) for words in random])
    assert 1 / 4 * 3 / 10 < independence < 0.2


def test_a_constant_language_scores_as_stated():
    constant = np.full((64, 3), 5)
    assert measures.context_independence(GRID, constant) == pytest.approx(1 / 4)
    assert measures.conflict_count(GRID, constant) == 3 * 48
    assert measures.tree_reconstruction_error(GRID, constant) == pytest.approx(0.0, abs=1e-12)


@settings(max_examples=80, deadline=None)
@given(languages(), st.integers(0, 2**32 - 1))
def test_names_and_orders_change_nothing(language, seed):
    meanings, messages = language
    rng = np.random.default_rng(seed)
    names = np.concatenate([[0], 1 + rng.permutation(4)])  # silence stays silence
    order = rng.permutation(len(meanings))
    positions, attributes = rng.permutation(messages.shape[1]), rng.permutation(meanings.shape[1])
    values = rng.permutation(3)
    for measure in MEASURES:
        other = measure(values[meanings][order][:, attributes], names[messages][order][:, positions])
        assert other == pytest.approx(measure(meanings, messages), abs=1e-9, nan_ok=True)


@settings(max_examples=80, deadline=None)
@given(languages())
def test_scores_stay_in_their_ranges(language):
    meanings, messages = language
    independence = measures.context_independence(meanings, messages)
    assert math.isnan(independence) if not messages.any() else 0 < independence <= 1 + 1e-12
    assert 0 <= measures.conflict_count(meanings, messages) <= len(meanings) * min(meanings.shape[1], messages.shape[1])
    assert 0 <= measures.tree_reconstruction_error(meanings, messages) < 1
    similarity = measures.topographic_similarity(meanings, messages)
    assert math.isnan(similarity) or -1 <= similarity <= 1


def test_speakers_together_are_measured_as_each_alone():
    speakers = np.random.default_rng(0).integers(0, 300, (3, 64, 4))
    assert measures.topographic_similarities(GRID, speakers, max_pairs=200).tolist() == [
        measures.topographic_similarity(GRID, messages, max_pairs=200) for messages in speakers
    ]
    assert measures.tree_reconstruction_errors(GRID, speakers).tolist() == [
        measures.tree_reconstruction_error(GRID, messages) for messages in speakers
    ]


def test_pairs_of_speakers_are_drawn_by_the_given_chance():
    speakers = np.random.default_rng(0).integers(0, 3, (2, 64, 4))
    usual = measures.topographic_similarities(GRID, speakers, max_pairs=200)
    drawn = [measures.topographic_similarities(GRID, speakers, 200, np.random.default_rng(7)) for _ in range(2)]
    assert drawn[0].tolist() == drawn[1].tolist() != usual.tolist()


@pytest.mark.parametrize("high", [2, 2**8, 2**15, 2**16, 2**40])
def test_symbols_of_any_size_are_compared_whole(high):
    messages = np.array([[1, 2], [1 + high, 2], [1 + high, 2 + high], [1, 2 + high]])
    assert measures.topographic_similarity(measures.MEANINGS, messages) == pytest.approx(
        measures.topographic_similarity(measures.MEANINGS, np.array([[1, 5], [2, 5], [2, 6], [1, 6]]))
    )


def test_odd_sizes_are_as_stated():
    none = np.zeros((0, 2), int)
    assert math.isnan(measures.context_independence(none, none))
    assert math.isnan(measures.context_independence(GRID[:, :0], COMPOSITIONAL))
    assert measures.conflict_count(none, none) == 0
    assert measures.conflict_count(GRID, np.zeros((64, 0), int)) == 0
    assert math.isnan(measures.tree_reconstruction_error(none, none))
    assert math.isnan(measures.tree_reconstruction_error(GRID, np.zeros((64, 0), int)))
    assert measures.topographic_similarities(GRID, np.zeros((0, 64, 3), int)).shape == (0,)
    # Without attributes there is nothing but the mean to rebuild from.
    assert measures.tree_reconstruction_error(measures.MEANINGS[:, :0], measures.COMPOSITIONAL) == pytest.approx(0.5)


def test_wrong_arrays_are_refused_with_what_came():
    for measure in MEASURES:
        with pytest.raises(ValueError, match="64 meanings and 63 messages"):
            measure(GRID, COMPOSITIONAL[:63])
        with pytest.raises(ValueError, match="messages must be an integer array with 2 axes, got float64"):
            measure(GRID, COMPOSITIONAL * 0.5)
    for measure in (measures.topographic_similarities, measures.tree_reconstruction_errors):
        with pytest.raises(ValueError, match="one message a meaning, got 64 meanings and 63 messages"):
            measure(GRID, COMPOSITIONAL[None, :63])
        with pytest.raises(ValueError, match="integer array with 3 axes"):
            measure(GRID, COMPOSITIONAL)
