"""Words for people: the name of every symbol, and what it means.

The lexicon is read off what is said, as in the symbol tables of Kottur et al. 2017, "Natural language does
not emerge 'naturally' in multi-agent dialog" (https://arxiv.org/abs/1706.08502): a symbol may mean something
else at each position. Words of several symbols are those of language/words.py.
"""

import operator
from collections.abc import Sequence
from typing import Protocol, TypedDict

import numpy as np

from language.measures import mutual_information_bits

SILENCE = "_"
CONSONANTS = "bdfghjklmnprstvwzycxq"  # the ambiguous ones come last
VOWELS = "aeiou"
# Consonant first, then vowel first: ba be bi ... qu, ab eb ib ... uq
SYLLABLES = tuple(c + v for c in CONSONANTS for v in VOWELS) + tuple(v + c for c in CONSONANTS for v in VOWELS)
MAX_SYMBOLS = len(SYLLABLES)  # 210


class Attribute(Protocol):
    """What `lexicon_of` reads of a scenario's attribute: its name, and the names of its values."""

    @property
    def name(self) -> str: ...

    @property
    def values(self) -> Sequence[str]: ...


class LexiconRow(TypedDict):
    """What one symbol at one position of the message means, or a word of several symbols wherever it stands."""

    position: int  # in 0..L-1; -1 for a word of several symbols
    symbol: int  # 0 is silence; or the token of a word
    name: str  # as `symbol_name`, or those of the symbols of a word, joined
    attribute: str  # the attribute that the whole position, or the word, tells most about
    value: str  # its most frequent value where the symbol is said
    probability: float  # of that value where the symbol is said, in (0, 1]
    count: int  # rows that say the symbol, at least 1
    information_bits: float  # what the position, or the word, tells about the attribute; near 0: the row means nothing


def symbol_name(symbol: int) -> str:
    """The name of a symbol wherever it is shown: "_" for silence (0), a syllable of two letters for 1 to 210.

    >>> [symbol_name(symbol) for symbol in (0, 1, 2, 6, 105, 106, 210)]
    ['_', 'ba', 'be', 'da', 'qu', 'ab', 'uq']
    """
    symbol = operator.index(symbol)
    if not 0 <= symbol <= MAX_SYMBOLS:
        raise ValueError(f"a symbol must be in 0..{MAX_SYMBOLS}, got {symbol}")
    return SYLLABLES[symbol - 1] if symbol else SILENCE


def lexicon_of(meanings: np.ndarray, messages: np.ndarray, attributes: Sequence[Attribute]) -> list[LexiconRow]:
    """What each symbol said means: one row per position and symbol that occurs there, in that order.

    `meanings` (M, K) index the values of the K `attributes`; `messages` (M, L) hold symbols. A position
    stands for the attribute that it has the most mutual information with, a symbol for the value that occurs
    most often with it; among equals the first one. A position that never varies tells nothing (0 bits) and
    its row shows the most common value.

    >>> from types import SimpleNamespace as A
    >>> attributes = (A(name="colour", values=("red", "blue")), A(name="shape", values=("bar", "dot")))
    >>> meanings = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> for row in lexicon_of(meanings, np.array([[1, 3], [2, 3], [1, 4], [2, 4]]), attributes):
    ...     print(row["position"], row["name"], row["attribute"], row["value"], row["probability"])
    0 ba shape bar 1.0
    0 be shape dot 1.0
    1 bi colour red 1.0
    1 bo colour blue 1.0
    """
    if meanings.ndim != 2 or messages.ndim != 2 or len(meanings) != len(messages):
        raise ValueError(f"expected meanings (M, K) and messages (M, L), got {meanings.shape} and {messages.shape}")
    if meanings.shape[1] != len(attributes) or not attributes:
        raise ValueError(f"each of the {meanings.shape[1]} meaning columns needs its attribute, got {len(attributes)}")
    for attribute, column in zip(attributes, meanings.T, strict=True):
        if len(column) and not 0 <= column.min() <= column.max() < len(attribute.values):
            raise ValueError(
                f"values of {attribute.name} must be in 0..{len(attribute.values) - 1}, "
                f"got {column.min()}..{column.max()}"
            )
    rows: list[LexiconRow] = []
    for position, said in enumerate(messages.T):
        # Rounded, so that equal information is a tie, whatever order it was summed in.
        information = [round(mutual_information_bits(column, said), 9) for column in meanings.T]
        best = int(np.argmax(information))
        for symbol in np.unique(said):
            meant = meanings[said == symbol, best]
            rows.append(
                lexicon_row(position, int(symbol), symbol_name(symbol), attributes[best], meant, information[best])
            )
    return rows


def lexicon_row(
    position: int, symbol: int, name: str, attribute: Attribute, meant: np.ndarray, information_bits: float
) -> LexiconRow:
    """The row of a word, by the values (N,) of its attribute that were meant where it was said."""
    values, counts = np.unique(meant, return_counts=True)
    commonest = int(np.argmax(counts))
    return LexiconRow(
        position=position,
        symbol=symbol,
        name=name,
        attribute=attribute.name,
        value=attribute.values[values[commonest]],
        probability=float(counts[commonest] / counts.sum()),
        count=int(counts.sum()),
        information_bits=information_bits,
    )
