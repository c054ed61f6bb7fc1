"""Names of symbols, and what they mean."""

import itertools
import re
from dataclasses import dataclass

import numpy as np
import pytest

from language import vocabulary


@dataclass(frozen=True)
class Attribute:
    name: str
    values: tuple[str, ...]


ATTRIBUTES = (Attribute("colour", ("red", "green", "blue")), Attribute("shape", ("dot", "bar")))
GRID = np.array(list(itertools.product(range(3), range(2))))


def test_every_symbol_has_its_own_pronounceable_name():
    names = [vocabulary.symbol_name(symbol) for symbol in range(1, 201)]
    assert names[:2] == ["ba", "be"]
    assert len(set(names)) == 200
    assert all(re.fullmatch("[aeiou][^aeiou]|[^aeiou][aeiou]", name) and name.isalpha() for name in names)
    assert vocabulary.symbol_name(np.int16(0)) == "_"


@pytest.mark.parametrize("symbol", [-1, vocabulary.MAX_SYMBOLS + 1])
def test_a_symbol_without_a_name_is_refused(symbol):
    with pytest.raises(ValueError, match=rf"must be in 0\.\.210, got {symbol}"):
        vocabulary.symbol_name(symbol)


def test_the_lexicon_of_a_compositional_language_is_its_dictionary():
    messages = np.stack([GRID[:, 1] + 1, GRID[:, 0] + 3], axis=1)  # shape first, then colour
    rows = vocabulary.lexicon_of(GRID, messages, ATTRIBUTES)
    assert [(row["position"], row["symbol"], row["name"], row["attribute"], row["value"]) for row in rows] == [
        (0, 1, "ba", "shape", "dot"),
        (0, 2, "be", "shape", "bar"),
        (1, 3, "bi", "colour", "red"),
        (1, 4, "bo", "colour", "green"),
        (1, 5, "bu", "colour", "blue"),
    ]
    assert all(row["probability"] == 1.0 for row in rows)
    assert [row["count"] for row in rows] == [3, 3, 2, 2, 2]
    assert rows[0]["information_bits"] == pytest.approx(1.0)
    assert rows[2]["information_bits"] == pytest.approx(np.log2(3))


def test_a_symbol_of_several_values_shows_the_most_probable_one():
    meanings = np.array([[0, 0]] * 3 + [[1, 0]] * 2 + [[2, 0]] * 5)
    messages = np.array([[7]] * 5 + [[0]] * 5)
    rows = vocabulary.lexicon_of(meanings, messages, ATTRIBUTES)
    assert [(row["name"], row["value"], row["probability"], row["count"]) for row in rows] == [
        ("_", "blue", 1.0, 5),
        (vocabulary.symbol_name(7), "red", 0.6, 5),
    ]


def test_a_constant_position_tells_nothing():
    (row,) = vocabulary.lexicon_of(GRID, np.ones((6, 1), int), ATTRIBUTES)
    assert row["information_bits"] == 0.0
    assert row["probability"] == pytest.approx(1 / 3)


def test_renaming_symbols_renames_the_lexicon_and_nothing_else():
    rng = np.random.default_rng(0)
    messages = rng.integers(1, 5, (6, 3))
    names = np.concatenate([[0], 5 - np.arange(1, 5)])
    before = vocabulary.lexicon_of(GRID, messages, ATTRIBUTES)
    after = vocabulary.lexicon_of(GRID, names[messages], ATTRIBUTES)
    renamed = [{**row, "symbol": int(names[row["symbol"]])} for row in after]
    key = ("position", "symbol", "attribute", "value", "probability", "count", "information_bits")
    assert sorted([row[k] for k in key] for row in renamed) == sorted([row[k] for k in key] for row in before)


def test_no_meanings_give_no_rows():
    assert vocabulary.lexicon_of(GRID[:0], np.zeros((0, 2), int), ATTRIBUTES) == []


def test_a_lexicon_of_things_that_do_not_fit_is_refused():
    with pytest.raises(ValueError, match="2 meaning columns needs its attribute, got 1"):
        vocabulary.lexicon_of(GRID, GRID, ATTRIBUTES[:1])
    with pytest.raises(ValueError, match=r"values of colour must be in 0\.\.2, got -1\.\.1"):
        vocabulary.lexicon_of(GRID - [1, 0], GRID, ATTRIBUTES)
    with pytest.raises(ValueError, match=r"\(6, 2\) and \(5, 2\)"):
        vocabulary.lexicon_of(GRID, GRID[:5], ATTRIBUTES)
