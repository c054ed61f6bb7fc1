"""What words cause: whether speakers tell what they see, and whether listeners act on what they hear.

Speaking and listening are measured apart, because either can be there without the other: a listener may ignore
words that mean a lot, and words that depend on what is seen may tell a listener nothing new. Only changing the
message shows that it is listened to (Lowe et al. 2019, "On the pitfalls of measuring emergent communication",
https://arxiv.org/abs/1903.05168).
"""

from typing import NamedTuple

import numpy as np

from language.counting import check_integers, entropy_bits, pair_ids, row_ids, value_ids
from language.miniature import COMPOSITIONAL, CONSTANT, MEANINGS  # noqa: F401 - for the examples


class Signalling(NamedTuple):
    """What messages tell of what their speaker saw, and what they seem to tell by accident; in bits."""

    bits: float  # as counted
    chance_bits: float  # mean over messages dealt out anew

    @property
    def above_chance_bits(self) -> float:
        """About 0 for messages that tell nothing, on either side; never above `bits`."""
        return self.bits - self.chance_bits


def positive_signalling_bits(
    observations: np.ndarray,
    messages: np.ndarray,
    context: np.ndarray | None = None,
    num_shuffles: int = 20,
    rng: np.random.Generator | None = None,
) -> Signalling:
    """I(message; observation | context), in bits, in [0, H(observation | context)]: does the speaker tell what it sees?

    Observations (N, K) and messages (N, L) are compared as whole rows. `context` (N,) is what others know anyway;
    only what is told beyond it counts.
    0 when messages do not depend on the observation. Few rows with many different observations and messages seem to
    share a lot by accident: `chance_bits` is the mean over `num_shuffles` languages in which the same messages are
    dealt out anew within each context, by `rng`, and without `rng` always the same ones; take it off. Where every
    observation and every message stands in one row only, all is accident: nothing is left above chance.
    nan without rows; `chance_bits` also without shuffles.
    Source: Lowe et al. 2019, https://arxiv.org/abs/1903.05168; Eccles et al. 2019, "Biases for emergent
    communication in multi-agent reinforcement learning", https://arxiv.org/abs/1912.05676.

    >>> observations = np.repeat(MEANINGS, 50, axis=0)
    >>> positive_signalling_bits(observations, np.repeat(COMPOSITIONAL, 50, axis=0)).bits
    2.0
    >>> positive_signalling_bits(observations, np.repeat(CONSTANT, 50, axis=0))
    Signalling(bits=0.0, chance_bits=0.0)

    Whoever knows the first attribute is told only the second:
    >>> known = observations[:, 0]
    >>> told = positive_signalling_bits(observations, np.repeat(COMPOSITIONAL, 50, axis=0), known)
    >>> told.bits, 0 < told.chance_bits < 0.03
    (1.0, True)
    """
    check_integers("observations", observations, 2)
    check_integers("messages", messages, 2)
    context = np.zeros(len(messages), np.int64) if context is None else np.asarray(context)
    check_integers("context", context, 1)
    if not len(observations) == len(messages) == len(context):
        raise ValueError(
            f"observations, messages and context must have as many rows, "
            f"got {len(observations)}, {len(messages)} and {len(context)}"
        )
    if num_shuffles < 0:
        raise ValueError(f"num_shuffles must be at least 0, got {num_shuffles}")
    if len(messages) == 0:
        return Signalling(float("nan"), float("nan"))
    rng = rng or np.random.default_rng(0)  # always the same, so that a measure can be repeated
    context_ids, message_ids = value_ids(context), row_ids(messages)
    seen_ids = pair_ids(row_ids(observations), context_ids)  # of an observation in its context
    # Messages are dealt out within contexts, so that all but the joint entropy stays as it is.
    seen_bits, context_bits = entropy_bits(seen_ids), entropy_bits(context_ids)
    said_bits = entropy_bits(pair_ids(message_ids, context_ids))
    most = max(0.0, min(seen_bits, said_bits) - context_bits)

    def told_bits(said: np.ndarray) -> float:
        # What lies below 0 or above all that can be said or seen is rounding error.
        return min(max(0.0, seen_bits + said_bits - context_bits - entropy_bits(pair_ids(seen_ids, said))), most)

    by_context = np.argsort(context_ids, kind="stable")
    shuffled = np.empty_like(message_ids)
    by_chance = []
    for _ in range(num_shuffles):
        anew = np.lexsort((rng.random(len(messages)), context_ids))  # contexts in order, rows within them in none
        shuffled[by_context] = message_ids[anew]
        by_chance.append(told_bits(shuffled))
    return Signalling(told_bits(message_ids), float(np.mean(by_chance)) if by_chance else float("nan"))


