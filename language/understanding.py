"""Who understands a language: strangers, newborns, and those who have learned every part but not this whole."""

from typing import NamedTuple

import numpy as np

from language.counting import check_integers
from language.intervals import share_interval
from language.miniature import MEANINGS  # noqa: F401 - for the examples


class CrossPair(NamedTuple):
    """Mean success of three kinds of pairs, each nan where there is no such pair."""

    familiar: float  # a speaker and a listener who have learned together
    strangers: float  # who have never met
    own: float  # who are one and the same


def cross_pair(success: np.ndarray, is_familiar: np.ndarray, is_own: np.ndarray | None = None) -> CrossPair:
    """Mean success (S, L) of pairs that have met, of strangers, and of agents with themselves, in [0, 1].

    Row s, column l is the share of what speaker s says that listener l gets right; nan where they never played,
    which is left out. `is_familiar` (S, L) is true where they have learned together, `is_own` where both are one
    agent, by default on the diagonal of a square matrix and nowhere in another; an agent with itself counts as
    neither familiar nor a stranger.
    Familiar above strangers: partners share habits that are no common language. Chance is that of the task, for
    all three. Source: evaluation against strangers as in Agapiou et al. 2022, "Melting Pot 2.0",
    https://arxiv.org/abs/2211.13746.

    >>> success = np.array([[1.0, 0.9, 0.3], [0.7, 0.8, 0.1], [0.2, 0.4, 0.6]])
    >>> has_met = np.array([[True, True, False], [True, True, False], [False, False, True]])
    >>> [round(share, 3) for share in cross_pair(success, has_met)]
    [0.8, 0.25, 0.8]
    """
    success, is_familiar = np.asarray(success, dtype=float), np.asarray(is_familiar)
    if is_own is None:
        is_own = np.eye(*success.shape[:2], dtype=bool) if success.ndim == 2 else np.zeros(success.shape, bool)
        is_own = is_own & (success.ndim == 2 and success.shape[0] == success.shape[-1])
    for name, mask in (("is_familiar", is_familiar), ("is_own", is_own)):
        if success.ndim != 2 or mask.shape != success.shape or mask.dtype != bool:
            raise ValueError(
                f"{name} must be true or false for each pair of speaker and listener, "
                f"got {mask.dtype} of shape {mask.shape} for success of shape {success.shape}"
            )
    _check_shares("success", success[~np.isnan(success)])
    kinds = (is_familiar & ~is_own, ~is_familiar & ~is_own, is_own)
    played = [success[kind & ~np.isnan(success)] for kind in kinds]
    return CrossPair(*(float(shares.mean()) if shares.size else float("nan") for shares in played))


def learnability(shares: np.ndarray, steps: np.ndarray | None = None) -> float:
    """How soon a newborn understands: area under its learning curve over the area of a perfect one, in [0, 1].

    `shares` (N,) are what it understood after `steps` (N,) of learning, in any unit and ever later; without steps
    they are equally spaced. Straight lines join the points.
    1 when it understood all from the first point on, 0 when it never did. Chance: the share that guesses get, if
    it learns nothing. nan for fewer than two points. Only curves over the same steps can be compared.
    Source: the ease of teaching of Li & Bowling 2019, "Ease-of-teaching and language structure from emergent
    communication", https://arxiv.org/abs/1906.02403, as one number.

    >>> learnability(np.array([0.0, 0.5, 1.0])), learnability(np.array([0.0, 1.0, 1.0]), np.array([0, 10, 100]))
    (0.5, 0.95)
    """
    shares = np.asarray(shares, dtype=float)
    steps = np.arange(len(shares)) if steps is None else np.asarray(steps, dtype=float)
    if shares.ndim != 1 or shares.shape != steps.shape:
        raise ValueError(f"each share needs one step, got shapes {shares.shape} and {steps.shape}")
    _check_shares("shares", shares)
    if not np.all(np.diff(steps) > 0):
        raise ValueError(f"steps must rise, got {steps.tolist()}")
    if len(shares) < 2:
        return float("nan")
    area = np.sum((shares[1:] + shares[:-1]) / 2 * np.diff(steps))
    return float(area / (steps[-1] - steps[0]))


class ZeroShot(NamedTuple):
    """What is understood of meanings that were never trained, as shares with intervals."""

    exact: float  # share of meanings with every attribute right
    interval: tuple[float, float]  # of `exact`
    attributes: tuple[float, ...]  # share right, of each attribute
    attribute_intervals: tuple[tuple[float, float], ...]


def zero_shot(
    answers: np.ndarray, meanings: np.ndarray, trained: np.ndarray | None = None, confidence: float = 0.95
) -> ZeroShot:
    """Share of held-out meanings (M, K) for which the answers (M, K) are right, whole and per attribute, in [0, 1].

    With the meanings that were `trained` (N, K) it is refused to ask for one of them, and for a value that no
    trained meaning had: only the combination is new. Intervals are those of `share_interval`.
    1 when the language generalises to every combination. Chance: guesses get an attribute of n equally common
    values in 1/n, and the whole in the product of these shares. nan without meanings.
    Source: the held-out combinations of Kottur et al. 2017, https://arxiv.org/abs/1706.08502, and of Chaabouni et
    al. 2020, https://arxiv.org/abs/2004.09124.

    >>> found = zero_shot(answers=np.array([[0, 0], [0, 1], [1, 1], [1, 1]]), meanings=MEANINGS)
    >>> found.exact, found.attributes, [round(bound, 3) for bound in found.interval]
    (0.75, (1.0, 0.75), [0.301, 0.954])
    """
    check_integers("answers", answers, 2)
    check_integers("meanings", meanings, 2)
    if answers.shape != meanings.shape:
        raise ValueError(f"each meaning needs one answer, got shapes {answers.shape} and {meanings.shape}")
    if trained is not None:
        _check_held_out(meanings, trained)
    is_right = answers == meanings
    num_right = [int(np.count_nonzero(is_right.all(axis=1))), *(int(n) for n in np.count_nonzero(is_right, axis=0))]
    shares = [n / len(meanings) if len(meanings) else float("nan") for n in num_right]
    intervals = [share_interval(n, len(meanings), confidence) for n in num_right]
    return ZeroShot(shares[0], intervals[0], tuple(shares[1:]), tuple(intervals[1:]))


# ---- parts ----


def _check_shares(name: str, shares: np.ndarray) -> None:
    if not np.all((shares >= 0) & (shares <= 1)):
        raise ValueError(f"{name} must be in [0, 1], got {shares.min()}..{shares.max()}")


def _check_held_out(meanings: np.ndarray, trained: np.ndarray) -> None:
    check_integers("trained", trained, 2)
    if trained.shape[1] != meanings.shape[1]:
        raise ValueError(f"trained meanings must have {meanings.shape[1]} attributes, got {trained.shape[1]}")
    known = set(map(tuple, trained.tolist()))
    for meaning in meanings.tolist():
        if tuple(meaning) in known:
            raise ValueError(f"held-out meanings must not be trained, got {meaning}")
    for attribute, (held_out, seen) in enumerate(zip(meanings.T, trained.T, strict=True)):
        if new := sorted(set(held_out.tolist()) - set(seen.tolist())):
            raise ValueError(f"each value must be trained in some combination, got {new} of attribute {attribute}")
