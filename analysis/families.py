"""Who belongs together: the clan of every boxling, and the order in which families stand side by side."""

from __future__ import annotations

import pandas as pd

from analysis.drawing import CLAN_COLOURS
from analysis.run import lineage_of


def clans(boxlings: pd.DataFrame) -> pd.Series:
    """The founder of each boxling's line of mothers: index boxling id, value founder id.

    A founder has no mother (-1), or none that the table knows.
    """
    lineage = lineage_of(boxlings)
    return pd.Series(lineage.clans(), index=lineage.boxlings, name="clan")


def family_order(mothers: pd.Series) -> dict[int, int]:
    """Rank of each boxling in a walk through the family tree, where daughters follow their mother."""
    daughters: dict[int, list[int]] = {}
    roots = []
    for boxling, mother in mothers.sort_index().items():
        if mother in mothers.index:
            daughters.setdefault(int(mother), []).append(int(boxling))
        else:
            roots.append(int(boxling))
    rank: dict[int, int] = {}
    waiting = roots[::-1]
    while waiting:
        boxling = waiting.pop()
        rank[boxling] = len(rank)
        waiting += daughters.get(boxling, [])  # the youngest comes right after its mother
    return rank


def clan_colours(lives: pd.DataFrame) -> dict[int, str]:
    """A colour for the largest clans: by share in the last generation, then by all generations lived."""
    last = lives[lives["generation"] == lives["generation"].max()]["clan"].value_counts()
    total = lives["clan"].value_counts()
    largest = sorted(total.index, key=lambda clan: (-last.get(clan, 0), -total[clan], clan))
    return {int(clan): colour for clan, colour in zip(largest, CLAN_COLOURS, strict=False)}
