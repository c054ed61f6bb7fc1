"""Measures of a language: how much it says, how it is built, whether its speakers agree, and what comes of it.

Letters: M meanings, K attributes of a meaning, L message length, V symbols, S speakers. A language is a pair
of integer arrays, `meanings` (M, K) and `messages` (M, L); row m says how meaning m is named, and all rows
weigh the same. Symbol 0 is silence; it counts as one more symbol unless a measure says otherwise. Undefined
is nan, never an exception; arrays of the wrong shape or kind are a ValueError.

The measures stand in files by what they ask; all can be imported from here, and `all_measures` takes those that
need no more than what everybody would say.
"""

import numpy as np

from language.agreement import agreement, language_distance, language_distances
from language.content import (
    ambiguity,
    effective_symbols,
    effective_vocabulary,
    length_against_frequency,
    message_entropy_bits,
    message_lengths,
    mutual_information_bits,
    synonymy,
    unique_messages,
    zipf_exponent,
)
from language.counting import check_speakers
from language.intervals import bootstrap_interval, bootstrap_mean_interval, mean_interval, share_interval
from language.miniature import COMPOSITIONAL, CONSTANT, HOLISTIC, MEANINGS
from language.structure import (
    bag_of_symbols_disentanglement,
    conflict_count,
    context_independence,
    positional_disentanglement,
    topographic_similarities,
    topographic_similarity,
    tree_reconstruction_error,
    tree_reconstruction_errors,
)
from language.understanding import CrossPair, ZeroShot, cross_pair, learnability, zero_shot
from language.use import Signalling, changed_share, positive_listening_bits, positive_signalling_bits

__all__ = [
    "COMPOSITIONAL",
    "CONSTANT",
    "HOLISTIC",
    "MEANINGS",
    "CrossPair",
    "Signalling",
    "ZeroShot",
    "agreement",
    "all_measures",
    "ambiguity",
    "bag_of_symbols_disentanglement",
    "bootstrap_interval",
    "bootstrap_mean_interval",
    "changed_share",
    "conflict_count",
    "context_independence",
    "cross_pair",
    "effective_symbols",
    "effective_vocabulary",
    "language_distance",
    "language_distances",
    "learnability",
    "length_against_frequency",
    "mean_interval",
    "message_entropy_bits",
    "message_lengths",
    "mutual_information_bits",
    "positional_disentanglement",
    "positive_listening_bits",
    "positive_signalling_bits",
    "share_interval",
    "synonymy",
    "topographic_similarities",
    "topographic_similarity",
    "tree_reconstruction_error",
    "tree_reconstruction_errors",
    "unique_messages",
    "zero_shot",
    "zipf_exponent",
]


def all_measures(
    meanings: np.ndarray,
    messages_by_speaker: np.ndarray,
    num_symbols: int,
    frequencies: np.ndarray | None = None,
    max_pairs: int = 100_000,
    rng: np.random.Generator | None = None,
) -> dict[str, float]:
    """Every measure of what all speakers (S, M, L) would say of the same meanings (M, K), by the measure's name.

    The mean over speakers where a speaker alone has one, over those for whom it is defined; nan where it is for
    none. `synonymy`, `agreement` and `language_distance` are of all together, the last a mean over pairs of
    speakers. `frequencies` (M,) are how often the meanings come up; without them `length_against_frequency` is of
    the words, as it says. `max_pairs` and `rng` are for `topographic_similarity`. What each number means, its unit,
    its range and what chance gives stand with the measure of that name.

    >>> measured = all_measures(MEANINGS, np.stack([COMPOSITIONAL, HOLISTIC]), num_symbols=4)
    >>> [round(measured[name], 6) for name in ("topographic_similarity", "agreement", "unique_messages")]
    [0.25, 0.25, 4.0]
    """
    check_speakers(meanings, messages_by_speaker)
    num_speakers, _, length = messages_by_speaker.shape
    distances = language_distances(messages_by_speaker)
    of_each: dict[str, np.ndarray | list[float] | list[int]] = {
        "topographic_similarity": topographic_similarities(meanings, messages_by_speaker, max_pairs, rng),
        "tree_reconstruction_error": tree_reconstruction_errors(meanings, messages_by_speaker),
    }
    for measure in (
        positional_disentanglement,
        bag_of_symbols_disentanglement,
        context_independence,
        conflict_count,
        ambiguity,
    ):
        of_each[measure.__name__] = [measure(meanings, messages) for messages in messages_by_speaker]
    for measure_of_words in (message_entropy_bits, effective_vocabulary, unique_messages, zipf_exponent):
        of_each[measure_of_words.__name__] = [measure_of_words(messages) for messages in messages_by_speaker]
    of_each["effective_symbols"] = [effective_symbols(messages, num_symbols) for messages in messages_by_speaker]
    of_each["message_length"] = message_lengths(messages_by_speaker.reshape(-1, length))
    of_each["length_against_frequency"] = [
        length_against_frequency(messages, frequencies) for messages in messages_by_speaker
    ]
    of_each["language_distance"] = distances[np.tril_indices(num_speakers, -1)]
    return {
        **{name: _mean_of_defined(values) for name, values in of_each.items()},
        "agreement": agreement(messages_by_speaker),
        "synonymy": synonymy(np.tile(meanings, (num_speakers, 1)), messages_by_speaker.reshape(-1, length)),
    }


def _mean_of_defined(values: np.ndarray | list[float] | list[int]) -> float:
    defined = np.asarray(values, dtype=float)
    defined = defined[~np.isnan(defined)]
    return float(defined.mean()) if defined.size else float("nan")
