"""What measures of a language are made of: checked arrays, counts of what occurs, distances between rows.

Nothing here is compiled: NumPy over all pairs at once is fast enough, and a newcomer waits for no compiler.
"""

from collections.abc import Iterable

import numpy as np

_BLOCK = 8192  # pairs whose edit tables are filled together: what is worked on stays in the processor's cache

# ---- checks ----


def check_integers(name: str, array: np.ndarray, num_axes: int) -> None:
    if array.ndim != num_axes or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be an integer array with {num_axes} axes, got {array.dtype} of shape {array.shape}"
        )


def check_language(meanings: np.ndarray, messages: np.ndarray) -> None:
    check_integers("meanings", meanings, 2)
    check_integers("messages", messages, 2)
    if len(meanings) != len(messages):
        raise ValueError(f"each meaning needs one message, got {len(meanings)} meanings and {len(messages)} messages")


def check_speakers(meanings: np.ndarray, messages_by_speaker: np.ndarray) -> None:
    check_integers("meanings", meanings, 2)
    check_integers("messages_by_speaker", messages_by_speaker, 3)
    if len(meanings) != messages_by_speaker.shape[1]:
        raise ValueError(
            f"each speaker needs one message a meaning, got {len(meanings)} meanings and "
            f"{messages_by_speaker.shape[1]} messages"
        )


def check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence}")


# ---- counts ----


def value_ids(column: np.ndarray) -> np.ndarray:
    """The values of a column (M,), numbered from 0 in ascending order: (M,) int64."""
    return np.unique(column, return_inverse=True)[1].reshape(-1)


def row_ids(rows: np.ndarray) -> np.ndarray:
    """The different rows of (M, N), numbered from 0: (M,) int64."""
    ids = np.zeros(len(rows), np.int64)
    for column in rows.T:  # column by column, several times as fast as sorting whole rows
        ids = pair_ids(ids, value_ids(column))
    return ids


def pair_ids(x_ids: np.ndarray, y_ids: np.ndarray) -> np.ndarray:
    """The different pairs of two columns of ids, numbered from 0: (M,) int64."""
    return value_ids(x_ids * (y_ids.max(initial=0) + 1) + y_ids)


def entropy_bits(ids: np.ndarray) -> float:
    """Entropy in bits of a column of at least one id."""
    # Sorted, so that the same language under other names gives the same bits.
    share = np.sort(np.unique(ids, return_counts=True)[1]) / len(ids)
    return float(np.sum(share * -np.log2(share)))


def count_columns(meanings: np.ndarray, columns: Iterable[np.ndarray]) -> list[list[np.ndarray]]:
    """How often each value of an attribute meets each value of a column: for each column, a table per attribute."""
    attributes = [value_ids(attribute) for attribute in meanings.T]
    tables = []
    for column in columns:
        ids = value_ids(column)
        width = int(ids.max(initial=-1)) + 1
        tables.append(
            [
                np.bincount(attribute * width + ids, minlength=(attribute.max() + 1) * width).reshape(-1, width)
                for attribute in attributes
            ]
        )
    return tables


def entropy_of_counts_bits(counts: np.ndarray) -> float:
    """Entropy in bits of what occurs `counts` times, at least one of them above 0."""
    counts = np.sort(counts[counts > 0])
    share = counts / counts.sum()
    return float(np.sum(share * -np.log2(share)))


def information_of_counts_bits(table: np.ndarray) -> float:
    """What a row tells of its column, in bits, from a table (X, Y) of counts."""
    x_bits, y_bits = entropy_of_counts_bits(table.sum(axis=1)), entropy_of_counts_bits(table.sum(axis=0))
    shared = x_bits + y_bits - entropy_of_counts_bits(table.ravel())
    return min(max(0.0, shared), x_bits, y_bits)  # beyond lies rounding error


# ---- distances ----


def pairs_of_rows(num_rows: int, max_pairs: int, rng: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray]:
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


def hamming(rows: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """In how many columns of (M, K) two rows differ, of each pair: (N,) int32."""
    distance = np.zeros(len(left), np.int32)
    for column in rows.T:
        distance += column[left] != column[right]
    return distance


def compact(messages: np.ndarray) -> np.ndarray:
    """The same symbols in as few bytes as hold them, which makes comparing many of them faster."""
    if messages.min(initial=0) < 0 or messages.max(initial=0) >= 2**15:
        return messages
    return messages.astype(np.uint8 if messages.max(initial=0) < 256 else np.int16)


def levenshtein(lefts: np.ndarray, rights: np.ndarray) -> np.ndarray:
    """Fewest symbols to insert, delete or replace between rows with the same number, of (N, L) each: (N,) int32.

    The table of Wagner & Fischer 1974, filled for many pairs at once.
    """
    num_pairs, length = lefts.shape
    # Distances are at most L, and for a moment L + 1: bytes hold them, and bytes are what makes this fast.
    kind = np.uint8 if length < 255 else np.int32
    lefts, rights = np.ascontiguousarray(lefts.T), np.ascontiguousarray(rights.T)
    distance = np.empty(num_pairs, np.int32)
    for start in range(0, num_pairs, _BLOCK):
        block = slice(start, min(start + _BLOCK, num_pairs))
        size = block.stop - start
        above = [np.full(size, j, kind) for j in range(length + 1)]
        for i in range(length):
            row = [np.full(size, i + 1, kind)]
            for j in range(length):
                replaced = above[j] + (lefts[i, block] != rights[j, block])
                shifted = np.minimum(above[j + 1], row[j])
                shifted += 1
                row.append(np.minimum(replaced, shifted, out=shifted))
            above = row
        distance[block] = above[-1]
    return distance


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's correlation of small non-negative integers (N,), ties on their mean rank; nan if constant.

    Ranks are counted, not sorted, and correlated from a table of how often each value meets each: many times
    as fast as scipy.stats.spearmanr; the number is the same.
    """
    if len(x) == 0:
        return float("nan")
    width = int(y.max()) + 1
    table = np.bincount(x * width + y, minlength=(int(x.max()) + 1) * width).reshape(-1, width)
    x_count, y_count = table.sum(axis=1), table.sum(axis=0)
    if np.count_nonzero(x_count) < 2 or np.count_nonzero(y_count) < 2:
        return float("nan")
    # From the mean rank of all; the half-integers below are exact.
    x_rank = np.cumsum(x_count) - (x_count - 1) / 2 - (len(x) + 1) / 2
    y_rank = np.cumsum(y_count) - (y_count - 1) / 2 - (len(x) + 1) / 2
    spread = np.sqrt((x_count @ x_rank**2) * (y_count @ y_rank**2))
    return float(np.clip((x_rank @ table @ y_rank) / spread, -1.0, 1.0))  # beyond lies rounding error
