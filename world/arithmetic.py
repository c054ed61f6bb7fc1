"""An arithmetic coder: bits of any probability, and numbers that are all equally likely, as one row of bytes.

The coder is that of Witten, Neal & Cleary 1987 (https://doi.org/10.1145/214762.214771), with its 32-bit integers and
its way of holding back bits that are not yet decided. A writer and a reader have the same methods: the writer is told
what to code, the reader says what it was; so a model is written once, for both directions. The end is ours: as few
bytes as tell where the last interval lies, and a reader that refuses bytes that are too few or too many.
"""

from __future__ import annotations

from typing import Protocol

_BITS = 32
_TOP = 2**_BITS - 1
_HALF, _QUARTER = 2 ** (_BITS - 1), 2 ** (_BITS - 2)
_PARTS = 2**16  # probabilities are whole numbers of these
_FEWEST_PARTS = 16  # nothing is so certain that it costs nothing: what is read ends a while after the bytes do
MAX_LIMIT = 2**16  # numbers that can be told apart at once


class Coder(Protocol):
    """A writer or a reader, or what only counts bits."""

    def bit(self, value: bool | None, probability: float) -> bool:
        """One yes or no; `value` is None for a reader, `probability` that of yes."""

    def number(self, value: int | None, limit: int) -> int:
        """One of 0 to limit - 1, all equally likely; `value` is None for a reader."""


def _parts_of(probability: float) -> int:
    return min(max(int(probability * _PARTS), _FEWEST_PARTS), _PARTS - _FEWEST_PARTS)


class Writer:
    """Codes what it is told."""

    def __init__(self) -> None:
        self._low, self._high = 0, _TOP
        self._num_held = 0
        self._bits: list[int] = []

    def bit(self, value: bool | None, probability: float) -> bool:
        """One yes or no; `probability` of yes, which is taken to be in [2^-12, 1 - 2^-12]."""
        parts = _parts_of(probability)
        if value:
            self._narrow(0, parts, _PARTS)
        else:
            self._narrow(parts, _PARTS, _PARTS)
        return bool(value)

    def number(self, value: int | None, limit: int) -> int:
        """One of 0 to limit - 1, all equally likely."""
        if value is None or not 0 <= value < limit <= MAX_LIMIT:
            raise ValueError(f"the number must be in [0, {limit - 1}], the limit at most {MAX_LIMIT}, got {value}")
        self._narrow(value, value + 1, limit)
        return value

    def _narrow(self, start: int, stop: int, total: int) -> None:
        span = self._high - self._low + 1
        low, high = self._low + span * start // total, self._low + span * stop // total - 1
        while True:
            if high < _HALF:
                self._put(0)
            elif low >= _HALF:
                self._put(1)
                low -= _HALF
                high -= _HALF
            elif low >= _QUARTER and high < _HALF + _QUARTER:
                self._num_held += 1
                low -= _QUARTER
                high -= _QUARTER
            else:
                break
            low, high = 2 * low, 2 * high + 1
        self._low, self._high = low, high

    def _put(self, bit: int) -> None:
        self._bits.append(bit)
        self._bits += [1 - bit] * self._num_held
        self._num_held = 0

    def finish(self) -> bytes:
        """All that was coded; nothing may be coded after it."""
        # the interval holds all that begins with 01 or all that begins with 10; of two bits one may be enough
        if self._low > 0 or self._num_held > 0:
            self._num_held += 1
            self._put(0 if self._low < _QUARTER else 1)
        bits = self._bits + [0] * (-len(self._bits) % 8)
        return int("".join(map(str, bits)) or "0", 2).to_bytes(len(bits) // 8, "big")


class Reader:
    """Says what a writer coded, if it is asked in the same order for the same probabilities."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._num_bits = 8 * len(data)
        self._at = _BITS
        self._low, self._high = 0, _TOP
        self._value = int.from_bytes(data[: _BITS // 8].ljust(_BITS // 8, b"\0"), "big")

    def bit(self, value: bool | None, probability: float) -> bool:
        """The yes or no that was coded; `value` is not read."""
        parts = _parts_of(probability)
        span = self._high - self._low + 1
        is_yes = self._value < self._low + span * parts // _PARTS
        if is_yes:
            self._narrow(0, parts, _PARTS)
        else:
            self._narrow(parts, _PARTS, _PARTS)
        return is_yes

    def number(self, value: int | None, limit: int) -> int:
        """The number that was coded; `value` is not read."""
        span = self._high - self._low + 1
        number = ((self._value - self._low + 1) * limit - 1) // span
        self._narrow(number, number + 1, limit)
        return number

    def _narrow(self, start: int, stop: int, total: int) -> None:
        span = self._high - self._low + 1
        low, high, value = self._low + span * start // total, self._low + span * stop // total - 1, self._value
        while True:
            if high < _HALF:
                pass
            elif low >= _HALF:
                low -= _HALF
                high -= _HALF
                value -= _HALF
            elif low >= _QUARTER and high < _HALF + _QUARTER:
                low -= _QUARTER
                high -= _QUARTER
                value -= _QUARTER
            else:
                break
            low, high = 2 * low, 2 * high + 1
            value = 2 * value + self._next_bit()
        self._low, self._high, self._value = low, high, value

    def _next_bit(self) -> int:
        at = self._at
        self._at += 1
        if at < self._num_bits:
            return (self._data[at >> 3] >> (7 - (at & 7))) & 1
        if at >= self._num_bits + _BITS:
            raise ValueError(f"the {len(self._data)} bytes end before the code does")
        return 0

    def finish(self) -> None:
        """ValueError if there are bytes after what was read."""
        num_written = self._at - _BITS + 2
        if 8 * (len(self._data) - 1) >= num_written:
            raise ValueError(f"the code takes {-(-num_written // 8)} bytes, got {len(self._data)}")
