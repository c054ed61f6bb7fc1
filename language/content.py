"""How much a language says: how many words it has, how much they tell, how long and how common they are.

Letters as in `language.measures`. Entropies are plug-in estimates: of few rows they come out too low, and what
is said to be shared too high (Miller 1955), so compare languages over the same number of rows.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.stats import spearmanr

from language.counting import check_integers, check_language, entropy_bits, pair_ids, row_ids, value_ids
from language.miniature import COMPOSITIONAL, CONSTANT, HOLISTIC, MEANINGS  # noqa: F401 - for the examples


def mutual_information_bits(x: np.ndarray, y: np.ndarray) -> float:
    """What one integer column (M,) tells about another, in bits, in [0, min(H(x), H(y))] (plug-in estimate).

    0 when one of them is constant. Chance: unrelated columns give about (X - 1) (Y - 1) / (2 M ln 2) bits,
    where X and Y count their values. nan without rows. Source: Shannon 1948; the bias: Miller 1955.

    >>> mutual_information_bits(np.array([0, 0, 1, 1]), np.array([5, 5, 7, 7]))
    1.0
    >>> mutual_information_bits(np.array([0, 0, 1, 1]), np.array([5, 7, 5, 7]))
    0.0
    """
    x_ids, y_ids = value_ids(x), value_ids(y)
    if len(x_ids) != len(y_ids):
        raise ValueError(f"both columns must have as many rows, got {len(x_ids)} and {len(y_ids)}")
    if len(x_ids) == 0:
        return float("nan")
    x_bits, y_bits = entropy_bits(x_ids), entropy_bits(y_ids)
    shared = x_bits + y_bits - entropy_bits(pair_ids(x_ids, y_ids))
    return min(max(0.0, shared), x_bits, y_bits)  # beyond lies rounding error


def message_entropy_bits(messages: np.ndarray) -> float:
    """Entropy of whole messages (M, L), in bits, in [0, log2 M].

    log2 M when every row has its own message, 0 when all are the same. Chance: random messages come
    near log2 M where many more than M are possible. nan without rows. Source: Shannon 1948.

    >>> message_entropy_bits(COMPOSITIONAL), message_entropy_bits(HOLISTIC), message_entropy_bits(CONSTANT)
    (2.0, 2.0, 0.0)
    """
    check_integers("messages", messages, 2)
    return entropy_bits(row_ids(messages)) if len(messages) else float("nan")


def effective_vocabulary(messages: np.ndarray) -> float:
    """How many equally common messages have the entropy of the whole messages (M, L), a number in [1, M].

    exp(entropy in nats): M when every row has its own message, 1 when all are the same; a message said once in a
    while hardly counts, unlike in `unique_messages`. Chance: random messages come near M where many more are
    possible. nan without rows. Source: Hill 1973, "Diversity and evenness" (order 1),
    https://doi.org/10.2307/1934352.

    >>> effective_vocabulary(COMPOSITIONAL), effective_vocabulary(HOLISTIC), effective_vocabulary(CONSTANT)
    (4.0, 4.0, 1.0)
    """
    return 2.0 ** message_entropy_bits(messages)


def effective_symbols(messages: np.ndarray, num_symbols: int) -> float:
    """How many equally common symbols have the entropy of a position, mean over the positions of (M, L).

    A number of symbols, exp(entropy in nats), in [1, V + 1] as silence counts too; `num_symbols` is V,
    against which the symbols are checked. 1 when every position is constant. Chance: random messages from V
    symbols come close to V. nan without rows or positions.
    Source: Hill 1973, "Diversity and evenness" (order 1), https://doi.org/10.2307/1934352.

    >>> [effective_symbols(messages, num_symbols=4) for messages in (COMPOSITIONAL, HOLISTIC, CONSTANT)]
    [2.0, 2.0, 1.0]
    """
    check_integers("messages", messages, 2)
    if messages.size == 0:
        return float("nan")
    if messages.min() < 0 or messages.max() > num_symbols:
        raise ValueError(f"symbols must be in 0..{num_symbols}, got {messages.min()}..{messages.max()}")
    return float(np.mean([2.0 ** entropy_bits(value_ids(column)) for column in messages.T]))


def unique_messages(messages: np.ndarray) -> int:
    """Number of different messages among (M, L), in [1, M]; 0 without rows.

    M when no two meanings share a message. Chance: random messages come close to M where many more are
    possible.

    >>> unique_messages(COMPOSITIONAL), unique_messages(HOLISTIC), unique_messages(CONSTANT)
    (4, 4, 1)
    """
    check_integers("messages", messages, 2)
    return int(row_ids(messages).max(initial=-1)) + 1


def ambiguity(meanings: np.ndarray, messages: np.ndarray) -> float:
    """H(meaning | message): what remains unknown once the message is heard, in bits, in [0, H(meaning)].

    0 when every message names one meaning, however it is built; H(meaning) for a constant language. Chance:
    messages unrelated to their meanings come close to H(meaning) too, where each message occurs in many rows.
    nan without rows. Source: the information loss of Rita et al. 2022, "Emergent communication:
    generalization and overfitting in Lewis games", https://arxiv.org/abs/2209.15342.

    >>> ambiguity(MEANINGS, COMPOSITIONAL), ambiguity(MEANINGS, HOLISTIC), ambiguity(MEANINGS, CONSTANT)
    (0.0, 0.0, 2.0)
    """
    check_language(meanings, messages)
    return _unknown_bits(meanings, messages)


def synonymy(meanings: np.ndarray, messages: np.ndarray) -> float:
    """H(message | meaning): how freely a meaning is worded, in bits, in [0, H(message)].

    Meanings stand in several rows here: as several speakers word them, or one speaker several times. N rows a
    meaning show at most log2 N bits.
    0 when every meaning has one wording, as in a constant language, and where no meaning stands in two rows, which
    then says nothing. Chance: random messages come near log2 N where many more than N are possible. nan without
    rows. Source: the inverse of `ambiguity`, https://arxiv.org/abs/2209.15342.

    Two speakers share the words for the first meaning alone:
    >>> both = np.concatenate([MEANINGS, MEANINGS])
    >>> synonymy(both, np.concatenate([COMPOSITIONAL, HOLISTIC])), synonymy(both, np.concatenate([CONSTANT] * 2))
    (0.75, 0.0)
    """
    check_language(meanings, messages)
    return _unknown_bits(messages, meanings)


# ---- how long, how common ----


def message_lengths(messages: np.ndarray) -> np.ndarray:
    """Symbols before the first silence, of each of (M, L), in [0, L]: (M,) int64. Here silence ends a message.

    >>> message_lengths(np.array([[1, 2, 0], [1, 0, 2], [0, 0, 0], [3, 3, 3]])).tolist()
    [2, 1, 0, 3]
    """
    check_integers("messages", messages, 2)
    return np.cumprod(messages != 0, axis=1).sum(axis=1)


def length_against_frequency(messages: np.ndarray, frequencies: np.ndarray | None = None) -> float:
    """Rank correlation (Spearman) of how long messages (M, L) are and how frequent, in [-1, 1], no unit.

    `frequencies` (M,) are those of the meanings, in any unit; without them each different message counts once, by
    how many rows say it.
    Below 0 where what is frequent is short (Zipf's law of abbreviation), above 0 in the anti-efficient codes that
    agents are known to invent; by chance 0. nan where all are equally long or equally frequent, and for fewer than
    two messages.
    Source: Zipf 1949; Chaabouni et al. 2019, "Anti-efficient encoding in emergent communication",
    https://arxiv.org/abs/1905.12561.

    >>> short_for_frequent = np.array([[1, 0, 0], [1, 2, 0], [1, 2, 3]])
    >>> length_against_frequency(short_for_frequent, np.array([50, 30, 20]))
    -1.0
    >>> length_against_frequency(COMPOSITIONAL, np.array([4, 3, 2, 1])), length_against_frequency(CONSTANT)
    (nan, nan)
    """
    check_integers("messages", messages, 2)
    if frequencies is None:
        _, first, frequencies = np.unique(row_ids(messages), return_index=True, return_counts=True)
        messages = messages[first]
    frequencies = np.asarray(frequencies, dtype=float)
    if frequencies.shape != (len(messages),) or not np.all(frequencies >= 0):
        raise ValueError(
            f"frequencies must be one number >= 0 for each of {len(messages)} messages, got shape {frequencies.shape}"
            + (f" with least {frequencies.min()}" if frequencies.size else "")
        )
    lengths = message_lengths(messages)
    if len(messages) < 2 or np.ptp(lengths) == 0 or np.ptp(frequencies) == 0:
        return float("nan")
    return float(np.clip(spearmanr(lengths, frequencies).statistic, -1.0, 1.0))


def zipf_exponent(messages: np.ndarray) -> float:
    """The exponent s for which the r-th most common of the messages (M, L) is r^-s as common, at least 0, no unit.

    The s with the greatest likelihood, given how many different messages there are. For symbols rather than whole
    messages give `messages.reshape(-1, 1)`.
    0 when all are equally common, about 1 for words of natural languages. Chance: random draws from equally common
    messages give somewhat above 0, as ranks are dealt out after counting: 0.12 for 1,000 draws from 10, 0.36 for
    1,000 from 300. nan for fewer than two different messages.
    Source: Zipf 1949; the estimate: Clauset et al. 2009, "Power-law distributions in empirical data",
    https://doi.org/10.1137/070710111 (a line through the logarithms leans on the rarest words).

    >>> zipf_exponent(COMPOSITIONAL), zipf_exponent(CONSTANT)
    (0.0, nan)
    >>> round(zipf_exponent(np.repeat([[1], [2], [3]], [600, 300, 200], axis=0)), 6)  # 1, 1/2, 1/3
    1.0
    """
    check_integers("messages", messages, 2)
    counts = np.sort(np.bincount(row_ids(messages)))[::-1]
    if len(counts) < 2:
        return float("nan")
    if counts[0] == counts[-1]:
        return 0.0
    log_rank = np.log(np.arange(1, len(counts) + 1))
    observed = counts @ log_rank / counts.sum()

    def excess(exponent: float) -> float:
        weight = np.exp(-exponent * log_rank)
        return float(weight @ log_rank / weight.sum() - observed)

    # The likelihood is greatest where the mean log rank is the observed one; 2 is the rank next to the first, and
    # counts are whole numbers, which bounds the exponent.
    return float(brentq(excess, 0.0, 2.0 + np.log2(counts.sum() * len(counts)), xtol=1e-12))


# ---- parts ----


def _unknown_bits(of: np.ndarray, given: np.ndarray) -> float:
    """H(of | given) of rows."""
    if len(of) == 0:
        return float("nan")
    given_ids = row_ids(given)
    return max(0.0, entropy_bits(pair_ids(row_ids(of), given_ids)) - entropy_bits(given_ids))
