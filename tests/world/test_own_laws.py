"""Laws of others: registered, applied, told, and held to what all laws keep to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from world import statics
from world.law_parameters import COLOUR, DIRECTION, Kind
from world.pairs import HELD_OUT_LAWS, TRAINED_LAWS, LawPairs
from world.statics import STATIC_LAWS, LawForm, StaticLaw
from world.testing import check_law


def darken(grid: np.ndarray, colour: int) -> np.ndarray:
    """Whatever is filled takes one colour."""
    return np.where(grid > 0, np.uint8(colour), grid)


DARKEN = LawForm({"colour": COLOUR}, False, "every grid", darken, lambda colour: f"Paint all in colour {colour}.")


@pytest.fixture
def own() -> Iterator[LawForm]:
    yield statics.register(DARKEN)
    statics.REGISTRY.remove("darken")


def test_a_law_of_ones_own_is_in_the_book(own: LawForm):
    law = StaticLaw.of("darken", colour=4)
    assert law.apply(np.array([[1, 0, 2]], np.uint8)).tolist() == [[4, 0, 4]]
    assert law.describe() == "Paint all in colour 4."
    assert StaticLaw.from_json(law.to_json()) == law
    assert law.recoloured([0, 2, 3, 4, 5, 6, 7, 8, 9, 1]).values == (5,)
    before, after, laws = LawPairs(laws=("darken",)).told(3)
    np.testing.assert_array_equal(laws[0].apply(before), after)
    with pytest.raises(ValueError, match="colour of darken must be one of"):
        StaticLaw.of("darken", colour=17)


def test_it_changes_nothing_for_those_who_do_not_ask_for_it(own: LawForm):
    assert "darken" not in STATIC_LAWS
    assert {*TRAINED_LAWS, *HELD_OUT_LAWS} == set(STATIC_LAWS)
    assert "darken" not in LawPairs().laws


def test_what_is_no_law_is_refused(own: LawForm):
    with pytest.raises(ValueError, match=r"must be a world\.statics\.LawForm, got function"):
        statics.register(darken)  # type: ignore[arg-type]

    def turn(grid: np.ndarray) -> np.ndarray:
        return grid

    with pytest.raises(ValueError, match="there is a law turn already"):
        statics.register(LawForm({}, False, "every grid", turn, lambda: "Nothing."))
    with pytest.raises(ValueError, match=r"a law must be one of .*darken, got 'nothing'"):
        StaticLaw.of("nothing")


@pytest.mark.parametrize("name", STATIC_LAWS)
def test_every_law_of_ours_keeps_the_contract(name: str):
    check_law(STATIC_LAWS[name])


def law(function: Callable, sentence: Callable = lambda *values: f"Law of {values}.", **kinds: Kind) -> LawForm:
    return LawForm(kinds, False, "every grid", function, sentence)


def spoiling(grid: np.ndarray) -> np.ndarray:
    grid[:] = 0
    return grid.copy()


@pytest.mark.parametrize(
    ("form", "phrase"),
    [
        (law(lambda grid: grid.copy()), "must change some"),
        (law(spoiling), "must be left as it is"),
        (law(lambda grid: grid[:1].copy()), "the size must stay"),
        (law(lambda grid: grid / 2), "must give an array of colours, got float64"),
        (law(lambda grid: np.roll(grid, 1, axis=1)), "must give the result after it"),
        (law(lambda grid: np.where(grid == 1, np.uint8(2), grid)), "renamed colours"),
        (law(lambda grid: np.random.randint(1, 10, grid.shape, np.uint8)), "the same grid"),  # noqa: NPY002
        (law(lambda grid, way: 0 * grid, lambda way: "The same.", way=DIRECTION), "different sentences"),
    ],
)
def test_a_broken_law_is_told_what_it_breaks(form: LawForm, phrase: str):
    with pytest.raises(AssertionError, match=phrase):
        check_law(form)
    check_law(DARKEN)
