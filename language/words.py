"""Words of several symbols: found in what is said by byte-pair encoding, kept as a tokenizer.

The pair of neighbours that is said most often becomes one word, again and again: Gage 1994, "A new algorithm for data
compression", for texts Sennrich et al. 2016 (https://arxiv.org/abs/1508.07909). Whether units that are found by form
alone mean anything is doubted by Ueda et al. 2023 (https://openreview.net/forum?id=b4t9_XASt6G); so each comes with its
meaning, see `lexicon_of_words`. We depart from byte-pair encoding in what counts as a pair: merging whatever is
frequent finds words in any noise, so a pair has to be said more often than its halves, each where it stands, would meet
by accident. A language whose places are independent of each other therefore has no words of several symbols, however
well each place tells its own attribute.

Saved as a `tokenizer.json` of Hugging Face (https://github.com/huggingface/tokenizers). Their BPE model works on
letters and knows frequency only; so the merges are found here, and the file applies them to whole symbols as a list of
replacements, in the order in which they were found.

Letters: M messages, L message length, V symbols.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import hypergeom
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from language.measures import mutual_information_bits
from language.vocabulary import MAX_SYMBOLS, Attribute, LexiconRow, lexicon_row, symbol_name

ANYWHERE = -1  # the position of a word of several symbols in the lexicon
ERROR_RATE = 0.02  # how probable it is at most that a language of unrelated places gets its next word by accident
_COLUMNS = ("word", "position", "attribute", "value", "probability", "count", "information_bits")


def train_words(
    messages: np.ndarray,
    num_symbols: int,
    *,
    num_speakers: int = 1,
    min_count: int = 3,
    min_bits: float = 1.0,
    max_words: int = 100,
) -> Tokenizer:
    """The tokenizer of what is said, (M, L) symbols in 0..V: token n is symbol n up to V, then come words.

    Two neighbours become a word where they are said at least `min_count` times, 2^`min_bits` times as often as they
    would be if what stands before a place told nothing of what stands after it (pointwise mutual information), and more
    often than that by more than accident (Fisher's exact test at ERROR_RATE, shared by all pairs that are said). Of
    these the pair said most often comes first. Where `num_speakers` name the same meanings, what they say alike is no
    new evidence: all counts are divided by their number. Silence is part of no word, nor does a word go on in the next
    message.

    Chance: of random languages ERROR_RATE have a word of several symbols; messages that are all the same have none.

    >>> messages = np.array([[1, 2, 5], [1, 2, 6], [3, 4, 5], [3, 4, 6]] * 20)
    >>> tokenizer = train_words(messages, num_symbols=6)
    >>> tokenizer.encode("bi bo be _").tokens, tokenizer.encode("ba be da").ids
    (['bibo', 'be', '_'], [7, 6])
    >>> tokenizer.decode([7, 6])
    'ba be da'
    """
    if messages.ndim != 2 or messages.dtype.kind not in "iu":
        raise ValueError(f"messages must be an integer array (M, L), got {messages.dtype} of shape {messages.shape}")
    if messages.size and not 0 <= messages.min() <= messages.max() <= num_symbols:
        raise ValueError(f"symbols must be in 0..{num_symbols}, got {messages.min()}..{messages.max()}")
    if num_speakers < 1:
        raise ValueError(f"num_speakers must be at least 1, got {num_speakers}")
    names = [symbol_name(symbol) for symbol in range(num_symbols + 1)]
    merges: list[tuple[str, str]] = []
    rows, times = np.unique(messages, axis=0, return_counts=True)
    unit_at = rows.astype(np.int64)  # (R, L): the word or symbol that covers each place
    is_start = np.ones(rows.shape, bool)
    while len(names) <= num_symbols + max_words:
        meetings = _meetings(unit_at, is_start, times / num_speakers, len(names))
        if not meetings:  # of one symbol each, or all of one word
            break
        said: np.ndarray = np.sum([meeting.said for meeting in meetings], axis=0)
        expected: np.ndarray = np.sum([meeting.expected for meeting in meetings], axis=0)
        # rounding error aside
        is_frequent = (np.round(said) >= min_count) & (said >= expected * 2.0 ** (min_bits - 1e-9))
        pairs = np.flatnonzero(is_frequent)
        error_rate = ERROR_RATE / max(1, int(np.count_nonzero(said)))
        for pair in pairs[np.argsort(-said.reshape(-1)[pairs], kind="stable")]:
            left, right = map(int, np.unravel_index(pair, said.shape))
            if _probability_by_accident(meetings, left, right, round(said[left, right])) < error_rate:
                break
        else:
            break
        name = names[left] + names[right]
        if name not in names:  # "ba bebi" and "babe bi" are one word
            names.append(name)
        merges.append((names[left], names[right]))
        _merge(unit_at, is_start, left, right, names.index(name), len(names[left]) // 2, len(names[right]) // 2)
    return word_tokenizer(num_symbols, merges)


def word_tokenizer(num_symbols: int, merges: Sequence[tuple[str, str]] = ()) -> Tokenizer:
    """The tokenizer that joins neighbours of these names, in this order; equal for equal arguments.

    Symbols are separated by one space, messages by a line's end. A word that is not known is an error.

    >>> tokenizer = word_tokenizer(3, [("be", "bi"), ("ba", "bebi")])
    >>> tokenizer.encode("ba be bi").tokens, tokenizer.encode("ba bebi").tokens, tokenizer.get_vocab_size()
    (['babebi'], ['babebi'], 6)
    """
    if not 1 <= num_symbols <= MAX_SYMBOLS:
        raise ValueError(f"num_symbols must be in 1..{MAX_SYMBOLS}, got {num_symbols}")
    tokens = {symbol_name(symbol): symbol for symbol in range(num_symbols + 1)}
    joins, splits = [], []
    for left, right in merges:
        # whole names only: "ba be" is not to be found in "duba be"
        joins.append(normalizers.Replace(Regex(rf"(?<!\S){left} {right}(?!\S)"), left + right))
        if left + right not in tokens:
            tokens[left + right] = len(tokens)
            splits.append(decoders.Replace(Regex(rf"^{left}{right}$"), " ".join(symbols_of(left + right))))
    # a token is looked up as a whole: merges of letters, which the model knows, have no use here
    tokenizer = Tokenizer(models.BPE(tokens, list(merges), unk_token="[UNK]", ignore_merges=True))
    tokenizer.normalizer = normalizers.Sequence(joins)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    # a prefix that no token has: all are separated by a space
    tokenizer.decoder = decoders.Sequence([*splits, decoders.WordPiece(prefix="#", cleanup=False)])
    return tokenizer


def symbols_of(word: str) -> list[str]:
    """The names of a word's symbols.

    >>> symbols_of("babebi"), symbols_of("ba"), symbols_of("_")
    (['ba', 'be', 'bi'], ['ba'], ['_'])
    """
    return [word[k : k + 2] for k in range(0, len(word), 2)]


def spell(message: np.ndarray) -> str:
    """A message (L,) as the text that a tokenizer takes.

    >>> spell(np.array([1, 2, 0]))
    'ba be _'
    """
    return " ".join(symbol_name(symbol) for symbol in message)


def merges_of(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    """The pairs that a tokenizer joins, in order: `word_tokenizer` makes it of them again.

    >>> merges_of(word_tokenizer(3, [("be", "bi"), ("ba", "bebi")]))
    [('be', 'bi'), ('ba', 'bebi')]
    """
    return [(left, right) for left, right in json.loads(tokenizer.to_str())["model"]["merges"]]


def long_words(tokenizer: Tokenizer) -> dict[str, int]:
    """The words of several symbols that a tokenizer knows, and their tokens, in this order."""
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return {name: token for name, token in tokens if len(symbols_of(name)) > 1}


def words_said(tokenizer: Tokenizer, messages: np.ndarray) -> list[list[str]]:
    """The words of every message (M, L), in the order in which they are said, silence among them.

    >>> words_said(word_tokenizer(3, [("ba", "be")]), np.array([[1, 2, 3], [3, 1, 2], [2, 1, 0]]))
    [['babe', 'bi'], ['bi', 'babe'], ['be', 'ba', '_']]
    """
    rows, row_of = np.unique(messages, axis=0, return_inverse=True)
    words = [encoding.tokens for encoding in tokenizer.encode_batch([spell(row) for row in rows])]
    return [words[row] for row in row_of.reshape(-1)]


def lexicon_of_words(
    meanings: np.ndarray, messages: np.ndarray, attributes: Sequence[Attribute], tokenizer: Tokenizer
) -> list[LexiconRow]:
    """What each word of several symbols means that occurs in the messages (M, L), wherever it stands.

    As `language.vocabulary.lexicon_of`: a word stands for the attribute that its presence tells most about, and for the
    value that occurs most often with it; `symbol` is its token, `position` ANYWHERE, `information_bits` what it tells
    whether the word is said or not.

    >>> from types import SimpleNamespace as A
    >>> attributes = (A(name="colour", values=("red", "blue")), A(name="shape", values=("bar", "dot")))
    >>> meanings, messages = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[1, 2], [1, 2], [3, 3], [3, 2]])
    >>> (row,) = lexicon_of_words(meanings, messages, attributes, word_tokenizer(3, [("ba", "be")]))
    >>> row["name"], row["attribute"], row["value"], row["probability"], row["count"], row["information_bits"]
    ('babe', 'colour', 'red', 1.0, 2, 1.0)
    """
    said = words_said(tokenizer, messages)
    rows = []
    for name, token in long_words(tokenizer).items():
        has_word = np.array([name in words for words in said], bool)
        if not has_word.any():
            continue
        information = [round(mutual_information_bits(column, has_word.astype(int)), 9) for column in meanings.T]
        best = int(np.argmax(information))
        rows.append(lexicon_row(ANYWHERE, token, name, attributes[best], meanings[has_word, best], information[best]))
    return rows


def lexicon_csv(rows: Sequence[LexiconRow]) -> str:
    """A lexicon as the text of a table: a row for each word, with no position where that does not matter.

    >>> print(lexicon_csv([LexiconRow(position=0, symbol=1, name="ba", attribute="colour", value="red",
    ...                               probability=2 / 3, count=6, information_bits=1.5)]), end="")
    word,position,attribute,value,probability,count,information_bits
    ba,0,colour,red,0.666667,6,1.5
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for row in rows:
        position = "" if row["position"] == ANYWHERE else row["position"]
        table.writerow(
            [row["name"], position, row["attribute"], row["value"], round(row["probability"], 6), row["count"],
             round(row["information_bits"], 6)]
        )  # fmt: skip
    return text.getvalue()