def positive_listening_bits(given: np.ndarray, intervened: np.ndarray, guessing: float = 0.0) -> float:
    """Mean of KL(p(act | message) || p(act | another message)), in bits, at least 0: does hearing change the act?

    Row n of `given` (N, A) is the distribution over A acts in situation n, row n of `intervened` (N, A) the one in
    the same situation under another message.
    0 for a deaf listener, exactly, whatever it does; that is the chance level too, so anything above is caused by
    words. inf where an act becomes impossible that was not, as with a listener that does not draw its acts: then
    either ask for `changed_share`, or let `guessing` be above 0: both distributions are mixed with that much of
    the uniform one, and the measure stays at most log2(A / guessing). nan without rows.
    Source: the causal influence of communication of Lowe et al. 2019, https://arxiv.org/abs/1903.05168, and of
    Jaques et al. 2019, https://arxiv.org/abs/1810.08647; they compare with the mean over messages, we with one.

    >>> listens, is_deaf = np.array([[0.75, 0.25], [0.5, 0.5]]), np.array([[0.5, 0.5], [0.5, 0.5]])
    >>> round(positive_listening_bits(listens, is_deaf), 6)  # (3/4 log2 3/2 + 1/4 log2 1/2 + 0) / 2
    0.094361
    >>> positive_listening_bits(listens, listens), positive_listening_bits(np.eye(2), np.eye(2)[::-1])
    (0.0, inf)
    >>> round(positive_listening_bits(np.eye(2), np.eye(2)[::-1], guessing=0.5), 6)  # 3/4 log2 3 + 1/4 log2 1/3
    0.792481
    """
    given, intervened = np.asarray(given, dtype=float), np.asarray(intervened, dtype=float)
    for name, rows in (("given", given), ("intervened", intervened)):
        if rows.ndim != 2 or rows.shape != given.shape:
            raise ValueError(f"{name} must be one distribution over acts a row, got shapes {given.shape}, {rows.shape}")
        if not (np.all(rows >= 0) and np.allclose(rows.sum(axis=1), 1.0, atol=1e-4)):
            raise ValueError(f"each row of {name} must be shares that sum to 1")
    if not 0 <= guessing <= 1:
        raise ValueError(f"guessing must be in [0, 1], got {guessing}")
    if len(given) == 0:
        return float("nan")
    before, after = ((1 - guessing) * rows + guessing / given.shape[1] for rows in (given, intervened))
    with np.errstate(divide="ignore"):
        ratio = np.log2(np.where(before > 0, before, 1.0)) - np.log2(np.where(before > 0, after, 1.0))
    # What is never done has no part: 0 log 0 is 0. Rows that sum to one only nearly may end just below 0.
    return max(0.0, float(np.mean(np.sum(before * ratio, axis=1))))


def changed_share(acts: np.ndarray, acts_after: np.ndarray) -> float:
    """Share of situations in which another message led to another act, in [0, 1]; acts (N,) or (N, B), whole rows.

    1 when every act hangs on the message. A deaf listener that does not draw its acts scores 0; one that draws
    them from p by its own dice 1 - sum p^2, so give it the same dice both times. nan without situations.
    Source: interventions on messages as in Lowe et al. 2019, https://arxiv.org/abs/1903.05168.

    >>> changed_share(np.array([0, 1, 2, 3]), np.array([0, 1, 3, 2]))
    0.5
    """
    acts, acts_after = np.asarray(acts), np.asarray(acts_after)
    if acts.ndim not in (1, 2) or acts.shape != acts_after.shape:
        raise ValueError(f"both must have one act a situation, got shapes {acts.shape} and {acts_after.shape}")
    if acts.size == 0:
        return float("nan")
    return float(np.mean((acts != acts_after).reshape(len(acts), -1).any(axis=1)))
