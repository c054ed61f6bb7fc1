"""An archive of elites: of every way to behave, the fittest that was ever judged (MAP-Elites, Mouret and Clune 2015,
https://arxiv.org/abs/1504.04909).

The map has two axes, what is said and what is done. Departure: a boxling learns while it lives, so what is kept is a
copy of it as it was judged, the state of its optimiser included; and its fitness is what it earned then, among the
partners of that time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

NOBODY = -1  # in place of an id, where a cell is empty
INHERITED = "inherited."  # before the names of rows in a saved archive

# rows of all that a child inherits, by name, of the slots asked for (N,): (N, ...) each
Heritage = Callable[[np.ndarray], dict[str, np.ndarray]]


def behaviour_of(said_counts: np.ndarray, act_counts: np.ndarray) -> np.ndarray:
    """Where boxlings stand on the map: how varied is what each says, and what each does, (P, 2) float64 in [0, 1].

    `said_counts` (P, V) and `act_counts` (P, acts): how often each symbol was said, and each act done. Of both the
    effective number, 2 to the power of the entropy in bits: 0 where it is always the same one or none at all, 1 where
    all are equally frequent. Every scenario has both; where nobody listens, what is said may never change.

    >>> behaviour_of(np.array([[5, 5, 0], [9, 0, 0]]), np.array([[2, 2], [0, 0]])).tolist()
    [[0.5, 1.0], [0.0, 0.0]]
    """
    return np.stack([_variety(said_counts), _variety(act_counts)], axis=1)


def _variety(counts: np.ndarray) -> np.ndarray:
    """(effective number - 1) / (number - 1) of each row of counts (P, K), (P,) in [0, 1]; 0 where K is 1."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    bits = -(share * np.log2(share, where=share > 0, out=np.zeros(share.shape))).sum(axis=1)
    return np.clip((2.0**bits - 1) / max(counts.shape[1] - 1, 1), 0.0, 1.0)


class Archive:
    """A square map of `side` x `side` cells, each empty or held by one elite."""

    def __init__(self, side: int) -> None:
        self.side = side
        self.fitness = np.full(side * side, np.nan)  # nan where a cell is empty
        self.boxling = np.full(side * side, NOBODY, np.int64)  # id of whom it is a copy
        self.rows: dict[int, dict[str, np.ndarray]] = {}  # by cell: what a child of the elite inherits

    @property
    def filled(self) -> np.ndarray:
        """Cells that hold an elite, ascending, (C,) int64."""
        return np.flatnonzero(~np.isnan(self.fitness))

    def cell_of(self, behaviour: np.ndarray) -> np.ndarray:
        """The cell of each behaviour (P, 2) in [0, 1], (P,) int64."""
        place = np.minimum((behaviour * self.side).astype(np.int64), self.side - 1)
        return place[:, 0] * self.side + place[:, 1]

    def offer(self, fitness: np.ndarray, behaviour: np.ndarray, boxling: np.ndarray, heritage: Heritage) -> None:
        """Each boxling takes its cell if it is fitter than who holds it; never with a fitness that is not finite."""
        cell = self.cell_of(behaviour)
        finite = np.flatnonzero(np.isfinite(fitness))
        best_first = finite[np.lexsort((-fitness[finite], cell[finite]))]  # in each cell
        first = np.unique(cell[best_first], return_index=True)[1]
        winners = best_first[first]
        held = self.fitness[cell[winners]]
        winners = winners[np.isnan(held) | (fitness[winners] > held)]
        if not len(winners):
            return
        self.fitness[cell[winners]] = fitness[winners]
        self.boxling[cell[winners]] = boxling[winners]
        rows = heritage(winners)
        for n, place in enumerate(cell[winners].tolist()):
            self.rows[place] = {name: values[n].copy() for name, values in rows.items()}

    def inherited(self, cells: np.ndarray) -> dict[str, np.ndarray]:
        """What children of the elites of these cells (C,) inherit, (C, ...) each; nothing of no cells."""
        names = list(self.rows[int(cells[0])]) if len(cells) else []
        return {name: np.stack([self.rows[cell][name] for cell in cells.tolist()]) for name in names}

    def is_elite(self, behaviour: np.ndarray, boxling: np.ndarray) -> np.ndarray:
        """Which boxlings hold the cell in which they behave now, (P,) bool."""
        return self.boxling[self.cell_of(behaviour)] == boxling

    def measures(self) -> dict[str, float]:
        """How much of the map is known, and how good the elites were when they came; nan where there is none."""
        fitness = self.fitness[self.filled]
        return {
            "archive_cells_filled": float(len(fitness)),
            "archive_fitness_mean": float(fitness.mean()) if len(fitness) else float("nan"),
        }

    def state(self) -> dict[str, np.ndarray]:
        """All of it, as arrays for a checkpoint."""
        cells = self.filled
        inherited = {INHERITED + name: rows for name, rows in self.inherited(cells).items()}
        return {"cell": cells, "fitness": self.fitness[cells], "boxling": self.boxling[cells], **inherited}

    @staticmethod
    def restored(side: int, state: Mapping[str, np.ndarray]) -> Archive:
        """The archive that `state` was taken of."""
        archive = Archive(side)
        cells = state["cell"]
        archive.fitness[cells] = state["fitness"]
        archive.boxling[cells] = state["boxling"]
        names = [name.removeprefix(INHERITED) for name in state if name.startswith(INHERITED)]
        for n, cell in enumerate(cells.tolist()):
            archive.rows[cell] = {name: state[INHERITED + name][n].copy() for name in names}
        return archive
