"""Counted language models: the next symbol by how often it followed the last ones. What learned ones are held against.

Interpolated Witten-Bell smoothing (Witten and Bell 1991, https://doi.org/10.1109/18.87000; as in Chen and Goodman 1999,
https://doi.org/10.1006/csla.1999.0128): after a context that was seen c times with t different successors, a share of
t / (c + t) is left to the context that is one shorter, and in the end to all symbols alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

Context = tuple[int, ...]


class NGram:
    """Counts of what followed each context of up to `order` - 1 symbols; symbols are numbers in [0, V)."""

    def __init__(self, order: int, num_symbols: int) -> None:
        if order < 1:
            raise ValueError(f"order must be at least 1, got {order}")
        if num_symbols < 1:
            raise ValueError(f"num_symbols must be at least 1, got {num_symbols}")
        self.order, self.num_symbols = order, num_symbols
        self._successors: dict[Context, dict[int, int]] = {}
        self._totals: dict[Context, int] = {}

    def learn(self, sequences: Iterable[Sequence[int]]) -> NGram:
        """Count what is in these sequences; returns itself."""
        for sequence in sequences:
            symbols = [int(symbol) for symbol in sequence]
            if symbols and not 0 <= min(symbols) <= max(symbols) < self.num_symbols:
                raise ValueError(f"symbols must be in [0, {self.num_symbols}), got {min(symbols)} to {max(symbols)}")
            for i, symbol in enumerate(symbols):
                for length in range(min(i, self.order - 1) + 1):
                    context = tuple(symbols[i - length : i])
                    followers = self._successors.setdefault(context, {})
                    followers[symbol] = followers.get(symbol, 0) + 1
                    self._totals[context] = self._totals.get(context, 0) + 1
        return self

    def probability(self, context: Sequence[int], symbol: int) -> float:
        """Of a symbol after the end of a context, in (0, 1]; over all symbols it adds up to 1.

        >>> model = NGram(2, 3).learn([[0, 1, 0, 1, 0, 2]])
        >>> round(sum(model.probability([0], symbol) for symbol in range(3)), 12)
        1.0
        >>> model.probability([1], 0) > model.probability([1], 1)
        True
        """
        found = 1 / self.num_symbols
        for length in range(min(len(context), self.order - 1) + 1):
            key = tuple(context[len(context) - length :])
            total = self._totals.get(key, 0)
            if not total:
                break  # longer ones were not seen either
            followers = self._successors[key]
            found = (followers.get(symbol, 0) + len(followers) * found) / (total + len(followers))
        return found

    def bits(self, sequence: Sequence[int]) -> np.ndarray:
        """The surprise at each symbol of a sequence (N,) after those before it, (N,) float64 bits."""
        symbols = [int(symbol) for symbol in sequence]
        first = self.order - 1
        return -np.log2(
            np.array([self.probability(symbols[max(0, i - first) : i], symbol) for i, symbol in enumerate(symbols)])
        )
