"""Lineage: who a boxling is, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

NO_MOTHER = -1


@dataclass(frozen=True)
class Birth:
    """Facts of a boxling's birth, which never change."""

    boxling: int  # id, never reused within a run
    mother: int  # id, NO_MOTHER for founders and whoever is drawn anew
    birth_generation: int
    origin: str  # founder; seed: from another run; mutant; newborn: has to learn the language; drawn: inherits nothing


ORIGINS = ("founder", "seed", "mutant", "newborn", "drawn")
