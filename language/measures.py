"""Measures of a language: how much it says, how it is built, and whether its speakers agree.

Letters: M meanings, K attributes of a meaning, L message length, V symbols, S speakers. A language is a pair
of integer arrays, `meanings` (M, K) and `messages` (M, L); row m says how meaning m is named, and all rows
weigh the same. Symbol 0 is silence; it counts as one more symbol unless a measure says otherwise. Undefined
is nan, never an exception; arrays of the wrong shape or kind are a ValueError.
"""

import numpy as np
from scipy.stats import binomtest

# Four meanings and three ways to name them, for the examples below.
MEANINGS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
COMPOSITIONAL = np.array([[1, 3], [1, 4], [2, 3], [2, 4]])  # each attribute has its own position and symbols
HOLISTIC = np.array([[1, 3], [2, 4], [1, 4], [2, 3]])  # the same words, dealt out anew
CONSTANT = np.array([[1, 3], [1, 3], [1, 3], [1, 3]])  # one word for everything

# ---- how a language is built ----


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
    _check_language(meanings, messages)
    if max_pairs < 1:
        raise ValueError(f"max_pairs must be at least 1, got {max_pairs}")
    left, right = _pairs(len(meanings), max_pairs, rng)
    return _rank_correlation(_hamming(meanings, left, right), _levenshtein(messages, left, right))


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
    _check_language(meanings, messages)
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
    _check_language(meanings, messages)
    symbols = np.unique(messages[messages != 0])
    counts = np.array([np.count_nonzero(messages == symbol, axis=1) for symbol in symbols])  # (symbols, M)
    return _mean_information_gap(meanings, counts.T)


def mutual_information_bits(x: np.ndarray, y: np.ndarray) -> float:
    """What one integer column (M,) tells about another, in bits, in [0, min(H(x), H(y))] (plug-in estimate).

    0 when one of them is constant. Chance: unrelated columns give about (X - 1) (Y - 1) / (2 M ln 2) bits,
    where X and Y count their values. nan without rows. Source: Shannon 1948; the bias: Miller 1955.

    >>> mutual_information_bits(np.array([0, 0, 1, 1]), np.array([5, 5, 7, 7]))
    1.0
    >>> mutual_information_bits(np.array([0, 0, 1, 1]), np.array([5, 7, 5, 7]))
    0.0
    """
    x_ids, y_ids = _value_ids(x), _value_ids(y)
    if len(x_ids) != len(y_ids):
        raise ValueError(f"both columns must have as many rows, got {len(x_ids)} and {len(y_ids)}")
    if len(x_ids) == 0:
        return float("nan")
    both = x_ids * (y_ids.max() + 1) + y_ids
    x_bits, y_bits = _entropy_bits(x_ids), _entropy_bits(y_ids)
    return min(max(0.0, x_bits + y_bits - _entropy_bits(both)), x_bits, y_bits)  # beyond lies rounding error


# ---- how much it says ----


def message_entropy_bits(messages: np.ndarray) -> float:
    """Entropy of whole messages (M, L), in bits, in [0, log2 M].

    log2 M when every row has its own message, 0 when all are the same. Chance: random messages come
    near log2 M where many more than M are possible. nan without rows. Source: Shannon 1948.

    >>> message_entropy_bits(COMPOSITIONAL), message_entropy_bits(HOLISTIC), message_entropy_bits(CONSTANT)
    (2.0, 2.0, 0.0)
    """
    _check_integers("messages", messages, 2)
    return _entropy_bits(_row_ids(messages)) if len(messages) else float("nan")


