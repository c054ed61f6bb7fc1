"""How a language is built: whether parts of a message stand for parts of its meaning.

Letters as in `language.measures`. No one of these numbers says it all: what is called compositional differs
(Korbak et al. 2020, "Measuring non-trivial compositionality in emergent communication",
https://arxiv.org/abs/2010.15058, compares most of them), and none foretells how well a language generalises.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from language.counting import (
    check_language,
    check_speakers,
    compact,
    count_columns,
    entropy_of_counts_bits,
    hamming,
    information_of_counts_bits,
    levenshtein,
    pairs_of_rows,
    rank_correlation,
    value_ids,
)
from language.miniature import COMPOSITIONAL, CONSTANT, HOLISTIC, MEANINGS  # noqa: F401 - for the examples


def topographic_similarity(
    meanings: np.ndarray,
    messages: np.ndarray,
    max_pairs: int = 100_000,
    rng: np.random.Generator | None = None,
) -> float:
    """Rank correlation (Spearman) of distances between meanings and between messages, in [-1, 1], no unit.

    Meanings are as far apart as they have attributes that differ (Hamming), messages as it takes symbols
    inserted, deleted or replaced to turn one into the other (Levenshtein). Every pair of rows counts where
    there are at most `max_pairs` (up to 447 rows by default); otherwise that many different pairs are drawn
    by `rng`, and without `rng` always the same ones.
    1 when similar meanings have similar words throughout; by chance (words dealt out at random) 0 on average.
    nan when all meanings or all messages are equally far apart: a constant language, one pair, fewer.
    Source: Brighton & Kirby 2006, "Understanding linguistic evolution by visualizing the emergence of
    topographic mappings", https://doi.org/10.1162/artl.2006.12.2.229; the distances are those of EGG.

    >>> topographic_similarity(MEANINGS, COMPOSITIONAL), topographic_similarity(MEANINGS, CONSTANT)
    (1.0, nan)

    Holistic, by hand: the six pairs differ by 1 1 2 2 1 1 in meaning and by 2 1 1 1 1 2 in words.
    >>> round(topographic_similarity(MEANINGS, HOLISTIC), 6)
    -0.5
    """
    check_language(meanings, messages)
    return float(topographic_similarities(meanings, messages[None], max_pairs, rng)[0])


def topographic_similarities(
    meanings: np.ndarray,
    messages_by_speaker: np.ndarray,
    max_pairs: int = 100_000,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """`topographic_similarity` of each speaker of (S, M, L), over the same pairs of meanings: (S,).

    >>> topographic_similarities(MEANINGS, np.stack([COMPOSITIONAL, HOLISTIC, CONSTANT])).round(6).tolist()
    [1.0, -0.5, nan]
    """
    check_speakers(meanings, messages_by_speaker)
    if max_pairs < 1:
        raise ValueError(f"max_pairs must be at least 1, got {max_pairs}")
    left, right = pairs_of_rows(len(meanings), max_pairs, rng)
    apart = hamming(meanings, left, right)
    messages_by_speaker = compact(messages_by_speaker)
    return np.array(
        [rank_correlation(apart, levenshtein(messages[left], messages[right])) for messages in messages_by_speaker]
    )


def positional_disentanglement(meanings: np.ndarray, messages: np.ndarray) -> float:
    """Mean over positions of (I1 - I2) / H, in [0, 1], no unit: does a position tell of one attribute only?

    I1 and I2 are the position's mutual information with the attribute it tells most and second most about, H
    is its entropy; positions that always carry the same symbol are left out.
    1 when every position names one attribute; by chance slightly above 0, as a sample shares some information
    by accident (about 0.005 for 400 random messages over 8 symbols and 4 attributes of 8 values).
    nan when every position is constant, or with fewer than two attributes.
    Source: Chaabouni et al. 2020, "Compositionality and generalization in emergent languages" (posdis),
    https://arxiv.org/abs/2004.09124.

    >>> positional_disentanglement(MEANINGS, COMPOSITIONAL), positional_disentanglement(MEANINGS, CONSTANT)
    (1.0, nan)

    Holistic, by hand: position 0 says 1 2 1 2, which is attribute 1; position 1 says 3 4 4 3, neither.
    >>> positional_disentanglement(MEANINGS, HOLISTIC)
    0.5
    """
    check_language(meanings, messages)
    return _mean_information_gap(meanings, messages)


def bag_of_symbols_disentanglement(meanings: np.ndarray, messages: np.ndarray) -> float:
    """Mean over symbols of (I1 - I2) / H, in [0, 1], no unit: does a symbol tell of one attribute anywhere?

    As `positional_disentanglement`, but of how often a symbol occurs in the message, wherever it stands.
    Silence is left out (as EGG leaves out its end of message), and so is a symbol that every message holds
    equally often.
    1 when every symbol belongs to one attribute, in any order; by chance slightly above 0, as there.
    nan when no symbol varies, or with fewer than two attributes.
    Source: Chaabouni et al. 2020 (bosdis), https://arxiv.org/abs/2004.09124.

    >>> [bag_of_symbols_disentanglement(MEANINGS, words) for words in (COMPOSITIONAL, HOLISTIC, CONSTANT)]
    [1.0, 0.5, nan]

    When both positions share their symbols, a count does not say whose they are:
    >>> bag_of_symbols_disentanglement(MEANINGS, np.array([[1, 1], [1, 2], [2, 1], [2, 2]]))
    0.0
    """
    check_language(meanings, messages)
    return _mean_information_gap(meanings, _bags(messages))


def context_independence(meanings: np.ndarray, messages: np.ndarray) -> float:
    """Mean over concepts c of p(v|c) p(c|v), in [0, 1], no unit: does a concept have its own symbol in any context?

    A concept is a value of an attribute. p(c|v) is the share of messages with symbol v that mean c, p(v|c) the
    share of messages for c in which v occurs, anywhere; v is the symbol with the greatest p(c|v), and of several
    such the one with the greatest p(v|c). Silence names nothing.
    1 when each concept has a symbol that occurs whenever it is meant and never otherwise. A constant language
    scores the mean share of a concept (1/2 below); random words come close to that where all symbols occur in
    most messages, and somewhat above p(c) L / V where few do. nan without rows, attributes or anything but silence.
    Source: Bogin et al. 2018, "Emergence of communication in an interactive world with consistent speakers",
    https://arxiv.org/abs/1809.00549. They align concepts and symbols by a translation model; we count in which
    messages a symbol occurs. Korbak et al. 2020 count every symbol with every concept of the message, so that a
    perfect language scores 1 / (K L) there, and choose v as the symbol said most often for c, by the order of a
    Python set where several are.

    >>> context_independence(MEANINGS, COMPOSITIONAL), context_independence(MEANINGS, CONSTANT)
    (1.0, 0.5)

    Holistic, by hand: attribute 1 is named by 1 and 2; for a value of attribute 0 all four symbols are in one
    of two messages, and mean it in one of two.
    >>> context_independence(MEANINGS, HOLISTIC)
    0.625
    """
    check_language(meanings, messages)
    says = _bags(messages) > 0  # (M, symbols): which symbols occur in which message
    if says.size == 0 or meanings.shape[1] == 0:
        return float("nan")
    means = np.concatenate([_one_hot(attribute) for attribute in meanings.T], axis=1)  # (M, concepts)
    both = means.T @ says.astype(float)
    said_for = both / means.sum(axis=0)[:, None]  # p(v|c)
    meant_by = both / says.sum(axis=0)  # p(c|v)
    is_best = meant_by == meant_by.max(axis=1, keepdims=True)
    return float(np.mean(np.max(np.where(is_best, said_for * meant_by, 0.0), axis=1)))


def conflict_count(meanings: np.ndarray, messages: np.ndarray) -> int:
    """Occurrences of symbols that say something else than they usually do, a number in [0, M min(K, L)].

    Each position is taken to name one attribute, no two positions the same; there each symbol stands for the
    value that it comes with most often, and every other row with this symbol is a conflict. Of all ways to deal
    out attributes the one with the fewest conflicts counts. Where there are more positions than attributes (or
    more attributes than positions) the rest stays without, at no cost.
    0 for a compositional language, and for any with a symbol of its own for every row. Chance: random words stay
    below M min(K, L) (1 - 1/n) for n equally common values, and come near it where each symbol is said often: 102
    rather than 144 for 64 meanings of 3 attributes of 4 values in 10 symbols. Without rows 0.
    Source: Kuciński et al. 2020, "Emergence of compositional language in communication through noisy channel",
    as in Korbak et al. 2020, https://arxiv.org/abs/2010.15058; there K = L, and all K! ways are tried.

    >>> conflict_count(MEANINGS, COMPOSITIONAL), conflict_count(MEANINGS, CONSTANT)
    (0, 4)

    Holistic, by hand: position 0 names attribute 1 without conflict; at position 1 both 3 and 4 come with 0 and 1.
    >>> conflict_count(MEANINGS, HOLISTIC)
    2
    """
    check_language(meanings, messages)
    if meanings.size == 0 or messages.size == 0:
        return 0
    conflicts = np.array(
        [
            [len(meanings) - int(table.max(axis=0).sum()) for table in tables]
            for tables in count_columns(meanings, messages.T)
        ]
    )  # (L, K)
    return int(conflicts[linear_sum_assignment(conflicts)].sum())


def tree_reconstruction_error(meanings: np.ndarray, messages: np.ndarray) -> float:
    """What remains of messages after the best sum of parts, one for each attribute, per symbol in [0, 1), no unit.

    A message is written as L one-hot vectors. Each concept (a value of an attribute) gets any vector; a message
    is rebuilt as the sum of the vectors of its concepts. The error is the squared distance between message and
    sum, mean over symbols, for the vectors with the least error.
    0 when every position is a sum of what single attributes say: for compositional languages, also those in
    which several positions name one attribute, and for constant ones. Chance: random words from V equally
    common symbols leave about (1 - 1/V) (1 - R/M), where R is the number of concepts - K + 1. nan without rows or
    positions.
    Source: Andreas 2019, "Measuring compositionality in representation learning",
    https://arxiv.org/abs/1902.07181. His vectors are learned by gradient descent, under any distance and way to
    compose. With a sum and the squared distance that is a linear regression, which is solved here exactly, so
    that the number needs no seed. Korbak et al. 2020 use the cross-entropy, summed over messages, after 1,000
    steps of Adam.

    >>> [round(tree_reconstruction_error(MEANINGS, words), 6) for words in (COMPOSITIONAL, CONSTANT)]
    [0.0, 0.0]

    Holistic, by hand: position 0 leaves nothing; position 1 is predicted as half a 3, half a 4: (1/4 + 1/4) / 2.
    >>> round(tree_reconstruction_error(MEANINGS, HOLISTIC), 6)
    0.25
    """
    check_language(meanings, messages)
    return float(tree_reconstruction_errors(meanings, messages[None])[0])


def tree_reconstruction_errors(meanings: np.ndarray, messages_by_speaker: np.ndarray) -> np.ndarray:
    """`tree_reconstruction_error` of each speaker of (S, M, L): (S,).

    >>> tree_reconstruction_errors(MEANINGS, np.stack([COMPOSITIONAL, HOLISTIC])).round(6).tolist()
    [0.0, 0.25]
    """
    check_speakers(meanings, messages_by_speaker)
    num_speakers, num_meanings, length = messages_by_speaker.shape
    if num_meanings * length == 0:
        return np.full(num_speakers, np.nan)
    design = np.concatenate([np.ones((num_meanings, 1)), *(_one_hot(column) for column in meanings.T)], axis=1)
    # The left singular vectors span what sums can reach; the error is what of a one-hot vector lies outside.
    vectors, sizes, _ = np.linalg.svd(design, full_matrices=False)
    reachable = vectors[:, sizes > sizes[0] * 1e-10].T
    errors = []
    for messages in messages_by_speaker:
        reached = sum(np.sum((reachable @ _one_hot(column)) ** 2) for column in messages.T)
        errors.append(max(0.0, 1.0 - reached / (num_meanings * length)))  # below lies rounding error
    return np.array(errors)


# ---- parts ----


def _bags(messages: np.ndarray) -> np.ndarray:
    """How often each symbol that occurs, silence left out, stands in each message: (M, symbols) int64."""
    symbols = np.unique(messages[messages != 0])
    counts = np.zeros((len(messages), len(symbols)), np.int64)
    for column in messages.T:
        counts += column[:, None] == symbols
    return counts


def _one_hot(column: np.ndarray) -> np.ndarray:
    """One column for each value of (M,): (M, values) float."""
    ids = value_ids(column)
    return (ids[:, None] == np.arange(ids.max(initial=-1) + 1)).astype(float)


def _mean_information_gap(meanings: np.ndarray, columns: np.ndarray) -> float:
    """Mean over the columns (M, N) that vary of (I1 - I2) / H, see `positional_disentanglement`."""
    varying = [column for column in columns.T if len(column) and column.min() < column.max()]
    if not varying or meanings.shape[1] < 2:
        return float("nan")
    gaps = []
    for tables in count_columns(meanings, varying):
        information = sorted(information_of_counts_bits(table) for table in tables)
        gaps.append((information[-1] - information[-2]) / entropy_of_counts_bits(tables[0].sum(axis=0)))
    return float(np.mean(gaps))
