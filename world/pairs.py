"""Random pairs of grids: what one or two static laws make of boxes, rings and cells that are strewn over a grid.

Pair number n is the same bytes on every machine: all chance is that of `world.chance`. `pairs_of` has the pairs of each
split; which laws, and which two in a row, are never trained on is decided by a hash (`world.splits`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from world.chance import below, start_states
from world.checks import whole_number
from world.compiling import njit
from world.law_parameters import NUM_COLOURS, Kind, Value
from world.splits import COMPOSITIONS, FAMILIES, PARAMETERS, SEEDS, TRAIN, part
from world.statics import MAX_SIDE_CELLS, REGISTRY, STATIC_LAWS, LawDoesNotApply, StaticLaw

_TRIES_OF_A_LAW = 20  # then another one
_TRIES = 1000
_MAX_COLOURS, _MAX_BOXES, _MAX_BOX_CELLS, _MAX_SINGLES = 4, 5, 5, 6


@dataclass(frozen=True)
class LawPairs:
    """From the number of a pair to the grids before and after a law, each (H, W) uint8; they are never equal.

    >>> before, after = LawPairs(laws=("turn",))(7)
    >>> sorted(before.shape) == sorted(after.shape)
    True
    """

    min_side_cells: int = 3  # of the grid before; each side is drawn evenly
    max_side_cells: int = 10
    laws: tuple[str | tuple[str, ...], ...] = tuple(STATIC_LAWS)  # or several in a row; drawn evenly, if they change it
    purpose: str = "pairs"  # other pairs of the same kind have another one

    def __post_init__(self) -> None:
        for name, low, high in (
            ("min_side_cells", 1, MAX_SIDE_CELLS),
            ("max_side_cells", self.min_side_cells, MAX_SIDE_CELLS),
        ):
            whole_number(name, getattr(self, name), low, high)
        wrong = [law for chain in self.laws for law in _as_chain(chain) if law not in REGISTRY.names()]
        if wrong or not self.laws:
            raise ValueError(
                f"laws must be some of {', '.join(REGISTRY.names())}, got {wrong[0] if wrong else 'none'!r}"
            )

    def __call__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Pair number `number`; ValueError if chance finds no law that changes such a grid."""
        before, after, _ = self.told(number)
        return before, after

    def told(self, number: int) -> tuple[np.ndarray, np.ndarray, tuple[StaticLaw, ...]]:
        """The same, with the laws that led from one to the other."""
        whole_number("number", number, 0, 2**63 - 1)
        state = start_states(np.array([number]), self.purpose)
        num_sides = self.max_side_cells - self.min_side_cells + 1
        for _ in range(_TRIES // _TRIES_OF_A_LAW):
            chain = _as_chain(self.laws[below(state, len(self.laws))])
            for _ in range(_TRIES_OF_A_LAW):
                sides = self.min_side_cells + below(state, num_sides), self.min_side_cells + below(state, num_sides)
                before = np.zeros(sides, np.uint8)
                _strew(state, before)
                grids, laws = [before], []
                for name in chain:
                    law = StaticLaw(name, tuple(_drawn(kind, state) for kind in REGISTRY.get(name).parameters.values()))
                    try:
                        grids.append(law.apply(grids[-1]))
                        laws.append(law)
                    except LawDoesNotApply:
                        break
                # every law of a chain does something, and none undoes what the one before did
                if len(grids) > len(chain) and not any(
                    np.array_equal(*pair) for pair in (*pairwise(grids), (grids[0], grids[-1]))
                ):
                    return before, grids[-1], tuple(laws)
        raise ValueError(f"pair number {number} cannot be made: in {_TRIES} tries {self} changed no grid")


_NUM_HELD_OUT_LAWS, _HELD_OUT_SHARE_OF_CHAINS = 4, 1 / 3
TRAINED_LAWS, HELD_OUT_LAWS = part(tuple(STATIC_LAWS), _NUM_HELD_OUT_LAWS, "pairs", "laws")
# both orders of two laws are on one side: often they come to the same
_TWOS = tuple(combinations(TRAINED_LAWS, 2))
_TRAINED_TWOS, _HELD_OUT_TWOS = part(_TWOS, round(len(_TWOS) * _HELD_OUT_SHARE_OF_CHAINS), "pairs", "chains")
TRAINED_CHAINS, HELD_OUT_CHAINS = (
    tuple(chain for first, second in twos for chain in ((first, second), (second, first)))
    for twos in (_TRAINED_TWOS, _HELD_OUT_TWOS)
)
_OF_SPLIT: dict[str, dict[str, Any]] = {
    TRAIN: {"laws": TRAINED_LAWS + TRAINED_CHAINS},
    SEEDS: {"laws": TRAINED_LAWS + TRAINED_CHAINS},
    COMPOSITIONS: {"laws": HELD_OUT_CHAINS},
    PARAMETERS: {"laws": TRAINED_LAWS + TRAINED_CHAINS, "min_side_cells": 17, "max_side_cells": MAX_SIDE_CELLS},
    FAMILIES: {"laws": HELD_OUT_LAWS},
}


def pairs_of(split: str) -> LawPairs:
    """The pairs of a split of `world.splits`: "held-out" has two laws in a row that are trained on, but not together.

    Larger grids are the parameter, laws the family. ValueError for another split.
    """
    if split not in _OF_SPLIT:
        raise ValueError(f"split must be one of {', '.join(_OF_SPLIT)}, got {split!r}")
    return LawPairs(**_OF_SPLIT[split], purpose=f"pairs/{split}")


def _as_chain(laws: str | tuple[str, ...]) -> tuple[str, ...]:
    return (laws,) if isinstance(laws, str) else laws


def _drawn(kind: Kind, state: np.ndarray) -> Value:
    """A random value: first a group, as `Kind.draw`, which takes another generator."""
    group = kind.groups[below(state, len(kind.groups))]
    return group[below(state, len(group))]


@njit(cache=True)
def _strew(state, grid):
    """Boxes, rings and single cells of a few colours on an empty grid; at least one cell is filled."""
    height, width = grid.shape
    palette = np.empty(_MAX_COLOURS, np.uint8)
    for k in range(_MAX_COLOURS):
        palette[k] = 1 + below(state, NUM_COLOURS - 1)
    num_colours = 1 + below(state, _MAX_COLOURS)
    num_boxes = below(state, _MAX_BOXES + 1)
    for k in range(num_boxes + 1 + below(state, _MAX_SINGLES)):
        longest = _MAX_BOX_CELLS if k < num_boxes else 1
        rows, columns = 1 + below(state, min(longest, height)), 1 + below(state, min(longest, width))
        top, left = below(state, height - rows + 1), below(state, width - columns + 1)
        colour = palette[below(state, num_colours)]
        is_ring = below(state, 3) == 0
        for i in range(rows):
            for j in range(columns):
                if not is_ring or i == 0 or j == 0 or i == rows - 1 or j == columns - 1:
                    grid[top + i, left + j] = colour
