"""Words of several symbols: which are found, which are not, and the tokenizer that keeps them."""

import csv
import io
import itertools

import numpy as np
import pytest
from tokenizers import Tokenizer

from language import words
from language.vocabulary import MAX_SYMBOLS, symbol_name
from language.words import (
    ANYWHERE,
    lexicon_csv,
    lexicon_of_words,
    long_words,
    merges_of,
    spell,
    train_words,
    word_tokenizer,
    words_said,
)
from tests.language.test_vocabulary import ATTRIBUTES, GRID

NUM_COLOURS, NUM_SHAPES = 6, 5
MEANINGS = np.array(list(itertools.product(range(NUM_COLOURS), range(NUM_SHAPES))))
# a colour is a word of two symbols, neither of which tells of it alone in any place; a shape is one symbol
FIRST, SECOND = np.array([1, 2, 3, 4, 5, 6]), np.array([2, 3, 1, 5, 6, 4])
IN_WORDS = np.stack([FIRST[MEANINGS[:, 0]], SECOND[MEANINGS[:, 0]], MEANINGS[:, 1] + 7], axis=1)
COLOUR_WORDS = {"babe": 1, "bebi": 2, "biba": 3, "bobu": 4, "buda": 5, "dabo": 6}
NUM_SYMBOLS = 11


def merged_in_python(message: list[int], merges: list[tuple[str, str]]) -> list[str]:
    """Byte-pair encoding, plainly: one merge after the other, each from left to right."""
    units = [symbol_name(symbol) for symbol in message]
    for left, right in merges:
        done: list[str] = []
        for unit in units:
            if done and (done[-1], unit) == (left, right):
                done[-1] += unit
            else:
                done.append(unit)
        units = done
    return units


# ---- what is a word ----


def test_neighbours_that_belong_together_become_words():
    tokenizer = train_words(IN_WORDS, NUM_SYMBOLS)
    assert set(long_words(tokenizer)) == set(COLOUR_WORDS)
    for (colour, _), row in zip(MEANINGS, words_said(tokenizer, IN_WORDS), strict=True):
        assert COLOUR_WORDS[row[0]] == FIRST[colour]
        assert len(row) == 2


def test_words_are_found_wherever_they_stand():
    rng = np.random.default_rng(0)
    messages = rng.integers(4, 12, (300, 6))
    for row in messages:
        if rng.random() < 0.5:
            place = rng.integers(5)
            row[place : place + 2] = (1, 2)
    assert list(long_words(train_words(messages, 12))) == ["babe"]


def test_words_of_words_can_be_three_symbols_long():
    rng = np.random.default_rng(0)
    messages = rng.integers(4, 12, (200, 4))
    messages[::2, :3] = (1, 2, 3)
    tokenizer = train_words(messages, 12)
    assert long_words(tokenizer)["babebi"] == 14  # made of babe, or of bebi
    assert words_said(tokenizer, messages)[0][0] == "babebi"


@pytest.mark.parametrize(("num_symbols", "length", "num_meanings"), [(16, 4, 60), (4, 4, 200), (16, 6, 400)])
def test_random_languages_have_hardly_any_words_even_where_all_speak_the_same(num_symbols, length, num_meanings):
    num_languages = 60
    have_words = 0
    for seed in range(num_languages):
        messages = np.random.default_rng(seed).integers(1, num_symbols + 1, (num_meanings, length))
        tokenizer = train_words(np.tile(messages, (8, 1)), num_symbols, num_speakers=8)
        have_words += bool(long_words(tokenizer))
    assert have_words <= 5  # at the rate of 0.02 more are as improbable as 0.0002


def test_places_that_tell_of_independent_attributes_have_no_words():
    compositional = np.stack([MEANINGS[:, 0] + 1, MEANINGS[:, 1] + 7], axis=1)
    assert long_words(train_words(np.tile(compositional, (20, 1)), NUM_SYMBOLS)) == {}


def test_a_constant_language_has_no_words():
    assert long_words(train_words(np.tile([[1, 2, 3]], (500, 1)), 3)) == {}


def test_what_many_speakers_say_alike_is_evidence_once():
    once = IN_WORDS[::NUM_SHAPES]  # each colour once: nothing is said often enough
    assert long_words(train_words(np.tile(once, (8, 1)), NUM_SYMBOLS, num_speakers=8)) == {}
    assert long_words(train_words(np.tile(once, (8, 1)), NUM_SYMBOLS))  # as if there were eight times as many meanings
    alone, together = train_words(IN_WORDS, NUM_SYMBOLS), train_words(np.tile(IN_WORDS, (8, 1)), 11, num_speakers=8)
    assert alone.to_str() == together.to_str()


