"""One record of what happened when some spoke and others listened: who, of what, which words, and what came of it.

Records of the same circumstances concatenate; records of others refuse, so that what was trained on is never counted
among what was held out, nor shuffled words among true ones. (EGG keeps interactions too, and lets any of them be
concatenated; a wrong mean is then easily had.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

_SAME = ("scenario", "split", "channel", "num_symbols")  # what all rows have in common
_WIDTHS = ("meanings", "messages", "answers")


@dataclass(frozen=True)
class Interaction:
    """N utterances of L symbols about meanings of G attributes; rows of the arrays belong together."""

    scenario: str
    split: str  # see `world.splits`
    channel: str  # what was done to the words on their way, see `language.channel`
    num_symbols: int  # V: symbols are in 1..V, 0 is silence
    speakers: np.ndarray  # (N,) int64: who spoke
    listeners: np.ndarray  # (N,) int64: who listened
    meanings: np.ndarray  # (N, G) int16: what the speaker knew
    messages: np.ndarray  # (N, L) int16: what it said
    answers: np.ndarray  # (N, G) int16: what the listener took it for
    asked: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (N, G) bool: what counts in answers; default: all

    def __post_init__(self) -> None:
        if self.asked.shape == (0,):
            object.__setattr__(self, "asked", np.ones(np.shape(self.meanings), bool))
        elif self.asked.dtype != bool or self.asked.shape != self.meanings.shape:
            raise ValueError(
                f"asked must be true or false for each of the meanings, of shape {self.meanings.shape}, "
                f"got {_shape_of(self.asked)}"
            )
        for item in fields(self)[len(_SAME) : -1]:
            value = getattr(self, item.name)
            num_axes = 2 if item.name in _WIDTHS else 1
            if not isinstance(value, np.ndarray) or value.ndim != num_axes or value.dtype.kind not in "iu":
                raise ValueError(f"{item.name} must be an integer array with {num_axes} axes, got {_shape_of(value)}")
            if len(value) != len(self.speakers):
                raise ValueError(f"{item.name} must have {len(self.speakers)} rows as speakers has, got {len(value)}")
        if self.answers.shape != self.meanings.shape:
            raise ValueError(
                f"answers must have the shape of meanings, {self.meanings.shape}, got {self.answers.shape}"
            )
        if self.messages.size and not 0 <= self.messages.min() <= self.messages.max() <= self.num_symbols:
            raise ValueError(
                f"symbols must be in 0..{self.num_symbols}, got {self.messages.min()}..{self.messages.max()}"
            )

    def __len__(self) -> int:
        return len(self.speakers)

    @property
    def is_right(self) -> np.ndarray:
        """Whether each listener got right every attribute that was asked, (N,) bool."""
        return ((self.answers == self.meanings) | ~self.asked).all(axis=1)

    @property
    def success(self) -> float:
        """Share of rows that are right, in [0, 1]; nan without rows."""
        return float(self.is_right.mean()) if len(self) else float("nan")

    @property
    def success_by_attribute(self) -> np.ndarray:
        """Share of rows that are right in each attribute where it was asked, (G,) in [0, 1]; nan where it never was."""
        with np.errstate(invalid="ignore"):
            return ((self.answers == self.meanings) & self.asked).sum(axis=0) / self.asked.sum(axis=0)

    def take(self, rows: np.ndarray) -> Interaction:
        """Some of the rows, by their numbers or by a mask, copied."""
        chosen = np.arange(len(self))[rows]
        arrays: dict[str, Any] = {item.name: getattr(self, item.name)[chosen] for item in fields(self)[len(_SAME) :]}
        return replace(self, **arrays)

    def said_by(self, speaker: int) -> tuple[np.ndarray, np.ndarray]:
        """The language of one speaker: its different meanings (M, G) in ascending order, and its messages (M, L).

        ValueError if it ever said two things of one meaning.
        """
        rows = np.flatnonzero(self.speakers == speaker)
        both = np.concatenate([self.meanings[rows], self.messages[rows]], axis=1)
        different = np.unique(both, axis=0)
        meanings, messages = np.split(different, [self.meanings.shape[1]], axis=1)
        if len(np.unique(meanings, axis=0)) < len(meanings):
            raise ValueError(f"speaker {speaker} has several messages for one meaning")
        return meanings, messages

    def languages(self, population: int) -> tuple[np.ndarray, np.ndarray]:
        """What speakers 0 to P - 1 say of the same meanings: (M, G) in order of appearance, and messages (P, M, L).

        ValueError unless the record begins with all that each of them said to its first listener, speaker by speaker.
        """
        num_meanings = int(np.argmax(self.speakers != 0)) if population > 1 else len(self)
        rows = slice(0, population * num_meanings)
        if not np.array_equal(self.speakers[rows], np.repeat(np.arange(population), num_meanings)):
            raise ValueError(f"the record does not hold what each of {population} speakers said of the same meanings")
        return self.meanings[:num_meanings], self.messages[rows].reshape(population, num_meanings, -1)

    def pair_matrix(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Success of every speaker (S,) with every listener (T,), (S, T) in [0, 1]; nan where they never met.

        Returns the speakers' ids, the listeners' ids, and the matrix.
        """
        speakers, row = np.unique(self.speakers, return_inverse=True)
        listeners, column = np.unique(self.listeners, return_inverse=True)
        met, right = np.zeros((2, len(speakers), len(listeners)))
        np.add.at(met, (row, column), 1)
        np.add.at(right, (row, column), self.is_right)
        with np.errstate(invalid="ignore"):
            return speakers, listeners, right / met

    @staticmethod
    def concatenate(parts: Sequence[Interaction]) -> Interaction:
        """All rows, in order; ValueError unless the parts have scenario, split, channel, symbols, sizes in common."""
        if not parts:
            raise ValueError("expected at least one interaction to concatenate, got none")
        first = parts[0]
        for other in parts[1:]:
            for name in _SAME:
                if getattr(other, name) != getattr(first, name):
                    raise ValueError(
                        f"interactions of different {name} do not mix: "
                        f"got {getattr(first, name)!r} and {getattr(other, name)!r}"
                    )
            for name in _WIDTHS:
                if getattr(other, name).shape[1] != getattr(first, name).shape[1]:
                    raise ValueError(
                        f"interactions of different sizes do not mix: {name} have "
                        f"{getattr(first, name).shape[1]} and {getattr(other, name).shape[1]} columns"
                    )
        arrays: dict[str, Any] = {
            item.name: np.concatenate([getattr(part, item.name) for part in parts])
            for item in fields(first)[len(_SAME) :]
        }
        return replace(first, **arrays)


def _shape_of(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"
    return type(value).__name__
