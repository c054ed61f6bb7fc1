"""Signalling and listening: known answers, deaf and mute controls, chance."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from language import measures

RNG = 20_24


def test_a_speaker_is_credited_only_for_what_is_not_known_anyway():
    rng = np.random.default_rng(RNG)
    seen = rng.integers(0, 4, (4000, 2))
    about_both = 1 + seen
    told = measures.positive_signalling_bits(seen, about_both)
    assert told.bits == pytest.approx(4.0, abs=0.01)
    assert told.above_chance_bits == pytest.approx(4.0, abs=0.06)
    beyond = measures.positive_signalling_bits(seen, about_both, context=seen[:, 0])
    assert beyond.bits == pytest.approx(2.0, abs=0.01)
    repeats = measures.positive_signalling_bits(seen, about_both[:, :1], context=seen[:, 0])
    assert repeats.bits == pytest.approx(0.0, abs=1e-9)
    assert repeats.chance_bits == pytest.approx(0.0, abs=1e-9)


def test_babble_seems_to_tell_something_and_is_nothing_above_chance():
    rng = np.random.default_rng(RNG)
    above, counted = [], []
    for _ in range(40):
        seen, said = rng.integers(0, 8, (200, 1)), rng.integers(1, 9, (200, 1))
        told = measures.positive_signalling_bits(seen, said, context=rng.integers(0, 2, 200), rng=rng)
        above.append(told.above_chance_bits)
        counted.append(told.bits)
    assert min(counted) > 0.2
    assert abs(np.mean(above)) < 0.015


def test_words_that_never_come_twice_leave_nothing_above_chance():
    told = measures.positive_signalling_bits(np.arange(64)[:, None], 1 + np.arange(64)[:, None])
    assert told.bits == told.chance_bits == 6.0


def test_a_mute_speaker_tells_nothing():
    seen = np.random.default_rng(RNG).integers(0, 8, (200, 2))
    told = measures.positive_signalling_bits(seen, np.zeros((200, 3), int))
    assert told == (0.0, 0.0)


@given(st.integers(0, 2**32 - 1))
def test_information_given_a_context_equals_its_definition(seed):
    rng = np.random.default_rng(seed)
    seen, said, context = rng.integers(0, 3, (3, 40))
    expected = 0.0
    for c, o, m in itertools.product(range(3), repeat=3):
        joint = np.mean((context == c) & (seen == o) & (said == m))
        if joint:
            apart = np.mean((context == c) & (seen == o)) * np.mean((context == c) & (said == m))
            expected += joint * math.log2(joint * np.mean(context == c) / apart)
    told = measures.positive_signalling_bits(seen[:, None], said[:, None], context, num_shuffles=0)
    assert told.bits == pytest.approx(expected, abs=1e-9)
    assert math.isnan(told.chance_bits)


def test_messages_are_dealt_out_within_their_context_only():
    # In context 0 always word 1, in context 1 always word 2: dealt out within contexts, nothing changes.
    context = np.repeat([0, 1], 50)
    said = 1 + context[:, None]
    seen = np.random.default_rng(RNG).integers(0, 5, (100, 1))
    assert measures.positive_signalling_bits(seen, said, context).chance_bits == pytest.approx(0.0, abs=1e-9)
    assert measures.positive_signalling_bits(seen, said).chance_bits > 0.01


def test_the_chance_in_several_contexts_is_the_mean_of_that_in_each():
    rng = np.random.default_rng(RNG)
    context, seen = np.repeat([0, 1], 40), rng.integers(0, 5, (80, 1))
    said = 1 + 2 * context[:, None] + rng.integers(0, 2, (80, 1))  # each context has two words of its own
    apart = [
        measures.positive_signalling_bits(seen[context == c], said[context == c], num_shuffles=200).chance_bits
        for c in range(2)
    ]
    together = measures.positive_signalling_bits(seen, said, context, num_shuffles=200).chance_bits
    assert together == pytest.approx(np.mean(apart), abs=0.01)
    assert together > 0.05


def test_words_that_are_said_of_everything_alike_tell_nothing():
    seen, said = np.array([[0], [0], [1], [1]]), np.array([[1], [2], [1], [2]])
    assert measures.positive_signalling_bits(seen, said).bits == 0.0


def test_signalling_can_be_repeated_and_does_not_hang_on_names():
    rng = np.random.default_rng(RNG)
    seen, said, context = rng.integers(0, 4, (90, 2)), rng.integers(0, 4, (90, 2)), rng.integers(0, 3, 90)
    told = measures.positive_signalling_bits(seen, said, context)
    assert measures.positive_signalling_bits(seen, said, context) == told
    assert measures.positive_signalling_bits(seen, said, context, rng=np.random.default_rng(7)) != told
    renamed = measures.positive_signalling_bits(seen[:, ::-1], rng.permutation(4)[said], 7 - context)
    assert renamed.bits == pytest.approx(told.bits, abs=1e-9)


def test_signals_that_make_no_sense_are_refused():
    rows = np.zeros((5, 2), int)
    with pytest.raises(ValueError, match="as many rows, got 5, 4 and 4"):
        measures.positive_signalling_bits(rows, rows[:4])
    with pytest.raises(ValueError, match="context must be an integer array with 1 axes"):
        measures.positive_signalling_bits(rows, rows, context=rows)
    with pytest.raises(ValueError, match="num_shuffles must be at least 0, got -1"):
        measures.positive_signalling_bits(rows, rows, num_shuffles=-1)
    assert all(math.isnan(bits) for bits in measures.positive_signalling_bits(rows[:0], rows[:0]))


@given(st.integers(0, 2**32 - 1), st.floats(0, 1, allow_subnormal=False))
def test_a_deaf_listener_is_moved_by_exactly_nothing(seed, guessing):
    acts = np.random.default_rng(seed).dirichlet(np.full(4, 0.3), 10)
    acts[0] = [1, 0, 0, 0]
    assert measures.positive_listening_bits(acts, acts.copy(), guessing) == 0.0


@given(st.integers(0, 2**32 - 1))
def test_listening_equals_its_definition(seed):
    given, after = np.random.default_rng(seed).dirichlet(np.ones(4), (2, 10))
    expected = np.mean(
        [sum(p * math.log2(p / q) for p, q in zip(*rows, strict=True)) for rows in zip(given, after, strict=True)]
    )
    assert measures.positive_listening_bits(given, after) == pytest.approx(expected, rel=1e-9)
    acts = [2, 0, 3, 1]  # acts have no order
    assert measures.positive_listening_bits(given[:, acts], after[:, acts]) == pytest.approx(expected, rel=1e-9)


def test_certainty_that_turns_is_infinitely_far_unless_some_guessing_is_admitted():
    before, after = np.eye(4), np.eye(4)[[1, 2, 3, 0]]
    assert measures.positive_listening_bits(before, after) == math.inf
    some = measures.positive_listening_bits(before, after, guessing=0.01)
    assert 0 < some <= math.log2(4 / 0.01)
    assert measures.positive_listening_bits(before, after, guessing=1.0) == 0.0
    # What was never done may become possible at no cost beyond what the rest loses.
    assert measures.positive_listening_bits(before, np.full((4, 4), 0.25)) == pytest.approx(2.0)


def test_shares_in_single_precision_are_shares():
    logits = np.random.default_rng(RNG).normal(size=(50, 6)).astype(np.float32)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert measures.positive_listening_bits(shares, shares) == 0.0


def test_acts_that_are_no_shares_are_refused():
    shares = np.full((3, 2), 0.5)
    with pytest.raises(ValueError, match="each row of intervened must be shares that sum to 1"):
        measures.positive_listening_bits(shares, shares * 1.1)
    with pytest.raises(ValueError, match="each row of given must be shares"):
        measures.positive_listening_bits(np.array([[1.5, -0.5]]), np.array([[1.0, 0.0]]))
    with pytest.raises(ValueError, match=r"one distribution over acts a row, got shapes \(3, 2\), \(2, 2\)"):
        measures.positive_listening_bits(shares, shares[:2])
    with pytest.raises(ValueError, match=r"guessing must be in \[0, 1\], got 2"):
        measures.positive_listening_bits(shares, shares, guessing=2)
    assert math.isnan(measures.positive_listening_bits(shares[:0], shares[:0]))


def test_the_share_of_changed_acts_counts_whole_situations():
    before = np.array([[0, 1], [2, 3], [4, 5], [6, 7]])
    after = np.array([[0, 1], [3, 2], [4, 0], [6, 7]])
    assert measures.changed_share(before, after) == 0.5
    assert measures.changed_share(before[:, 0], after[:, 0]) == 0.25
    assert measures.changed_share(before, before) == 0.0
    assert math.isnan(measures.changed_share(before[:0], after[:0]))
    with pytest.raises(ValueError, match=r"one act a situation, got shapes \(4, 2\) and \(4,\)"):
        measures.changed_share(before, after[:, 0])


def test_a_listener_that_rolls_dice_changes_by_chance_as_stated():
    rng = np.random.default_rng(RNG)
    shares = np.array([0.7, 0.2, 0.1])
    rolled = rng.choice(3, (2, 20_000), p=shares)
    assert measures.changed_share(*rolled) == pytest.approx(1 - np.sum(shares**2), abs=0.01)
