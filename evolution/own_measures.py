"""Measures of a language of one's own, taken of every measured generation beside those of `language.measures`.

A measure is a function of what one boxling would say first of each meaning, and a number comes of it:

    def shortest(meanings, messages, num_symbols):
        \"\"\"Symbols in the shortest message.\"\"\"
        return float((messages > 0).sum(axis=1).min())

`meanings` (M, K) and `messages` (M, L) are whole numbers as `language.measures` has them, symbols from 1 on, 0 is
silence, and symbols are at most `num_symbols`. What is not defined is nan. Hand it to `register`, or name it as an
entry point of the group "boxlings.measures": what is recorded, under its name, is the mean over boxlings for whom it is
defined. `evolution.testing.check_measure` holds it to that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from language import measures
from world.registry import Registry

Measure = Callable[[np.ndarray, np.ndarray, int], float]


def _ours() -> dict[str, Measure]:
    # under these names there are measures already
    return {name: getattr(measures, name) for name in measures.__all__ if callable(getattr(measures, name))}


def _accept(thing: Any, where: str) -> Measure:
    if not callable(thing):
        raise ValueError(f"{where} must be a function of meanings, messages and num_symbols, got {thing!r:.60}")
    if not (getattr(thing, "__doc__", None) or "").strip():
        raise ValueError(f"{where} must have a docstring that says what it measures")
    return thing


REGISTRY: Registry[Measure] = Registry("boxlings.measures", "measure", _ours, _accept)


def register(measure: Measure) -> Measure:
    """Add a measure of your own for this process, under its name; returns it. ValueError as of `Registry.register`."""
    return REGISTRY.register(measure)


def own_measures(meanings: np.ndarray, messages: np.ndarray, num_symbols: int) -> dict[str, float]:
    """Each registered measure, the mean over speakers: meanings (M, K), messages (S, M, L).

    ValueError, with the name of the measure, where it fails or gives no number.
    """
    found = {}
    for name, measure in REGISTRY.others().items():
        values = []
        for own in messages:
            try:
                values.append(float(measure(meanings.copy(), own.copy(), num_symbols)))
            except Exception as error:  # whatever somebody else's function may raise
                raise ValueError(f"measure {name} failed: {type(error).__name__}: {error}") from error
        defined = [value for value in values if np.isfinite(value)]
        found[name] = float(np.mean(defined)) if defined else float("nan")
    return found