def test_rare_pairs_and_more_words_than_asked_for_are_left_out():
    assert long_words(train_words(IN_WORDS, NUM_SYMBOLS, min_count=NUM_SHAPES + 1)) == {}
    # each pair is said six times as often as by accident
    assert long_words(train_words(IN_WORDS, NUM_SYMBOLS, min_bits=np.log2(6) + 0.01)) == {}
    assert len(long_words(train_words(IN_WORDS, NUM_SYMBOLS, min_bits=np.log2(6)))) == 6
    assert len(long_words(train_words(IN_WORDS, NUM_SYMBOLS, max_words=2))) == 2


def test_silence_is_part_of_no_word():
    messages = np.array([[1, 2, 0, 0], [3, 0, 0, 0]] * 50)
    tokenizer = train_words(messages, 3)
    assert words_said(tokenizer, messages[:2]) == [["ba", "be", "_", "_"], ["bi", "_", "_", "_"]]
    assert train_words(np.zeros((9, 4), int), 3).to_str() == word_tokenizer(3).to_str()


def test_messages_of_one_symbol_and_no_messages_have_no_words():
    assert long_words(train_words(np.ones((50, 1), int), 3)) == {}
    assert long_words(train_words(np.ones((0, 4), int), 3)) == {}


def test_renaming_symbols_renames_the_words():
    order = np.random.default_rng(1).permutation(NUM_SYMBOLS) + 1
    renamed = train_words(order[IN_WORDS - 1], NUM_SYMBOLS)
    expected = {symbol_name(order[a - 1]) + symbol_name(order[b - 1]) for a, b in zip(FIRST, SECOND, strict=True)}
    assert set(long_words(renamed)) == expected


def test_the_order_of_messages_does_not_matter():
    shuffled = np.random.default_rng(2).permutation(IN_WORDS)
    assert train_words(shuffled, NUM_SYMBOLS).to_str() == train_words(IN_WORDS, NUM_SYMBOLS).to_str()


@pytest.mark.parametrize(
    ("messages", "options", "told"),
    [
        (np.ones((3, 2)), {}, "integer array"),
        (np.ones(3, int), {}, r"shape \(3,\)"),
        (np.full((3, 2), 5), {}, r"symbols must be in 0\.\.4, got 5\.\.5"),
        (np.full((3, 2), -1), {}, r"got -1\.\.-1"),
        (np.ones((3, 2), int), {"num_symbols": MAX_SYMBOLS + 1}, r"must be in 0\.\.210"),
        (np.ones((3, 2), int), {"num_speakers": 0}, "num_speakers must be at least 1, got 0"),
    ],
)
def test_what_is_no_language_is_refused(messages, options, told):
    with pytest.raises(ValueError, match=told):
        train_words(messages, **{"num_symbols": 4, **options})


# ---- the tokenizer ----


def test_tokens_are_the_symbols_and_then_the_words(tmp_path):
    tokenizer = train_words(IN_WORDS, NUM_SYMBOLS)
    path = tmp_path / "tokenizer.json"
    path.write_text(tokenizer.to_str(pretty=True))
    loaded = Tokenizer.from_file(str(path))
    names = [loaded.id_to_token(token) for token in range(loaded.get_vocab_size())]
    assert names[: NUM_SYMBOLS + 1] == [symbol_name(symbol) for symbol in range(NUM_SYMBOLS + 1)]
    assert sorted(names[NUM_SYMBOLS + 1 :]) == sorted(COLOUR_WORDS)
    assert loaded.to_str(pretty=True) == path.read_text()


def test_a_tokenizer_without_words_numbers_the_symbols():
    tokenizer = word_tokenizer(200)
    symbols = list(range(201))
    assert tokenizer.encode(spell(np.array(symbols))).ids == symbols
    assert tokenizer.get_vocab_size() == 201
    assert merges_of(tokenizer) == []


@pytest.mark.parametrize("num_symbols", [0, MAX_SYMBOLS + 1])
def test_a_vocabulary_without_names_is_refused(num_symbols):
    with pytest.raises(ValueError, match=rf"num_symbols must be in 1\.\.210, got {num_symbols}"):
        word_tokenizer(num_symbols)


def test_text_comes_back_as_it_was():
    tokenizer = train_words(IN_WORDS, NUM_SYMBOLS)
    for message in [*IN_WORDS, np.array([1, 2, 1, 2, 0, 0]), np.array([11, 1, 3])]:
        ids = tokenizer.encode(spell(message)).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == spell(message)
    assert tokenizer.encode("ba be da").ids == tokenizer.encode("babe da").ids


