"""The arithmetic coder gives back what it was told, in as many bits as the probabilities say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from world.arithmetic import MAX_LIMIT, Reader, Writer

answers = st.tuples(st.booleans(), st.floats(0, 1, allow_subnormal=False)) | st.integers(1, MAX_LIMIT).flatmap(
    lambda limit: st.tuples(st.integers(0, limit - 1), st.just(limit))
)


@settings(max_examples=300, deadline=None)
@given(st.lists(answers, max_size=200))
def test_what_was_written_is_read(told: list[tuple]):
    writer = Writer()
    for value, by in told:
        writer.bit(value, by) if isinstance(value, bool) else writer.number(value, by)
    reader = Reader(writer.finish())
    for value, by in told:
        assert (reader.bit(None, by) if isinstance(value, bool) else reader.number(None, by)) == value
    reader.finish()


def test_the_length_is_that_of_the_probabilities():
    rng = np.random.default_rng(0)
    writer = Writer()
    bits = 0.0
    for _ in range(20_000):
        probability = float(rng.uniform(0.01, 0.99))
        value = bool(rng.random() < probability)
        writer.bit(value, probability)
        bits -= math.log2(probability if value else 1 - probability)
        limit = int(rng.integers(1, 1000))
        writer.number(int(rng.integers(limit)), limit)
        bits += math.log2(limit)
    # probabilities are rounded to 2^-16, and the end takes two bits and what fills the last byte
    assert bits - 1 < 8 * len(writer.finish()) < bits * 1.0003 + 10


def test_certainty_is_never_free():
    writer = Writer()
    for _ in range(100_000):
        writer.bit(True, 1.0)
    assert 100_000 / 4096 < 8 * len(writer.finish()) < 2 * 100_000 / 4096


def test_too_few_and_too_many_bytes_are_refused():
    writer = Writer()
    for value in range(100):
        writer.number(value, 100)
    data = writer.finish()
    for cut in (0, 10, len(data) - 5):
        reader = Reader(data[:cut])
        with pytest.raises(ValueError, match=f"the {cut} bytes end before the code does"):
            [reader.number(None, 100) for _ in range(100)]
    reader = Reader(data + b"x")
    assert [reader.number(None, 100) for _ in range(100)] == list(range(100))
    with pytest.raises(ValueError, match=f"the code takes {len(data)} bytes, got {len(data) + 1}"):
        reader.finish()


@pytest.mark.parametrize(("value", "limit"), [(3, 3), (-1, 3), (None, 3), (0, 0), (0, MAX_LIMIT + 1)])
def test_numbers_beyond_their_limit_are_refused(value: int | None, limit: int):
    with pytest.raises(ValueError, match="must be in"):
        Writer().number(value, limit)