def effective_symbols(messages: np.ndarray, num_symbols: int) -> float:
    """How many equally common symbols have the entropy of a position, mean over the positions of (M, L).

    A number of symbols, exp(entropy in nats), in [1, V + 1] as silence counts too; `num_symbols` is V,
    against which the symbols are checked. 1 when every position is constant. Chance: random messages from V
    symbols come close to V. nan without rows or positions.
    Source: Hill 1973, "Diversity and evenness" (order 1), https://doi.org/10.2307/1934352.

    >>> [effective_symbols(messages, num_symbols=4) for messages in (COMPOSITIONAL, HOLISTIC, CONSTANT)]
    [2.0, 2.0, 1.0]
    """
    _check_integers("messages", messages, 2)
    if messages.size == 0:
        return float("nan")
    if messages.min() < 0 or messages.max() > num_symbols:
        raise ValueError(f"symbols must be in 0..{num_symbols}, got {messages.min()}..{messages.max()}")
    return float(np.mean([2.0 ** _entropy_bits(_value_ids(column)) for column in messages.T]))


def unique_messages(messages: np.ndarray) -> int:
    """Number of different messages among (M, L), in [1, M]; 0 without rows.

    M when no two meanings share a message. Chance: random messages come close to M where many more are
    possible.

    >>> unique_messages(COMPOSITIONAL), unique_messages(HOLISTIC), unique_messages(CONSTANT)
    (4, 4, 1)
    """
    _check_integers("messages", messages, 2)
    return int(_row_ids(messages).max(initial=-1)) + 1


def ambiguity(meanings: np.ndarray, messages: np.ndarray) -> float:
    """H(meaning | message): what remains unknown once the message is heard, in bits, in [0, H(meaning)].

    0 when every message names one meaning, however it is built; H(meaning) for a constant language. Chance:
    messages unrelated to their meanings come close to H(meaning) too, where each message occurs in many rows.
    nan without rows. Source: the information loss of Rita et al. 2022, "Emergent communication:
    generalization and overfitting in Lewis games", https://arxiv.org/abs/2209.15342.

    >>> ambiguity(MEANINGS, COMPOSITIONAL), ambiguity(MEANINGS, HOLISTIC), ambiguity(MEANINGS, CONSTANT)
    (0.0, 0.0, 2.0)
    """
    _check_language(meanings, messages)
    if len(meanings) == 0:
        return float("nan")
    message_ids = _row_ids(messages)
    both = _row_ids(meanings) * (message_ids.max() + 1) + message_ids
    return max(0.0, _entropy_bits(both) - _entropy_bits(message_ids))


# ---- whether its speakers agree ----


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
    _check_integers("messages_by_speaker", messages_by_speaker, 3)
    num_speakers, num_meanings, length = messages_by_speaker.shape
    if num_speakers < 2 or num_meanings == 0:
        return float("nan")
    message_ids = _row_ids(messages_by_speaker.reshape(num_speakers * num_meanings, length))
    meaning_ids = np.tile(np.arange(num_meanings), num_speakers)
    # Speakers who say the same for the same meaning form a group; a group of n holds n (n - 1) ordered pairs.
    group_sizes = np.unique(meaning_ids * (message_ids.max() + 1) + message_ids, return_counts=True)[1]
    num_agreeing = np.sum(group_sizes * (group_sizes - 1))
    return float(num_agreeing / (num_meanings * num_speakers * (num_speakers - 1)))


def share_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval (low, high) of the share behind `successes` of `trials`, both in [0, 1] (Wilson).

    Unlike the textbook interval it stays inside [0, 1], and is no point where all or none succeed. It holds
    the true share in about `confidence` of all repetitions, whatever the share. (nan, nan) without trials.
    Source: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953.

    >>> [round(bound, 3) for bound in share_interval(9, 10)]
    [0.596, 0.982]
    >>> [round(bound, 3) for bound in share_interval(0, 10)]
    [0.0, 0.278]
    >>> share_interval(0, 0)
    (nan, nan)
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must be in 0..trials, got {successes} of {trials}")
    if trials == 0:
        return float("nan"), float("nan")
    interval = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


# ---- parts ----


def _check_integers(name: str, array: np.ndarray, num_axes: int) -> None:
    if array.ndim != num_axes or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be an integer array with {num_axes} axes, got {array.dtype} of shape {array.shape}"
        )


