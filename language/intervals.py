"""How sure a number is: intervals of shares, of means over seeds, and of any measure of a language."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import binomtest, norm, t

from language.counting import check_confidence


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
    check_confidence(confidence)
    if trials == 0:
        return float("nan"), float("nan")
    interval = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def mean_interval(values: Sequence[float] | np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    """Interval (low, high) of the mean behind a few values, one a seed, in their unit (Student's t).

    It holds the true mean in about `confidence` of all repetitions where seeds scatter like a bell, and with three
    or five seeds it is honestly wide; a bootstrap of so few is far too narrow, corrected or not. It may reach
    beyond what the values can be. (nan, nan) for fewer than two values and where one is nan: a seed in which the
    measure is undefined must be seen, not left out.
    Source: Student 1908, https://doi.org/10.2307/2331554.

    >>> [round(bound, 3) for bound in mean_interval([0.7, 0.8, 0.9])]
    [0.552, 1.048]
    >>> mean_interval([0.7])
    (nan, nan)
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1:
        raise ValueError(f"values must be a list of numbers, got shape {values.shape}")
    check_confidence(confidence)
    if len(values) < 2:
        return float("nan"), float("nan")
    half = float(t.ppf((1 + confidence) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return float(values.mean()) - half, float(values.mean()) + half


def bootstrap_mean_interval(
    values: Sequence[float] | np.ndarray, confidence: float = 0.95, num_samples: int = 9999
) -> tuple[float, float]:
    """Interval (low, high) of the mean behind a few values, one a seed, in their unit, by what they say themselves.

    So many times as many values are drawn from the values, always alike; the interval holds the middle of the means.
    It stays inside what the values can be, but of five seeds it is more than a third too narrow, as `mean_interval` is
    not.
    (nan, nan) for fewer than two values and where one is nan.
    Source: Efron 1979, https://doi.org/10.1214/aos/1176344552 (percentiles).

    By hand: of three values one draw in 27 is three times the lowest, and only one in 40 is left out below.
    >>> [round(bound, 3) for bound in bootstrap_mean_interval([0.7, 0.8, 0.9])]
    [0.7, 0.9]
    >>> bootstrap_mean_interval([0.7])
    (nan, nan)
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1:
        raise ValueError(f"values must be a list of numbers, got shape {values.shape}")
    check_confidence(confidence)
    if len(values) < 2 or np.isnan(values).any():
        return float("nan"), float("nan")
    rng = np.random.default_rng(0)  # so that an interval can be repeated
    means = values[rng.integers(len(values), size=(num_samples, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def bootstrap_interval(
    measure: Callable[..., float],
    *arrays: np.ndarray,
    num_samples: int = 200,
    confidence: float = 0.95,
    rng: np.random.Generator | None = None,
) -> tuple[float, float]:
    """Interval (low, high) of any measure of rows, `measure(*arrays)`, in its unit: would other rows say the same?

    The arrays share their first axis, the rows (meanings with their messages, or speakers); they are taken for a
    sample of all that could have been asked. `num_samples` times the measure is taken of half of the rows, drawn by
    `rng` (always alike without it); what halves scatter is what the whole scatters from sample to sample, and the
    interval is the measure, plus and minus so many of these deviations as a bell has around `confidence`.
    (nan, nan) for fewer than four rows, and where the measure of all or of a half is nan.
    It may reach beyond what the measure can be, and it is about chance only: a bias that hangs on the number of
    rows, such as that of entropies, is in the measure and stays in the interval.
    Source: the jackknife that leaves out half, Shao & Wu 1989, https://doi.org/10.1214/aos/1176347263. Not Efron's
    bootstrap: it draws rows several times, and such twins, alike in meaning and in message, make every language look
    more structured (topographic similarity, by 0.04 for 50 rows of a noisy one) and poorer in words than it is.

    >>> from language.content import effective_symbols
    >>> messages = np.repeat([[1], [2]], [100, 60], axis=0)
    >>> low, high = bootstrap_interval(lambda rows: effective_symbols(rows, 2), messages)
    >>> low < effective_symbols(messages, 2) < high
    True
    """
    if not arrays or len({len(array) for array in arrays}) != 1:
        raise ValueError(f"arrays must have as many rows, got {[len(array) for array in arrays]}")
    if num_samples < 2:
        raise ValueError(f"num_samples must be at least 2, got {num_samples}")
    check_confidence(confidence)
    num_rows = len(arrays[0])
    if num_rows < 4:
        return float("nan"), float("nan")
    rng = rng or np.random.default_rng(0)  # always the same halves, so that an interval can be repeated
    half = num_rows // 2
    sampled = []
    for _ in range(num_samples):
        rows = rng.permutation(num_rows)[:half]
        sampled.append(measure(*(array[rows] for array in arrays)))
    # Halves of n rows deviate from the whole by sqrt((n - h) / h) of what the whole deviates from the truth.
    deviation = float(np.std(sampled, ddof=1)) * np.sqrt(half / (num_rows - half))
    centre, reach = float(measure(*arrays)), float(norm.ppf((1 + confidence) / 2)) * float(deviation)
    return centre - reach, centre + reach
