"""Whether speakers agree: how often they say the same, and how far apart what they say is.

Letters as in `language.measures`. Speakers are asked for the same meanings, in the same order.
"""

import numpy as np

from language.counting import check_integers, compact, levenshtein, row_ids
from language.miniature import COMPOSITIONAL, CONSTANT, HOLISTIC  # noqa: F401 - for the examples


def agreement(messages_by_speaker: np.ndarray) -> float:
    """Share of pairs of speakers who say the same, mean over meanings, in [0, 1]; messages (S, M, L).

    1 when all speak one language. Chance: how probable it is that two random messages are equal, V^-L if all
    are equally common. nan for fewer than two speakers, or without meanings.
    Source: the exact match between agents of Dagan et al. 2021, https://arxiv.org/abs/2001.03361.

    >>> agreement(np.stack([COMPOSITIONAL, COMPOSITIONAL])), agreement(np.stack([COMPOSITIONAL, HOLISTIC]))
    (1.0, 0.25)
    >>> agreement(CONSTANT[None])
    nan
    """
    check_integers("messages_by_speaker", messages_by_speaker, 3)
    num_speakers, num_meanings, length = messages_by_speaker.shape
    if num_speakers < 2 or num_meanings == 0:
        return float("nan")
    message_ids = row_ids(messages_by_speaker.reshape(num_speakers * num_meanings, length))
    meaning_ids = np.tile(np.arange(num_meanings), num_speakers)
    # Speakers who say the same for the same meaning form a group; a group of n holds n (n - 1) ordered pairs.
    group_sizes = np.unique(meaning_ids * (message_ids.max() + 1) + message_ids, return_counts=True)[1]
    num_agreeing = np.sum(group_sizes * (group_sizes - 1))
    return float(num_agreeing / (num_meanings * num_speakers * (num_speakers - 1)))


def language_distance(messages_a: np.ndarray, messages_b: np.ndarray) -> float:
    """How far apart two speakers' messages (M, L) for the same meanings are, mean edit distance / L, in [0, 1].

    0 when they say the same. Unlike `agreement` it tells dialects, which share most of a message, from different
    languages. Chance: two random messages from V equally common symbols are nearly 1 - 1/V apart for L = 1, and
    somewhat less for longer ones, as symbols can be shifted to match. nan without meanings or positions.
    Source: Levenshtein 1966, divided by the length as between dialects by Nerbonne & Heeringa 1997,
    https://aclanthology.org/W97-1102.

    By hand: of two symbols 0, 1, 2 and 1 have to be replaced.
    >>> language_distance(COMPOSITIONAL, HOLISTIC), language_distance(CONSTANT, CONSTANT)
    (0.5, 0.0)
    """
    check_integers("messages_a", messages_a, 2)
    check_integers("messages_b", messages_b, 2)
    if messages_a.shape != messages_b.shape:
        raise ValueError(f"both speakers must be asked the same, got shapes {messages_a.shape} and {messages_b.shape}")
    if messages_a.size == 0:
        return float("nan")
    return float(levenshtein(messages_a, messages_b).mean() / messages_a.shape[1])


def language_distances(messages_by_speaker: np.ndarray) -> np.ndarray:
    """`language_distance` of every pair of speakers of (S, M, L): (S, S), symmetric, 0 on the diagonal.

    >>> language_distances(np.stack([COMPOSITIONAL, HOLISTIC, COMPOSITIONAL])).tolist()
    [[0.0, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.0]]
    """
    check_integers("messages_by_speaker", messages_by_speaker, 3)
    num_speakers = len(messages_by_speaker)
    distances = np.zeros((num_speakers, num_speakers))
    messages_by_speaker = compact(messages_by_speaker)
    if messages_by_speaker[:1].size == 0:
        return np.full_like(distances, np.nan)
    for a in range(num_speakers):
        for b in range(a):
            distances[a, b] = distances[b, a] = language_distance(messages_by_speaker[a], messages_by_speaker[b])
    return distances