def _check_language(meanings: np.ndarray, messages: np.ndarray) -> None:
    _check_integers("meanings", meanings, 2)
    _check_integers("messages", messages, 2)
    if len(meanings) != len(messages):
        raise ValueError(f"each meaning needs one message, got {len(meanings)} meanings and {len(messages)} messages")


def _value_ids(column: np.ndarray) -> np.ndarray:
    """The values of a column (M,), numbered from 0 in ascending order: (M,) int64."""
    return np.unique(column, return_inverse=True)[1].reshape(-1)


def _row_ids(rows: np.ndarray) -> np.ndarray:
    """The different rows of (M, N), numbered from 0: (M,) int64."""
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)


def _entropy_bits(ids: np.ndarray) -> float:
    """Entropy in bits of a column of at least one id."""
    # Sorted, so that the same language under other names gives the same bits.
    share = np.sort(np.unique(ids, return_counts=True)[1]) / len(ids)
    return float(np.sum(share * -np.log2(share)))


def _mean_information_gap(meanings: np.ndarray, columns: np.ndarray) -> float:
    """Mean over the columns (M, N) that vary of (I1 - I2) / H, see `positional_disentanglement`."""
    varying = [column for column in columns.T if len(column) and column.min() < column.max()]
    if not varying or meanings.shape[1] < 2:
        return float("nan")
    gaps = []
    for column in varying:
        information = sorted(mutual_information_bits(attribute, column) for attribute in meanings.T)
        gaps.append((information[-1] - information[-2]) / _entropy_bits(_value_ids(column)))
    return float(np.mean(gaps))


def _pairs(num_rows: int, max_pairs: int, rng: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray]:
    """Different pairs of rows, unordered, two (N,) int64: all, or `max_pairs` drawn without repetition.

    Pair number n joins row n % num_rows with the row n // num_rows + 1 places further round: each pair once.
    """
    num_pairs = num_rows * (num_rows - 1) // 2
    if num_pairs > max_pairs:
        rng = rng or np.random.default_rng(0)  # always the same pairs, so that a measure can be repeated
        numbers = rng.choice(num_pairs, max_pairs, replace=False, shuffle=False)
    else:
        numbers = np.arange(num_pairs)
    left = numbers % max(num_rows, 1)
    return left, (left + numbers // max(num_rows, 1) + 1) % max(num_rows, 1)


def _hamming(rows: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """In how many columns of (M, K) two rows differ, of each pair: (N,) int32."""
    distance = np.zeros(len(left), np.int32)
    for column in rows.T:
        distance += column[left] != column[right]
    return distance


def _levenshtein(rows: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Fewest symbols to insert, delete or replace between two rows of (M, L), of each pair: (N,) int32.

    The table of Wagner & Fischer 1974, filled for all pairs at once.
    """
    columns = [np.ascontiguousarray(column) for column in rows.T]
    lefts, rights = [column[left] for column in columns], [column[right] for column in columns]
    above = [np.full(len(left), j, np.int32) for j in range(len(columns) + 1)]
    for i, symbol in enumerate(lefts):
        row = [np.full(len(left), i + 1, np.int32)]
        for j, other in enumerate(rights):
            replaced = above[j] + (symbol != other)
            row.append(np.minimum(replaced, np.minimum(above[j + 1], row[j]) + 1))
        above = row
    return above[-1]


def _rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's correlation of small non-negative integers (N,), ties on their mean rank; nan if constant.

    Ranks are counted, not sorted, several times as fast as scipy.stats.spearmanr; the number is the same.
    """
    if len(x) == 0 or x.min() == x.max() or y.min() == y.max():
        return float("nan")
    x_rank, y_rank = _mean_ranks(x), _mean_ranks(y)
    return float(np.corrcoef(x_rank, y_rank)[0, 1])


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    count = np.bincount(values)
    return (np.cumsum(count) - (count - 1) / 2)[values]
