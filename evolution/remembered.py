"""An episode of everybody who lives, and of everybody whom they descend from: so that a family can be watched.

Ancestors are those through mothers. Of a population that is selected all lines but one soon end, so that they are few:
about as many as the living, and those of one line back to its founder. Only what was said and done is kept, since all
else of a world follows from that and its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evolution.live import Rollout
from world.splits import TRAIN

_STATE = "remembered."


@dataclass(frozen=True)
class Remembered:
    """N episodes, each led by another boxling; T steps, of which only the first `num_steps` were played."""

    boxling: np.ndarray  # (N,) int64 ids
    mother: np.ndarray  # (N,) int64 ids, -1 for none
    generation: np.ndarray  # (N,) int64
    world_number: np.ndarray  # (N,) int64
    boxlings: np.ndarray  # (N, A) int64 ids of all who took part
    num_steps: np.ndarray  # (N,) int64
    is_won: np.ndarray  # (N,) bool
    actions: np.ndarray  # (N, T, A) int8
    said: np.ndarray  # (N, T, A, L) int16
    answers: np.ndarray  # (N, T, A, G) int16

    def then(self, lives: Remembered, others: np.ndarray) -> Remembered:
        """The episodes of the living, and of those of these whom they, or these `others`, descend from or are."""
        mothers = dict(zip(self.boxling.tolist(), self.mother.tolist(), strict=True))
        needed: set[int] = set()
        for boxling in [*lives.mother.tolist(), *others.tolist()]:
            while boxling in mothers and boxling not in needed:
                needed.add(boxling)
                boxling = mothers[boxling]
        # the living are mothers too
        needed.difference_update(lives.boxling.tolist())
        stay = np.isin(self.boxling, np.array(sorted(needed), np.int64))
        return Remembered(
            **{name: np.concatenate([values[stay], getattr(lives, name)]) for name, values in vars(self).items()}
        )

    def rows(self, scenario: str) -> list[dict[str, Any]]:
        """As rows of a table of ancestors, see evolution.records."""
        return [
            {
                "generation": int(self.generation[n]),
                "boxling": int(self.boxling[n]),
                "mother": int(self.mother[n]),
                "scenario": scenario,
                "split": TRAIN,
                "world_number": int(self.world_number[n]),
                "boxlings": self.boxlings[n],
                "num_steps": int(steps),
                "actions": self.actions[n, :steps],
                "said": self.said[n, :steps],
                "answers": self.answers[n, :steps],
                "is_won": bool(self.is_won[n]),
            }
            for n, steps in enumerate(self.num_steps.tolist())
        ]

    def state(self) -> dict[str, np.ndarray]:
        """All of it, as arrays for a checkpoint."""
        return {_STATE + name: values for name, values in vars(self).items()}

    @staticmethod
    def restored(state: Mapping[str, np.ndarray]) -> Remembered | None:
        """What `state` was taken of; None where nothing was kept."""
        found = {name.removeprefix(_STATE): values.copy() for name, values in state.items() if name.startswith(_STATE)}
        return Remembered(**found) if found else None


def episodes_of(
    rollout: Rollout, numbers: np.ndarray, boxling: np.ndarray, mother: np.ndarray, generation: int, num_steps: int
) -> Remembered:
    """The world that each slot led first in a rollout that noted as many worlds as there are slots.

    `boxling` and `mother` (P,) ids by slot; `numbers` of the worlds; `num_steps` T that a world can last.
    """
    population = len(boxling)

    def noted(steps: list[np.ndarray]) -> np.ndarray:
        """(P, T, ...), zeros after the end."""
        stacked = np.stack([step[:population] for step in steps], axis=1)
        missing = [(0, 0), (0, num_steps - stacked.shape[1]), *[(0, 0)] * (stacked.ndim - 2)]
        padded = np.pad(stacked, missing)
        is_played = np.arange(num_steps) < rollout.worlds.steps_taken[:population, None]
        return padded * is_played.reshape(*is_played.shape, *[1] * (padded.ndim - 2)).astype(padded.dtype)

    return Remembered(
        boxling=boxling.astype(np.int64),
        mother=mother.astype(np.int64),
        generation=np.full(population, generation, np.int64),
        world_number=numbers[:population].astype(np.int64),
        boxlings=boxling[rollout.seating.genome_of[:population]].astype(np.int64),
        num_steps=rollout.worlds.steps_taken[:population].astype(np.int64),
        is_won=rollout.worlds.is_won[:population].astype(bool),
        actions=noted(rollout.acts),
        said=noted(rollout.said),
        answers=noted(rollout.answers),
    )
