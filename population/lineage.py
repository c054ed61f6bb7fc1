"""Lineage: who a boxling is, where it comes from, and who is related to whom.

Ids are given in the order of birth, so that parents have smaller ids than their children. Whatever is asked of a
lineage is answered by passes over arrays in that order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

NO_MOTHER = -1
NO_FATHER = -1


@dataclass(frozen=True)
class Birth:
    """Facts of a boxling's birth, which never change."""

    boxling: int  # id, never reused within a run
    mother: int  # id, NO_MOTHER for founders and whoever is drawn anew
    birth_generation: int
    origin: str  # founder; seed: from another run; mutant; newborn: has to learn the language; drawn: inherits nothing
    father: int = NO_FATHER  # id of a second parent


ORIGINS = ("founder", "seed", "mutant", "newborn", "drawn", "language-model")


class Lineage:
    """All births of a run, N of them, in the order of their ids.

    A founder is who has no mother, or one whose own birth is not among these. `both` asks for fathers besides mothers.

    >>> family = Lineage([1, 2, 3, 4, 5], mothers=[-1, -1, 1, 3, 1], fathers=[-1, -1, -1, 2, -1])
    >>> family.ancestors(4).tolist(), family.ancestors(4, both=True).tolist()
    ([4, 3, 1], [4, 3, 2, 1])
    >>> family.descendants(1).tolist(), family.clans().tolist()
    ([3, 4, 5], [1, 2, 1, 1, 1])
    >>> family.common_ancestor(4, 5), family.generations_between(4, 5), family.common_ancestor(4, 2)
    (1, 3, None)
    """

    def __init__(
        self,
        boxlings: Sequence[int] | np.ndarray,
        mothers: Sequence[int] | np.ndarray,
        fathers: Sequence[int] | np.ndarray | None = None,
        birth_generations: Sequence[int] | np.ndarray | None = None,
        origins: Sequence[str] | np.ndarray | None = None,
    ) -> None:
        num_births = len(boxlings)

        def column(name: str, values: Any, dtype: Any, unknown: Any) -> np.ndarray:
            array = np.full(num_births, unknown, dtype) if values is None else np.asarray(values, dtype)
            if array.shape != (num_births,):
                raise ValueError(f"{name} must be one for each of {num_births} boxlings, got shape {array.shape}")
            return array[order]

        order = np.argsort(np.asarray(boxlings, np.int64), kind="stable")
        self.boxlings = column("boxlings", boxlings, np.int64, None)  # (N,) ids, ascending
        self.mothers = column("mothers", mothers, np.int64, None)  # (N,) ids, NO_MOTHER for none
        self.fathers = column("fathers", fathers, np.int64, NO_FATHER)  # (N,) ids, NO_FATHER for none
        self.birth_generations = column("birth_generations", birth_generations, np.int64, 0)  # (N,)
        self.origins = column("origins", origins, object, "")  # (N,) of ORIGINS
        if len(twice := self.boxlings[1:][self.boxlings[1:] == self.boxlings[:-1]]):
            raise ValueError(f"a boxling must be born once, got boxling {twice[0]} twice")
        for parents, what in ((self.mothers, "mother"), (self.fathers, "father")):
            if len(wrong := np.flatnonzero(parents >= self.boxlings)):
                child, parent = self.boxlings[wrong[0]], parents[wrong[0]]
                raise ValueError(f"a {what} must have a smaller id than its child, got {what} {parent} of {child}")

    @classmethod
    def of_births(cls, births: Sequence[Birth]) -> Lineage:
        """The lineage of these births, in any order."""
        return cls(
            [birth.boxling for birth in births],
            [birth.mother for birth in births],
            [birth.father for birth in births],
            [birth.birth_generation for birth in births],
            [birth.origin for birth in births],
        )

    def __len__(self) -> int:
        return len(self.boxlings)

    def birth(self, boxling: int) -> Birth:
        """How a boxling was born; ValueError for one that was not."""
        row = self._row(boxling)
        return Birth(
            int(self.boxlings[row]), int(self.mothers[row]), int(self.birth_generations[row]), str(self.origins[row]),
            int(self.fathers[row]),
        )  # fmt: skip

    def ancestors(self, boxling: int, both: bool = False) -> np.ndarray:
        """Ids of a boxling, its mother, hers, ... to its founder; of `both` parents and all of theirs, youngest first.

        The boxling itself comes first.
        """
        line = self._line(boxling) if not both else self._reached(boxling, self._parents)[::-1]
        return self.boxlings[line]

    def descendants(self, boxling: int, both: bool = False) -> np.ndarray:
        """Ids of a boxling's daughters and theirs, the oldest first, without itself; of `both`: as mother or father."""
        return self.boxlings[self._reached(boxling, self._children[1 if both else 0])[1:]]

    def clans(self) -> np.ndarray:
        """The founder of each boxling's line of mothers, (N,) ids in the order of `boxlings`."""
        row = np.arange(len(self))
        founder = np.where(self._mother_row < 0, row, self._mother_row)
        while len(row):
            further = founder[founder]  # twice as far up in each round
            if np.array_equal(further, founder):
                break
            founder = further
        return self.boxlings[founder]

    def common_ancestor(self, one: int, other: int, both: bool = False) -> int | None:
        """Id of the youngest boxling that is of both lines, one of the two included; None if there is none."""
        shared = np.intersect1d(self.ancestors(one, both), self.ancestors(other, both))
        return int(shared[-1]) if len(shared) else None

    def generations_between(self, one: int, other: int) -> int | None:
        """Births from one to the other through the lines of mothers: 1 to a daughter, 2 to a sister; None if unrelated.

        >>> Lineage([1, 2, 3], mothers=[-1, 1, 1]).generations_between(2, 3)
        2
        """
        shared = self.common_ancestor(one, other)
        if shared is None:
            return None
        return sum(int(np.flatnonzero(self.ancestors(each) == shared)[0]) for each in (one, other))

    # ---- rows of these arrays ----

    def _row(self, boxling: int) -> int:
        row = int(np.searchsorted(self.boxlings, boxling))
        if row == len(self) or self.boxlings[row] != boxling:
            known = f"{self.boxlings[0]} to {self.boxlings[-1]}" if len(self) else "nobody"
            raise ValueError(f"boxling must be one that was born, {known}, got {boxling}")
        return row

    def _rows_of(self, ids: np.ndarray) -> np.ndarray:
        """Rows of ids, -1 where there is none."""
        if not len(self):
            return np.zeros(0, np.int64)
        rows = np.minimum(np.searchsorted(self.boxlings, ids), len(self) - 1)
        return np.where(self.boxlings[rows] == ids, rows, -1)

    @cached_property
    def _mother_row(self) -> np.ndarray:
        return self._rows_of(self.mothers)

    @cached_property
    def _parents(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the parents of each row begin in what comes second, (N + 1,), and the rows of parents."""
        pairs = np.stack([self._mother_row, self._rows_of(self.fathers)], axis=1)
        is_known = pairs >= 0
        return np.concatenate([[0], is_known.sum(axis=1).cumsum()]), pairs[is_known]

    @cached_property
    def _children(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The same for the children of mothers, and for those of mothers and fathers."""
        found = []
        for parents in ([self._mother_row], [self._mother_row, self._rows_of(self.fathers)]):
            parent = np.concatenate(parents)
            child = np.tile(np.arange(len(self)), len(parents))[parent >= 0]
            parent = parent[parent >= 0]
            starts = np.concatenate([[0], np.bincount(parent, minlength=len(self)).cumsum()])
            found.append((starts, child[np.argsort(parent, kind="stable")]))
        return found

    def _line(self, boxling: int) -> list[int]:
        row, line = self._row(boxling), []
        while row >= 0:
            line.append(row)
            row = int(self._mother_row[row])
        return line

    def _reached(self, boxling: int, links: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Rows that are reached from a boxling over links, itself among them, ascending."""
        starts, linked = links
        is_reached = np.zeros(len(self), bool)
        new = np.array([self._row(boxling)])
        while len(new):
            is_reached[new] = True
            lengths = starts[new + 1] - starts[new]
            # the links of each of these rows, side by side
            place = np.repeat(starts[new] - np.concatenate([[0], lengths.cumsum()[:-1]]), lengths)
            new = np.unique(linked[place + np.arange(lengths.sum())])
            new = new[~is_reached[new]]
        return np.flatnonzero(is_reached)
