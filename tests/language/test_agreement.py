"""How far apart languages are. Exact agreement: test_measures.py."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from language import measures


def test_dialects_are_nearer_than_languages():
    rng = np.random.default_rng(0)
    mine = rng.integers(1, 20, (200, 4))
    dialect = mine.copy()
    dialect[:, 3] = 20  # one symbol of four differs
    other = rng.integers(1, 20, (200, 4))
    assert measures.language_distance(mine, dialect) == 0.25
    assert measures.language_distance(mine, mine) == 0.0
    assert 0.85 < measures.language_distance(mine, other) < 0.97
    assert measures.language_distance(mine, mine + 20) == 1.0


def test_a_shifted_message_is_two_edits_away():
    assert measures.language_distance(np.array([[1, 2, 3, 4]]), np.array([[2, 3, 4, 1]])) == 0.5


@pytest.mark.parametrize("length", [254, 255, 256, 300])  # where a byte is about to be too small
def test_long_messages_are_as_far_apart_as_they_are(length):
    assert measures.language_distance(np.full((1, length), 1), np.full((1, length), 2)) == 1.0


@pytest.mark.parametrize("high", [1, 2**8, 2**16])
def test_distances_are_those_of_every_pair(high):
    speakers = high * np.random.default_rng(0).integers(0, 3, (4, 30, 5))
    distances = measures.language_distances(speakers)
    expected = [[measures.language_distance(a, b) for b in speakers] for a in speakers]
    assert distances.tolist() == expected
    assert (distances > 0).sum() == 12


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_languages_lie_in_a_metric_space_that_names_do_not_change(seed, length):
    rng = np.random.default_rng(seed)
    speakers = rng.integers(0, 4, (3, 10, length))
    distances = measures.language_distances(speakers)
    assert (distances == distances.T).all()
    assert (distances >= 0).all()
    assert (distances <= 1).all()
    assert distances[0, 1] <= distances[0, 2] + distances[2, 1] + 1e-12
    renamed = measures.language_distances(rng.permutation(4)[speakers][:, rng.permutation(10)])
    np.testing.assert_allclose(renamed, distances, atol=1e-12)


def test_without_meanings_there_is_no_distance():
    none = np.zeros((0, 3), int)
    assert math.isnan(measures.language_distance(none, none))
    assert np.isnan(measures.language_distances(np.zeros((2, 0, 3), int))).all()
    assert measures.language_distances(np.zeros((0, 4, 3), int)).shape == (0, 0)


def test_speakers_who_were_asked_differently_are_refused():
    with pytest.raises(ValueError, match=r"asked the same, got shapes \(4, 2\) and \(3, 2\)"):
        measures.language_distance(np.zeros((4, 2), int), np.zeros((3, 2), int))
    with pytest.raises(ValueError, match="messages_b must be an integer array"):
        measures.language_distance(np.zeros((4, 2), int), np.zeros((4, 2)))
