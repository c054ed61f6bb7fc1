"""Measures of a language against hand-made languages, plain reference code and their symmetries."""

import itertools
import math
import time

import numpy as np
import pytest
from scipy.stats import spearmanr

from language import agreement, content, counting, intervals, measures, structure, understanding, use

GRID = np.array(list(itertools.product(range(4), repeat=3)))  # (64, 3): all meanings of three attributes


def compositional_language() -> np.ndarray:
    """Each attribute at its own position, with its own symbols 1..12."""
    return GRID + 1 + 4 * np.arange(3)


def shuffled_language(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(compositional_language())


def levenshtein_by_definition(left: tuple, right: tuple) -> int:
    if not left or not right:
        return len(left) + len(right)
    return min(
        levenshtein_by_definition(left[1:], right) + 1,
        levenshtein_by_definition(left, right[1:]) + 1,
        levenshtein_by_definition(left[1:], right[1:]) + (left[0] != right[0]),
    )


def information_by_definition(x: np.ndarray, y: np.ndarray) -> float:
    total = 0.0
    for a, b in set(zip(x.tolist(), y.tolist(), strict=True)):
        joint = np.mean((x == a) & (y == b))
        total += joint * math.log2(joint / (np.mean(x == a) * np.mean(y == b)))
    return total


def gap_by_definition(meanings: np.ndarray, column: np.ndarray) -> float:
    information = sorted(information_by_definition(attribute, column) for attribute in meanings.T)
    return (information[-1] - information[-2]) / information_by_definition(column, column)


def test_a_compositional_language_scores_one():
    language = compositional_language()
    assert measures.topographic_similarity(GRID, language) == pytest.approx(1.0, abs=1e-12)
    assert measures.positional_disentanglement(GRID, language) == pytest.approx(1.0, abs=1e-12)
    assert measures.bag_of_symbols_disentanglement(GRID, language) == pytest.approx(1.0, abs=1e-12)


def test_every_position_counts_towards_positional_disentanglement():
    half = compositional_language()
    half[:, 1:] = np.random.default_rng(0).permutation(half[:, 1:])  # only position 0 still means something
    assert 0.33 < measures.positional_disentanglement(GRID, half) < 0.5
    backwards = half[:, ::-1]
    assert measures.positional_disentanglement(GRID, backwards) == pytest.approx(
        measures.positional_disentanglement(GRID, half)
    )


def test_a_position_that_names_two_attributes_equally_is_entangled():
    pairs = np.array(list(itertools.product(range(2), repeat=2)))
    both = (1 + 2 * pairs[:, :1] + pairs[:, 1:]).astype(np.int16)
    assert measures.positional_disentanglement(pairs, both) == 0.0


def test_a_free_word_order_keeps_bags_and_breaks_positions():
    language = compositional_language()
    rng = np.random.default_rng(0)
    reordered = np.array([rng.permutation(message) for message in language])
    assert measures.bag_of_symbols_disentanglement(GRID, reordered) == pytest.approx(1.0, abs=1e-12)
    assert measures.positional_disentanglement(GRID, reordered) < 0.3


def test_silence_is_no_symbol_in_a_bag():
    language = compositional_language()
    padded = np.concatenate([language, np.zeros((64, 2), int)], axis=1)
    padded[np.random.default_rng(1).random(64) < 0.5, 3] = 13  # now and then a filler instead of silence
    with_filler = measures.bag_of_symbols_disentanglement(GRID, padded)
    assert measures.bag_of_symbols_disentanglement(GRID, np.where(padded == 13, 0, padded)) == pytest.approx(1.0)
    assert with_filler == pytest.approx((12 + gap_by_definition(GRID, padded[:, 3])) / 13)


def test_words_dealt_out_at_random_centre_at_chance():
    languages = [shuffled_language(seed) for seed in range(40)]
    similarity = [measures.topographic_similarity(GRID, language) for language in languages]
    assert abs(np.mean(similarity)) < 0.01
    assert max(np.abs(similarity)) < 0.15
    assert 0 < np.mean([measures.positional_disentanglement(GRID, language) for language in languages]) < 0.06
    assert 0 < np.mean([measures.bag_of_symbols_disentanglement(GRID, language) for language in languages]) < 0.06


def test_a_constant_language_says_nothing():
    constant = np.full((64, 3), 5)
    assert math.isnan(measures.topographic_similarity(GRID, constant))
    assert math.isnan(measures.positional_disentanglement(GRID, constant))
    assert math.isnan(measures.bag_of_symbols_disentanglement(GRID, constant))
    assert measures.message_entropy_bits(constant) == 0.0
    assert measures.effective_symbols(constant, 12) == 1.0
    assert measures.unique_messages(constant) == 1
    assert measures.ambiguity(GRID, constant) == 6.0


def test_a_silent_language_is_a_constant_one():
    silent = np.zeros((64, 3), np.int16)
    assert math.isnan(measures.bag_of_symbols_disentanglement(GRID, silent))
    assert measures.effective_symbols(silent, 12) == 1.0


def test_structure_does_not_change_how_much_is_said():
    for language in (compositional_language(), shuffled_language(0)):
        assert measures.message_entropy_bits(language) == 6.0
        assert measures.effective_symbols(language, 12) == pytest.approx(4.0, abs=1e-12)
        assert measures.unique_messages(language) == 64
        assert measures.ambiguity(GRID, language) == 0.0


def test_leaving_out_an_attribute_costs_its_entropy():
    partial = compositional_language()[:, :2]
    assert measures.ambiguity(GRID, partial) == pytest.approx(2.0, abs=1e-12)
    assert measures.unique_messages(partial) == 16
    assert measures.message_entropy_bits(partial) == pytest.approx(4.0, abs=1e-12)


def test_rows_of_one_meaning_are_no_ambiguity():
    twice = np.repeat(GRID, 2, axis=0)
    synonyms = np.arange(128)[:, None]
    assert measures.ambiguity(twice, synonyms) == 0.0
    assert measures.ambiguity(twice, synonyms // 4) == pytest.approx(1.0)


def test_effective_symbols_is_the_exponential_of_the_entropy_per_position():
    messages = np.array([[1, 1], [1, 2], [2, 3], [3, 4]])  # entropies 1.5 and 2 bits
    assert measures.effective_symbols(messages, 4) == pytest.approx((2**1.5 + 2**2) / 2)


@pytest.mark.parametrize("seed", range(5))
def test_renaming_symbols_and_reordering_rows_changes_no_measure(seed):
    rng = np.random.default_rng(seed)
    messages = rng.integers(0, 6, (64, 4))
    names = np.concatenate([[0], 1 + rng.permutation(5)])  # silence stays silence
    order = rng.permutation(64)
    renamed, meanings = names[messages][order], GRID[order]
    for measure in (
        measures.topographic_similarity,
        measures.positional_disentanglement,
        measures.bag_of_symbols_disentanglement,
        measures.ambiguity,
    ):
        assert measure(meanings, renamed) == pytest.approx(measure(GRID, messages), abs=1e-12)
    assert measures.message_entropy_bits(renamed) == measures.message_entropy_bits(messages)
    assert measures.effective_symbols(renamed, 5) == pytest.approx(measures.effective_symbols(messages, 5))
    assert measures.unique_messages(renamed) == measures.unique_messages(messages)
    speakers, other_names = rng.integers(0, 3, (4, 64, 2)), rng.permutation(3)
    assert measures.agreement(other_names[speakers][::-1]) == pytest.approx(measures.agreement(speakers))


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_edit_distance_equals_its_definition(length):
    messages = np.random.default_rng(length).integers(0, 3, (25, length))
    left, right = (side.ravel() for side in np.meshgrid(np.arange(25), np.arange(25)))
    expected = [
        levenshtein_by_definition(tuple(messages[i]), tuple(messages[j])) for i, j in zip(left, right, strict=True)
    ]
    assert counting.levenshtein(messages[left], messages[right]).tolist() == expected


def test_an_edit_is_not_a_mismatch():
    shifted = np.array([[1, 2, 3, 4], [2, 3, 4, 1]])  # four mismatches, but one deletion and one insertion
    assert counting.levenshtein(shifted[:1], shifted[1:]).tolist() == [2]


@pytest.mark.parametrize("seed", range(5))
def test_rank_correlation_equals_that_of_scipy(seed):
    x, y = np.random.default_rng(seed).integers(0, 6, (2, 300))
    assert counting.rank_correlation(x, y + x // 2) == pytest.approx(spearmanr(x, y + x // 2).statistic, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_mutual_information_equals_its_definition(seed):
    x, y = np.random.default_rng(seed).integers(0, 4, (2, 50))
    assert measures.mutual_information_bits(x, y) == pytest.approx(information_by_definition(x, y), abs=1e-12)
    assert measures.mutual_information_bits(x, y) == pytest.approx(measures.mutual_information_bits(y, x), abs=1e-12)


@pytest.mark.parametrize("num_rows", [2, 3, 4, 5, 8, 9])
def test_all_pairs_are_each_pair_once(num_rows):
    left, right = counting.pairs_of_rows(num_rows, 10_000, None)
    pairs = sorted(tuple(sorted(pair)) for pair in zip(left.tolist(), right.tolist(), strict=True))
    assert pairs == list(itertools.combinations(range(num_rows), 2))


def test_sampled_pairs_are_different_and_fixed():
    left, right = counting.pairs_of_rows(64, 500, None)
    pairs = {tuple(sorted(pair)) for pair in zip(left.tolist(), right.tolist(), strict=True)}
    assert len(pairs) == 500
    assert all(i != j for i, j in pairs)
    language = shuffled_language(3)
    sampled = measures.topographic_similarity(GRID, language, max_pairs=500)
    assert sampled == measures.topographic_similarity(GRID, language, max_pairs=500)
    others = measures.topographic_similarity(GRID, language, max_pairs=500, rng=np.random.default_rng(7))
    assert others != sampled
    assert abs(sampled - measures.topographic_similarity(GRID, language)) < 0.2


def test_four_hundred_meanings_take_less_than_a_tenth_of_a_second():
    rng = np.random.default_rng(0)
    meanings, messages = rng.integers(0, 8, (400, 4)), rng.integers(0, 12, (400, 5))
    seconds = []
    for _ in range(5):
        start = time.process_time()
        measures.topographic_similarity(meanings, messages)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.1


def test_agreement_is_the_mean_over_pairs_of_speakers():
    messages = np.random.default_rng(0).integers(0, 2, (5, 30, 2))
    pairs = list(itertools.combinations(range(5), 2))
    expected = np.mean([(messages[a] == messages[b]).all(axis=1).mean() for a, b in pairs])
    assert measures.agreement(messages) == pytest.approx(expected, abs=1e-12)


def test_the_same_word_for_another_meaning_is_no_agreement():
    assert measures.agreement(np.array([[[1], [2]], [[2], [1]]])) == 0.0


def test_agreement_needs_two_speakers_and_a_meaning():
    assert math.isnan(measures.agreement(np.zeros((1, 4, 2), int)))
    assert math.isnan(measures.agreement(np.zeros((0, 4, 2), int)))
    assert math.isnan(measures.agreement(np.zeros((3, 0, 2), int)))


def test_share_interval_is_that_of_wilson():
    z, share, trials = 1.959963984540054, 0.3, 50
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    assert measures.share_interval(15, 50) == pytest.approx((centre - half, centre + half))
    assert measures.share_interval(np.int64(0), np.int64(50))[0] == 0.0
    assert measures.share_interval(50, 50)[1] == 1.0
    assert all(math.isnan(bound) for bound in measures.share_interval(0, 0))
    with pytest.raises(ValueError, match="51 of 50"):
        measures.share_interval(51, 50)


def test_all_measures_are_the_means_over_speakers_of_each():
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random((64, 3)) < 0.3, rng.integers(0, 13, (64, 3)), compositional_language())
    speakers = np.stack([compositional_language(), shuffled_language(0), noisy])
    frequencies = rng.random(64)
    measured = measures.all_measures(GRID, speakers, num_symbols=12, frequencies=frequencies)
    for measure in (
        measures.topographic_similarity,
        measures.positional_disentanglement,
        measures.bag_of_symbols_disentanglement,
        measures.context_independence,
        measures.conflict_count,
        measures.tree_reconstruction_error,
        measures.ambiguity,
    ):
        each = [measure(GRID, messages) for messages in speakers]
        assert measured.pop(measure.__name__) == pytest.approx(np.mean(each)), measure.__name__
    for measure in (
        measures.message_entropy_bits,
        measures.effective_vocabulary,
        measures.unique_messages,
        measures.zipf_exponent,
    ):
        each = [measure(messages) for messages in speakers]
        assert measured.pop(measure.__name__) == pytest.approx(np.mean(each)), measure.__name__
    assert measured.pop("effective_symbols") == pytest.approx(
        np.mean([measures.effective_symbols(messages, 12) for messages in speakers])
    )
    # Only the third speaker is ever silent: the others have no correlation of length, and only it counts.
    assert measured.pop("length_against_frequency") == measures.length_against_frequency(noisy, frequencies)
    assert measured.pop("message_length") == pytest.approx((3 + 3 + measures.message_lengths(noisy).mean()) / 3)
    assert measured.pop("agreement") == measures.agreement(speakers)
    assert measured.pop("language_distance") == pytest.approx(
        np.mean([measures.language_distance(a, b) for a, b in itertools.combinations(speakers, 2)])
    )
    assert measured.pop("synonymy") == pytest.approx(
        measures.synonymy(np.concatenate([GRID] * 3), np.concatenate([*speakers]))
    )
    assert not measured


def test_all_measures_pass_on_what_they_are_given():
    speakers = np.random.default_rng(0).integers(1, 5, (2, 64, 3))
    usual = measures.all_measures(GRID, speakers, 4)
    assert measures.all_measures(GRID, speakers, 4) == pytest.approx(usual, nan_ok=True)
    drawn = measures.all_measures(GRID, speakers, 4, max_pairs=500, rng=np.random.default_rng(7))
    rng = np.random.default_rng(7)
    assert drawn["topographic_similarity"] == pytest.approx(
        measures.topographic_similarities(GRID, speakers, max_pairs=500, rng=rng).mean()
    )
    assert math.isnan(usual["length_against_frequency"])
    with pytest.raises(ValueError, match=r"symbols must be in 0\.\.3"):
        measures.all_measures(GRID, speakers, 3)
    with pytest.raises(ValueError, match="got 63 meanings and 64 messages"):
        measures.all_measures(GRID[:63], speakers, 4)
    with pytest.raises(ValueError, match="messages_by_speaker must be an integer array with 3 axes"):
        measures.all_measures(GRID, speakers[0], 4)


def test_all_measures_of_nobody_alone_or_of_nothing_are_what_is_undefined():
    alone = measures.all_measures(GRID, compositional_language()[None], 12)
    assert math.isnan(alone["agreement"])
    assert math.isnan(alone["language_distance"])
    assert alone["synonymy"] == 0.0
    nothing = measures.all_measures(GRID[:0], np.zeros((2, 0, 3), int), 12)
    assert {name for name, value in nothing.items() if not math.isnan(value)} == {"conflict_count", "unique_messages"}
    nobody = measures.all_measures(GRID, np.zeros((0, 64, 3), int), 12)
    assert all(math.isnan(value) for value in nobody.values())
    assert nothing.keys() == nobody.keys() == alone.keys()


def test_every_measure_can_be_imported_from_one_place_and_says_where_it_comes_from():
    for name in measures.__all__:
        thing = getattr(measures, name)
        assert isinstance(thing, np.ndarray) or thing.__doc__, name
    public = {
        name
        for module in (agreement, content, intervals, structure, understanding, use)
        for name, thing in vars(module).items()
        if getattr(thing, "__module__", "") == module.__name__ and not name.startswith("_")
    }
    assert public <= set(measures.__all__)


def test_odd_sizes_are_undefined_not_errors():
    none, one = np.zeros((0, 2), int), np.zeros((1, 2), int)
    for measure in (measures.topographic_similarity, measures.positional_disentanglement):
        assert math.isnan(measure(none, none))
        assert math.isnan(measure(one, one))
        assert math.isnan(measure(GRID, np.zeros((64, 0), int)))  # empty messages
    assert math.isnan(measures.positional_disentanglement(GRID[:, :1], compositional_language()[:, :1]))
    assert math.isnan(measures.ambiguity(none, none))
    assert math.isnan(measures.message_entropy_bits(none))
    assert math.isnan(measures.effective_symbols(none, 3))
    assert math.isnan(measures.mutual_information_bits(none[:, 0], none[:, 0]))
    assert measures.unique_messages(none) == 0
    assert measures.unique_messages(np.zeros((3, 0), int)) == 1


def test_wrong_arrays_are_refused_with_what_came():
    with pytest.raises(ValueError, match=r"messages must be an integer array with 2 axes, got float64"):
        measures.message_entropy_bits(np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"of shape \(3,\)"):
        measures.unique_messages(np.zeros(3, int))
    with pytest.raises(ValueError, match="64 meanings and 63 messages"):
        measures.ambiguity(GRID, GRID[:63])
    with pytest.raises(ValueError, match=r"symbols must be in 0\.\.2, got 0\.\.3"):
        measures.effective_symbols(GRID, 2)
    with pytest.raises(ValueError, match="max_pairs must be at least 1, got 0"):
        measures.topographic_similarity(GRID, GRID, max_pairs=0)
