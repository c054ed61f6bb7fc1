"""What is kept out of training, and how that is decided: by a hash of its name, before anything was trained.

Four kinds, from near to far:

    held-out-seeds         other worlds of the same kind: numbers of a stream of their own
    held-out               goals whose parts are all trained on, but never together (by composition)
    held-out-parameters    rooms, sizes or numbers of things that training never shows
    held-out-families      shapes or laws that training never shows

A hash does not know what is hard, so nobody has chosen; and it is the same on every machine and for ever. What a
scenario holds out of each kind is said where its worlds are made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

Value = TypeVar("Value")

TRAIN, COMPOSITIONS = "train", "held-out"
SEEDS, PARAMETERS, FAMILIES = "held-out-seeds", "held-out-parameters", "held-out-families"
SPLITS = (TRAIN, COMPOSITIONS, SEEDS, PARAMETERS, FAMILIES)


def rank(*name: str | int) -> float:
    """A number in [0, 1) that hangs on a name alone: the first 53 bits of its SHA-256.

    >>> round(rank("guide", "walls", 3), 3) == round(rank("guide", "walls", 3), 3)
    True
    """
    digest = hashlib.sha256("/".join(map(str, name)).encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def part(values: Sequence[Value], count: int, *purpose: str) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """The values that are trained on and the `count` that are not, both in their order; ValueError if none is left.

    >>> trained, held_out = part(range(10), 3, "an", "example")
    >>> len(trained), len(held_out), sorted(trained + held_out) == list(range(10))
    (7, 3, True)
    """
    if not 0 <= count < len(values):
        raise ValueError(f"of {len(values)} values 0 to {len(values) - 1} can be held out, got {count}")
    chosen = sorted(range(len(values)), key=lambda k: rank(*purpose, str(values[k])))[:count]
    return (
        tuple(value for k, value in enumerate(values) if k not in chosen),
        tuple(value for k, value in enumerate(values) if k in chosen),
    )
