"""The record of an interaction: what it counts, how it is joined, and what it refuses to mix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from language.interaction import Interaction


def an_interaction(speaker: int = 0, listener: int = 1, wrong: int = 0, **changes: object) -> Interaction:
    """Four meanings of two attributes, said compositionally; the first `wrong` are misunderstood in attribute 1."""
    meanings = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    answers = meanings.copy()
    answers[:wrong, 1] = 1 - answers[:wrong, 1]
    return replace(
        Interaction(
            scenario="describe:2x2",
            split="train",
            channel="on",
            num_symbols=4,
            speakers=np.full(4, speaker),
            listeners=np.full(4, listener),
            meanings=meanings,
            messages=meanings + np.array([1, 3]),
            answers=answers,
        ),
        **changes,
    )


def test_success_is_the_share_of_rows_that_are_right_in_every_attribute():
    talk = an_interaction(wrong=1)
    assert talk.is_right.tolist() == [False, True, True, True]
    assert talk.success == 0.75
    assert talk.success_by_attribute.tolist() == [1.0, 0.75]
    nothing = talk.take(np.zeros(4, bool))
    assert len(nothing) == 0
    assert np.isnan(nothing.success)
    assert np.isnan(nothing.success_by_attribute).all()


def test_records_of_the_same_circumstances_concatenate_row_by_row():
    parts = [an_interaction(0, 1), an_interaction(1, 0, wrong=2), an_interaction(2, 0, wrong=4)]
    whole = Interaction.concatenate(parts)
    assert len(whole) == 12
    assert whole.success == (4 + 2 + 0) / 12
    for n, part in enumerate(parts):
        again = whole.take(np.arange(4 * n, 4 * n + 4))
        for name in ("speakers", "listeners", "meanings", "messages", "answers"):
            np.testing.assert_array_equal(getattr(again, name), getattr(part, name))
    parts[0].messages[:] = 4
    assert whole.messages.max() == 4
    assert whole.messages[0].tolist() == [1, 3]  # it was copied


@pytest.mark.parametrize(
    ("name", "value"), [("scenario", "guide"), ("split", "held-out"), ("channel", "shuffle"), ("num_symbols", 5)]
)
def test_records_of_other_circumstances_refuse_to_mix(name: str, value: object):
    with pytest.raises(ValueError, match=f"interactions of different {name} do not mix: got .* and {value!r}"):
        Interaction.concatenate([an_interaction(), an_interaction(**{name: value})])


def test_records_of_other_sizes_refuse_to_mix():
    longer = an_interaction(messages=np.ones((4, 3), int))
    with pytest.raises(ValueError, match="different sizes do not mix: messages have 2 and 3 columns"):
        Interaction.concatenate([an_interaction(), longer])
    with pytest.raises(ValueError, match="at least one interaction to concatenate, got none"):
        Interaction.concatenate([])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"messages": np.zeros((4, 2))}, "messages must be an integer array with 2 axes, got float64 of shape"),
        ({"speakers": np.zeros((4, 1), int)}, "speakers must be an integer array with 1 axes, got int64 of shape"),
        ({"answers": [[0, 0]] * 4}, "answers must be an integer array with 2 axes, got list"),
        ({"listeners": np.zeros(3, int)}, "listeners must have 4 rows as speakers has, got 3"),
        ({"answers": np.zeros((4, 3), int)}, r"answers must have the shape of meanings, \(4, 2\), got \(4, 3\)"),
        ({"messages": np.full((4, 2), 5)}, r"symbols must be in 0..4, got 5..5"),
        ({"messages": np.full((4, 2), -1)}, r"symbols must be in 0..4, got -1..-1"),
    ],
)
def test_a_record_that_does_not_fit_together_is_refused(changes: dict, told: str):
    with pytest.raises(ValueError, match=told):
        an_interaction(**changes)


def test_the_language_of_a_speaker_is_what_it_said_to_anybody():
    whole = Interaction.concatenate([an_interaction(7, 1), an_interaction(7, 2, wrong=3), an_interaction(8, 1)])
    meanings, messages = whole.said_by(7)
    np.testing.assert_array_equal(meanings, [[0, 0], [0, 1], [1, 0], [1, 1]])
    np.testing.assert_array_equal(messages, [[1, 3], [1, 4], [2, 3], [2, 4]])
    other = an_interaction(7, 3, messages=np.ones((4, 2), int))
    with pytest.raises(ValueError, match="speaker 7 has several messages for one meaning"):
        Interaction.concatenate([whole, other]).said_by(7)


def test_the_pair_matrix_holds_every_speaker_with_every_listener_it_met():
    whole = Interaction.concatenate(
        [an_interaction(3, 5, wrong=1), an_interaction(3, 9), an_interaction(4, 9, wrong=4)]
    )
    speakers, listeners, matrix = whole.pair_matrix()
    assert speakers.tolist() == [3, 4]
    assert listeners.tolist() == [5, 9]
    np.testing.assert_array_equal(matrix, [[0.75, 1.0], [np.nan, 0.0]])