# ---- parts ----


@dataclass(frozen=True)
class _Meeting:
    """What stands before one place of the messages, and what after it."""

    said: np.ndarray  # (units, units): how often each unit is followed by each
    num_messages: float  # in which something is said on both sides, within one word or not

    @property
    def expected(self) -> np.ndarray:
        """How often each unit would be followed by each, if what stands before were dealt out anew."""
        return np.outer(self.said.sum(axis=1), self.said.sum(axis=0)) / self.num_messages


def _meetings(unit_at: np.ndarray, is_start: np.ndarray, times: np.ndarray, num_units: int) -> list[_Meeting]:
    """The places at which units meet; message r counts `times[r]` times."""
    meetings = []
    for place in range(1, unit_at.shape[1]):
        left, right = unit_at[:, place - 1], unit_at[:, place]
        is_spoken = (left != 0) & (right != 0)
        meet = is_spoken & is_start[:, place]
        if meet.any():
            codes = left[meet] * num_units + right[meet]
            said = np.bincount(codes, times[meet], num_units**2).reshape(num_units, num_units)
            meetings.append(_Meeting(said, float(times[is_spoken].sum())))
    return meetings


def _probability_by_accident(meetings: Sequence[_Meeting], left: int, right: int, num_said: int) -> float:
    """How probable it is that a pair meets so often or more, if at each place the left sides are dealt out anew.

    Fisher's exact test, where a pair can meet at several places: what they may give in all is the convolution.
    """
    probability = np.ones(1)  # of 0, 1, 2 ... meetings, up to one fewer than there were
    for meeting in meetings:
        num_left, num_right = round(meeting.said[left].sum()), round(meeting.said[:, right].sum())
        if num_left and num_right:
            here = hypergeom.pmf(np.arange(num_said), round(meeting.num_messages), num_left, num_right)
            probability = np.convolve(probability, here)[:num_said]
    return float(1.0 - probability.sum())


def _merge(
    unit_at: np.ndarray, is_start: np.ndarray, left: int, right: int, new: int, left_length: int, right_length: int
) -> None:
    """Join each `left` with a `right` that follows it, from left to right, in place; lengths are in symbols."""
    for place in range(1, unit_at.shape[1]):
        meet = is_start[:, place] & (unit_at[:, place - 1] == left) & (unit_at[:, place] == right)
        if meet.any():
            unit_at[meet, place - left_length : place + right_length] = new
            is_start[meet, place] = False
