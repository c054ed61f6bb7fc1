"""Counted language models: probabilities add up, and are those that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from language.ngram import NGram

SEQUENCES = st.lists(st.lists(st.integers(0, 4), max_size=12), max_size=6)


@given(SEQUENCES, st.lists(st.integers(0, 4), max_size=5), st.integers(1, 4))
def test_probabilities_of_all_symbols_add_up_to_one(sequences: list[list[int]], context: list[int], order: int):
    model = NGram(order, 5).learn(sequences)
    probabilities = [model.probability(context, symbol) for symbol in range(5)]
    assert sum(probabilities) == pytest.approx(1)
    assert min(probabilities) > 0


def test_they_are_those_of_witten_and_bell():
    model = NGram(2, 4).learn([[0, 1, 0, 1, 0, 2]])
    # unigrams: 6 seen, 3 kinds; 0 three times, 1 twice, 2 once
    single = {0: (3 + 3 / 4) / 9, 1: (2 + 3 / 4) / 9, 2: (1 + 3 / 4) / 9, 3: (3 / 4) / 9}
    for symbol, expected in single.items():
        assert model.probability([], symbol) == pytest.approx(expected)
        assert model.probability([3], symbol) == pytest.approx(expected)  # nothing ever followed a 3
    # after 0: 1 twice and 2 once, 2 kinds
    assert model.probability([0], 1) == pytest.approx((2 + 2 * single[1]) / 5)
    assert model.probability([2, 0], 3) == pytest.approx(2 * single[3] / 5)


def test_who_knows_nothing_chooses_evenly():
    assert NGram(3, 8).probability([1, 2], 3) == 1 / 8
    np.testing.assert_allclose(NGram(3, 8).bits([1, 2, 3]), 3)


def test_longer_contexts_tell_more_of_what_hangs_on_them():
    text = np.tile([0, 1, 1], 400)  # each symbol is the one three steps before it
    bits = {order: NGram(order, 2).learn([text.tolist()]).bits(text.tolist()).mean() for order in (1, 4)}
    assert bits[4] < 0.1 < bits[1]


def test_bits_are_those_of_each_symbol_after_the_ones_before_it():
    model = NGram(3, 4).learn([[0, 1, 2, 3, 0, 1, 2]])
    sequence = [0, 1, 2, 0]
    expected = [-np.log2(model.probability(sequence[:i], symbol)) for i, symbol in enumerate(sequence)]
    np.testing.assert_allclose(model.bits(sequence), expected)
    assert len(model.bits([])) == 0


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="order must be at least 1, got 0"):
        NGram(0, 3)
    with pytest.raises(ValueError, match="num_symbols must be at least 1, got 0"):
        NGram(2, 0)
    with pytest.raises(ValueError, match=r"symbols must be in \[0, 3\), got 0 to 3"):
        NGram(2, 3).learn([[0, 3]])
