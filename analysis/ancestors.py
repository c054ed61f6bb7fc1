"""The line of ancestors of a boxling, each with an episode to watch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from analysis.run import Run
from evolution.storage import DamagedFile
from population.lineage import NO_FATHER, NO_MOTHER


@dataclass(frozen=True)
class Ancestor:
    """One of a line of mothers."""

    boxling: int
    how: str  # "mutant of 31, born in generation 12"
    fitness: float  # as it was judged last; nan where it never was
    episode: dict | None  # one that it took part in, if any was kept

    @property
    def title(self) -> str:
        return f"boxling {self.boxling}, {self.how}"


def ancestors_told(run: Run, boxling: int | None = None) -> list[Ancestor]:
    """The line from a boxling to its founder, through mothers; by default from the fittest of the last generation.

    ValueError for a boxling that was not born in this run.
    """
    lives = run.boxlings
    if not len(lives):
        return []
    last = lives[lives["generation"] == lives["generation"].max()]
    if boxling is None:
        boxling = int(last["boxling"].iloc[int(np.argmax(last["fitness"].fillna(-np.inf)))])
    fitness = lives.drop_duplicates("boxling", keep="last").set_index("boxling")["fitness"]
    told = []
    for each in run.lineage.ancestors(boxling).tolist():
        birth = run.lineage.birth(each)
        how = birth.origin + (f" of {birth.mother}" if birth.mother != NO_MOTHER else "")
        if birth.father != NO_FATHER:
            how += f" and {birth.father}"
        how += f", born in generation {birth.birth_generation}"
        told.append(Ancestor(each, how, float(fitness[each]), _episode_of(run, each)))
    return told


def evenly(line: Sequence[Ancestor], most: int) -> list[Ancestor]:
    """At most so many of a line, its first and last among them."""
    if len(line) <= most:
        return list(line)
    return [line[place] for place in np.linspace(0, len(line) - 1, most).round().astype(int)]


def _episode_of(run: Run, boxling: int) -> dict | None:
    """The episode of a boxling's last generation; where none was kept, the last recorded one that it took part in."""
    # what is damaged is told by the state of the run
    with suppress(DamagedFile):
        if boxling in run.remembered:
            return run.ancestor_episode(boxling)
    lived = run.boxlings.loc[run.boxlings["boxling"] == boxling, "generation"]
    for generation in reversed(run.generation_numbers):
        if lived.min() <= generation <= lived.max():
            with suppress(ValueError):  # damaged, or removed since by a run that goes on
                for row in run.episodes(generation):
                    if boxling in row["boxlings"]:
                        return row
    return None