def test_the_tokenizer_merges_as_byte_pair_encoding_does():
    rng = np.random.default_rng(3)
    merges = [("be", "bi"), ("ba", "ba"), ("ba", "bebi"), ("bo", "ba"), ("baba", "ba"), ("babe", "bi"), ("ba", "be")]
    tokenizer = word_tokenizer(4, merges)
    assert merges_of(tokenizer) == merges
    messages = rng.integers(0, 5, (400, 7))
    said = words_said(tokenizer, messages)
    assert said == [merged_in_python(message, merges) for message in messages.tolist()]
    assert {len(row) for row in said} >= {3, 4, 5, 6, 7}


def test_training_reads_messages_as_its_tokenizer_does():
    """Merges are found on arrays and applied to text: two ways, one segmentation."""
    merges = [("be", "bi"), ("ba", "ba"), ("ba", "bebi"), ("babebi", "baba"), ("bo", "babebi"), ("be", "bobabebi")]
    messages = np.random.default_rng(4).integers(1, 5, (20_000, 7))
    names = [symbol_name(symbol) for symbol in range(5)]
    unit_at, is_start = messages.copy(), np.ones(messages.shape, bool)
    for left, right in merges:
        names.append(left + right)
        ids = names.index(left), names.index(right), len(names) - 1
        words._merge(unit_at, is_start, *ids, len(left) // 2, len(right) // 2)
    read = [[names[unit] for unit in units[starts]] for units, starts in zip(unit_at, is_start, strict=True)]
    assert read == words_said(word_tokenizer(4, merges), messages)
    assert any(names[-1] in row for row in read)


def test_a_line_ends_every_word_and_an_unknown_one_is_an_error():
    tokenizer = word_tokenizer(3, [("ba", "be")])
    assert tokenizer.encode("ba\nbe").tokens == ["ba", "be"]
    for unknown in ("da", "bebi", "bab"):
        with pytest.raises(Exception, match="UNK"):
            tokenizer.encode(unknown)


# ---- what words mean ----


def test_the_lexicon_of_words_is_the_dictionary():
    colour = np.array([[4, 5], [5, 6], [6, 4]])[GRID[:, 0]]
    messages = np.concatenate([GRID[:, 1:] + 1, colour], axis=1)
    tokenizer = word_tokenizer(6, [("bo", "bu"), ("bu", "da"), ("da", "bo")])
    rows = lexicon_of_words(GRID, messages, ATTRIBUTES, tokenizer)
    assert [(row["symbol"], row["name"], row["attribute"], row["value"]) for row in rows] == [
        (7, "bobu", "colour", "red"),
        (8, "buda", "colour", "green"),
        (9, "dabo", "colour", "blue"),
    ]
    assert all(row["probability"] == 1.0 and row["count"] == 2 and row["position"] == ANYWHERE for row in rows)
    third = -np.log2(1 / 3) / 3 - 2 / 3 * np.log2(2 / 3)  # the entropy of "is it red?"
    assert rows[0]["information_bits"] == pytest.approx(third)


def test_a_word_of_two_meanings_shows_the_most_probable_one_and_an_unsaid_word_nothing():
    messages = np.array([[1, 2], [1, 2], [1, 2], [3, 3], [3, 3], [3, 3]])
    tokenizer = word_tokenizer(3, [("ba", "be"), ("be", "be")])
    (row,) = lexicon_of_words(GRID, messages, ATTRIBUTES, tokenizer)
    assert (row["name"], row["value"], row["count"]) == ("babe", "red", 3)
    assert row["probability"] == pytest.approx(2 / 3)


def test_the_lexicon_is_a_table_that_others_can_read():
    row = {"name": "ba", "attribute": "colour, of a box", "value": "red", "count": 3, "information_bits": 1 / 3}
    rows = [{**row, "symbol": 1, "position": 2, "probability": 0.5}]
    rows.append({**row, "symbol": 9, "name": "babe", "position": ANYWHERE, "probability": 1.0})
    found = list(csv.DictReader(io.StringIO(lexicon_csv(rows))))
    assert [(line["word"], line["position"], line["attribute"]) for line in found] == [
        ("ba", "2", "colour, of a box"),
        ("babe", "", "colour, of a box"),
    ]
    assert [float(line["probability"]) for line in found] == [0.5, 1.0]
    assert found[0]["information_bits"] == "0.333333"
    assert lexicon_csv([]).count("\n") == 1
