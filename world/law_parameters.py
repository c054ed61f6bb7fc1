"""Parameters of static laws: their ranges, how they turn and take new colours, and words for their values.

All ranges are finite, so that a law can be drawn, checked and told. Each range is closed under the eight symmetries
and under the renaming of colours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from world.codes import COLOUR_NAMES
from world.symmetry import STEPS, SYMMETRIES, compose, inverse, swaps_axes, turn_direction

NUM_COLOURS = 10  # 0 is empty

Value = Any  # a plain value: int, bool, str, or a tuple of them; Kind says which


def key_of(value: Value) -> str:
    """What two values have in common if they are the same: 1 is not True, and a list of JSON is a tuple."""
    return json.dumps(value, default=repr)


@dataclass(frozen=True, eq=False)
class Kind:
    """What a parameter may be, in groups that are drawn equally often, and how it turns and takes new colours."""

    groups: tuple[tuple[Value, ...], ...]
    turn: Callable[[Value, str], Value] = lambda value, symmetry: value
    recolour: Callable[[Value, Sequence[int]], Value] = lambda value, permutation: value

    @property
    def values(self) -> tuple[Value, ...]:
        """Every value that the parameter may have."""
        return tuple(value for group in self.groups for value in group)

    def draw(self, rng: np.random.Generator) -> Value:
        """A random value."""
        group = self.groups[rng.integers(len(self.groups))]
        return group[rng.integers(len(group))]


def _turn_symmetry(value: str, symmetry: str) -> str:
    return compose(symmetry, compose(value, inverse(symmetry)))


def _turn_symmetries(values: tuple[str, ...], symmetry: str) -> tuple[str, ...]:
    return tuple(sorted((_turn_symmetry(value, symmetry) for value in values), key=list(SYMMETRIES).index))


def _turn_directions(directions: tuple[str, ...], symmetry: str) -> tuple[str, ...]:
    return tuple(sorted((turn_direction(value, symmetry) for value in directions), key=list(STEPS).index))


def _swap_names(one: str, other: str) -> Callable[[str, str], str]:
    """The turn of a name that has a counterpart along the other axis."""
    counterpart = {one: other, other: one}
    return lambda value, symmetry: counterpart.get(value, value) if swaps_axes(symmetry) else value


_turn_measure = _swap_names("height", "width")

_COLOURS = tuple(range(1, NUM_COLOURS))
_STRAIGHT, _DIAGONAL = tuple(STEPS)[:4], tuple(STEPS)[4:]
_ANSWERS = (True, False)
WORDS_OF_MIRRORS = {  # the symmetries that a completed pattern has, besides the identity, and what they are called
    ("mirror_left_right",): "left-right mirror symmetry",
    ("mirror_up_down",): "up-down mirror symmetry",
    ("mirror_diagonal",): "mirror symmetry about the diagonal from the upper left",
    ("mirror_antidiagonal",): "mirror symmetry about the diagonal from the upper right",
    ("turn_around",): "symmetry under a half turn",
    ("turn_right", "turn_around", "turn_left"): "symmetry under quarter turns",
    ("turn_around", "mirror_left_right", "mirror_up_down"): "left-right and up-down mirror symmetry",
    ("turn_around", "mirror_diagonal", "mirror_antidiagonal"): "mirror symmetry about both diagonals",
    tuple(SYMMETRIES)[1:]: "all eight symmetries of a square",
}
_PROPERTY_VALUES: dict[str, tuple[Value, ...]] = {
    "size": tuple(range(1, 13)),
    "size_at_least": tuple(range(2, 13)),
    "size_rank": ("largest", "smallest"),
    "holes": tuple(range(4)),
    "symmetric": _ANSWERS,
    "rectangle": _ANSWERS,
    "touches_border": _ANSWERS,
    "unique_shape": _ANSWERS,
    "colour": _COLOURS,
    "height": tuple(range(1, 9)),
    "width": tuple(range(1, 9)),
}

COLOUR = Kind((_COLOURS,), recolour=lambda colour, permutation: permutation[colour])
FLAG = Kind((_ANSWERS,))
CONNECTIVITY = Kind(((4, 8),))
SYMMETRY = Kind((tuple(SYMMETRIES)[1:],), turn=_turn_symmetry)
MIRRORS = Kind((tuple(WORDS_OF_MIRRORS),), turn=_turn_symmetries)
STRAIGHT_DIRECTION = Kind((_STRAIGHT,), turn=turn_direction)
DIRECTION = Kind((_STRAIGHT, _DIAGONAL), turn=turn_direction)
CORNER = Kind((_DIAGONAL,), turn=turn_direction)
DIRECTIONS = Kind(
    (
        tuple((direction,) for direction in _STRAIGHT),
        tuple((direction,) for direction in _DIAGONAL),
        (("up", "down"), ("left", "right"), ("up_left", "down_right"), ("up_right", "down_left")),
        (_STRAIGHT, _DIAGONAL, tuple(STEPS)),
    ),
    turn=_turn_directions,
)
AXIS = Kind((("left_right", "up_down"),), turn=_swap_names("left_right", "up_down"))
TIMES = Kind(  # (down, across)
    (tuple((down, across) for down in range(1, 6) for across in range(1, 6) if (down, across) != (1, 1)),),
    turn=lambda value, symmetry: value[::-1] if swaps_axes(symmetry) else value,
)
GAP = Kind((tuple(range(4)),))
BARS = Kind(  # (where a bar grows, on which side the longest bar lies)
    (tuple((turn_direction("right", symmetry), turn_direction("up", symmetry)) for symmetry in SYMMETRIES),),
    turn=lambda value, symmetry: tuple(turn_direction(direction, symmetry) for direction in value),
)
WHICH = Kind(
    tuple(tuple((name, value) for value in values) for name, values in _PROPERTY_VALUES.items()),
    turn=lambda value, symmetry: (_turn_measure(value[0], symmetry), value[1]),
    recolour=lambda value, permutation: (value[0], permutation[value[1]]) if value[0] == "colour" else value,
)


# ---------------------------------------------------------------- words


WORDS_OF_CORNER = {
    "up_left": "upper left",
    "up_right": "upper right",
    "down_left": "lower left",
    "down_right": "lower right",
}
_WORDS_OF_DIRECTION = {"up": "up", "down": "down", "left": "to the left", "right": "to the right"} | {
    direction: f"diagonally to the {words}" for direction, words in WORDS_OF_CORNER.items()
}
WORDS_OF_SIDE = {"up": "at the top", "down": "at the bottom", "left": "at the left", "right": "at the right"}
WORDS_OF_SYMMETRY = {
    "turn_right": "Turn the grid a quarter turn to the right.",
    "turn_around": "Turn the grid by half a turn.",
    "turn_left": "Turn the grid a quarter turn to the left.",
    "mirror_left_right": "Mirror the grid left to right.",
    "mirror_up_down": "Mirror the grid top to bottom.",
    "mirror_diagonal": "Mirror the grid about the diagonal from the upper left, so that rows become columns.",
    "mirror_antidiagonal": "Mirror the grid about the diagonal from the upper right, so that rows become columns.",
}
WORDS_OF_CONNECTIVITY = {4: "sides", 8: "sides or corners"}
WORDS_OF_HALF = {"left": "left half", "right": "right half", "up": "upper half", "down": "lower half"}
WORDS_OF_PROPERTY: dict[str, Callable[[Value], str]] = {
    "size": lambda cells: f"of exactly {number_of(cells, 'cell')}",
    "size_at_least": lambda cells: f"of {cells} or more cells",
    "size_rank": lambda rank: f"of the {rank} size on the grid",
    "holes": lambda count: f"with exactly {number_of(count, 'hole')}" if count else "without a hole",
    "symmetric": lambda answer: f"{'with' if answer else 'without'} left-right or up-down mirror symmetry",
    "rectangle": lambda answer: f"{'' if answer else 'not '}in the form of a full rectangle",
    "touches_border": lambda answer: f"{'' if answer else 'not '}touching the border of the grid",
    "unique_shape": lambda answer: f"of a shape that {'no other object' if answer else 'another object also'} has",
    "colour": lambda colour: f"of the colour {COLOUR_NAMES[colour]}",
    "height": lambda rows: f"exactly {number_of(rows, 'row')} high",
    "width": lambda columns: f"exactly {number_of(columns, 'column')} wide",
}


def number_of(number: int, noun: str) -> str:
    """A number with its noun: 1 cell, 2 cells."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(directions: Sequence[str]) -> str:
    """Where directions of STEPS lead: up, down, to the left and to the right."""
    if len(directions) == len(STEPS):
        return "in all eight directions"
    words = [_WORDS_OF_DIRECTION[direction] for direction in directions]
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


def object_words(which: tuple[str, Value]) -> str:
    """An object with a property: a name of PROPERTIES and a value."""
    return f"object {WORDS_OF_PROPERTY[which[0]](which[1])}"


def joined_words(connectivity: int) -> str:
    """What an object is, as a clause."""
    return f"objects are cells of one colour joined by {WORDS_OF_CONNECTIVITY[connectivity]}"
