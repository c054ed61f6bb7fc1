"""Worlds in words: laws, scenes, messages, acts and edits, as language models read them.

A *document* tells of one world: what holds there in plain English (the sentence of a law, or a scenario and its goal),
the scene, then step by step what is said, what is done, and the edits that came of it. Its words are separated by
spaces and come from a small vocabulary: numbers, names of colours, of acts and of edits, symbols s1, s2, ..., and the
words of the sentences. Tokens are edits: whoever predicts them well knows how the world works.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from world.codec import parse
from world.codes import COLOUR_NAMES, Act, Role
from world.edit_rules import ARGUMENTS, KINDS, Operation
from world.scenarios.base import Scenario
from world.symmetry import STEPS, SYMMETRIES

MAX_NUMBER = 30
MAX_SYMBOLS = 200
SILENCE = "nothing"
ACTS = tuple(act.name.lower() for act in Act)
ROLES = tuple(role.name.lower() for role in Role)
# looks, in order of their codes; what is empty is a word so short because it is the most frequent one
LOOKS = ("_", *COLOUR_NAMES[1:], "outside")
_MARKS = (
    "law",
    "world",
    "goal",
    "scene",
    "by",
    "/",
    "at",
    "says",
    "acts",
    "edits",
    "objects",
    "many",
    ".",
    ",",
    SILENCE,
)


@dataclass(frozen=True)
class Document:
    """What is told of one world."""

    words: tuple[str, ...]
    is_edit: np.ndarray  # (N,) bool: which of the words are edits
    scene: slice  # the words that are the scene, row by row
    picture: np.ndarray  # (H, W) uint8: the same as look codes

    @property
    def text(self) -> str:
        """All words."""
        return " ".join(self.words)


class Teller:
    """Puts a document together, piece by piece."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.is_edit: list[bool] = []
        self.scene = slice(0, 0)
        self.picture = np.zeros((0, 0), np.uint8)

    def tell(self, *words: str, is_edit: bool = False) -> Teller:
        """Add words."""
        self.words += words
        self.is_edit += [is_edit] * len(words)
        return self

    def show(self, picture: np.ndarray) -> Teller:
        """Add a scene (H, W) of look codes: its size, then its rows."""
        height, width = picture.shape
        self.tell("scene", str(height), "by", str(width))
        first = len(self.words)
        self.tell(*scene_words(picture))
        self.scene, self.picture = slice(first, len(self.words)), picture.copy()
        return self

    def document(self) -> Document:
        """What was told."""
        return Document(tuple(self.words), np.array(self.is_edit, bool), self.scene, self.picture)


def scene_words(picture: np.ndarray) -> list[str]:
    """The looks of all cells, each row ended by a stroke.

    >>> scene_words(np.array([[0, 2], [0, 0]], np.uint8))
    ['_', 'red', '/', '_', '_', '/']
    """
    return [word for row in picture.tolist() for word in (*(LOOKS[look] for look in row), "/")]


def edit_words(code: np.ndarray) -> list[str]:
    """A code of `world.codec` in words, as many as it has tokens.

    >>> from world.codec import encode
    >>> edit_words(encode(np.array([[3, 3, 0]], np.uint8), np.array([[0, 3, 3]], np.uint8)))
    ['MOVE', '#1', '+0', '+1', 'END']
    """
    words = []
    for operation, arguments in parse(code):
        words.append(operation.name)
        words += [_argument(kind, value) for kind, value in zip(ARGUMENTS[operation], arguments, strict=True)]
    return words


def _argument(kind: str, value: int) -> str:
    group = KINDS[kind][2]
    if group == "organism":
        return f"#{value}"
    if group == "shift":
        return f"{value:+d}"
    return {
        "position": lambda: str(value),
        "colour": lambda: LOOKS[value],
        "symmetry": lambda: list(SYMMETRIES)[value],
        "direction": lambda: list(STEPS)[value],
    }[group]()


def message_words(message: Sequence[int]) -> list[str]:
    """Symbols 1 to V of one message, 0 for silence; of a silent one a single word.

    >>> message_words([3, 0]), message_words([0, 0])
    (['s3', 's0'], ['nothing'])
    """
    return [f"s{symbol}" for symbol in message] if any(message) else [SILENCE]


def goal_words(scenario: Scenario, goal: Sequence[int], is_told: Sequence[bool] | None = None) -> list[str]:
    """What is wanted, by the names of the attributes and of their values; of those alone that are told, if any are."""
    words: list[str] = []
    for k, (attribute, value) in enumerate(zip(scenario.attributes, goal, strict=True)):
        if is_told is None or is_told[k]:
            words += [*sentence_words(attribute.name), *value_words(attribute.values[int(value)])]
    return words


def value_words(value: str) -> list[str]:
    """The words for a value of an attribute.

    >>> value_words("upper left"), value_words("3")
    (['upper', 'left'], ['3'])
    """
    return sentence_words(value) or [SILENCE]


def sentence_words(sentence: str) -> list[str]:
    """The words and stops of an English sentence, in small letters.

    >>> sentence_words("Turn the grid by half a turn.")
    ['turn', 'the', 'grid', 'by', 'half', 'a', 'turn', '.']
    """
    return re.findall(r"[a-z]+|\d+|[.,;:]", sentence.lower())


def known_words() -> list[str]:
    """Every word that is not one of a sentence, each once."""
    signs = [f"#{number}" for number in range(33)]
    shifts = [f"{number:+d}" for number in range(-MAX_NUMBER + 1, MAX_NUMBER)]
    symbols = [f"s{number}" for number in range(MAX_SYMBOLS + 1)]
    operations = [operation.name for operation in Operation]
    return each_once(
        _MARKS, map(str, range(MAX_NUMBER + 1)), LOOKS, ACTS, ROLES, operations, signs, shifts, SYMMETRIES, STEPS,
        symbols,
    )  # fmt: skip


def each_once(*words: Iterable[str]) -> list[str]:
    """All words, in the order in which they come first."""
    return list(dict.fromkeys(word for some in words for word in some))
