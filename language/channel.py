"""The channel: every agent says L symbols out of V each step, and hears in the next step what others said.

What is heard is always hard (one-hot) symbols. For the speaker's gradient a message is straight-through: forward the
hard symbols, backward their probabilities (Bengio, Leonard and Courville 2013, https://arxiv.org/abs/1308.3432), with
Gumbel noise while learning (Jang, Gu and Poole 2017, https://arxiv.org/abs/1611.01144).

In arrays for people and files a symbol is 1 to V and 0 is silence; in the tensors here silence is a row of zeros.

Messages of variable length end with a symbol: the last one, V, which is never heard itself. From there on a message is
silence. (Rita, Chaabouni and Dupoux 2020, https://arxiv.org/abs/2010.01878, let speakers be lazy only once they are
understood, and so do we: `length_weight`.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

INTERVENTIONS = ("on", "mute", "shuffle")
LAZINESS = 45  # how suddenly length begins to cost, as success nears 1; the value of Rita et al. 2020


@dataclass(frozen=True)
class Intervention:
    """What is done to every message on its way, to tell cause from correlation."""

    kind: str = "on"  # on; mute: nothing is heard; shuffle: what was said in another world is heard
    symbol_noise: float = 0.0  # share of symbols replaced by one drawn evenly, in [0, 1]
    replacement: tuple[int, ...] | None = None  # if given, the symbols 1 to V that everybody hears instead

    def __post_init__(self) -> None:
        if self.kind not in INTERVENTIONS:
            raise ValueError(f"channel must be one of {', '.join(INTERVENTIONS)}, got {self.kind!r}")
        if not 0 <= self.symbol_noise <= 1:
            raise ValueError(f"symbol_noise must be in [0, 1], got {self.symbol_noise}")


def draw_symbols(
    logits: Tensor, generator: torch.Generator | None = None, temperature: float | Tensor = 1.0
) -> tuple[Tensor, Tensor]:
    """Choose symbols from logits (..., L, V): the most probable ones, or drawn ones if a generator is given.

    Returns the symbols (..., L) int64 in [0, V) and the straight-through message (..., L, V): one-hot, with the
    gradient of the (noisy, tempered) probabilities.
    """
    if generator is not None:
        logits = logits + gumbel_noise(logits, generator)
    symbols = logits.argmax(dim=-1)
    return symbols, straight_through(logits / temperature, symbols)


def gumbel_noise(logits: Tensor, generator: torch.Generator) -> Tensor:
    """Noise of the shape of `logits`: the largest of logits + noise is a draw from softmax(logits)."""
    waiting = torch.empty_like(logits, requires_grad=False).exponential_(generator=generator)
    return -torch.log(waiting.clamp_min(1e-30))


def straight_through(logits: Tensor, symbols: Tensor) -> Tensor:
    """One-hot `symbols` (..., L) with the gradient of softmax(`logits`) (..., L, V)."""
    hard = torch.zeros_like(logits).scatter_(-1, symbols.unsqueeze(-1), 1.0)
    if not logits.requires_grad:
        return hard
    soft = torch.softmax(logits, dim=-1)
    return hard + (soft - soft.detach())  # in this order, so that the symbols are hard to the bit


def until_end(message: Tensor) -> Tensor:
    """A message of variable length as it is heard: (..., L, V) with silence from the end symbol on.

    Gradients cross the end: a symbol that was cut off, or not, tells the speaker whether to end there.
    """
    goes_on = torch.ones_like(message[..., 0, :1])
    heard = []
    for place in message.unbind(dim=-2):
        goes_on = goes_on * (1 - place[..., -1:])
        heard.append(torch.cat([place[..., :-1] * goes_on, torch.zeros_like(goes_on)], dim=-1))
    return torch.stack(heard, dim=-2)


def is_spoken(symbols: Tensor, num_symbols: int, has_end: bool) -> Tensor:
    """Which places (..., L) of drawn symbols a speaker got to: all, or those up to the end symbol and with it; bool."""
    if not has_end:
        return torch.ones_like(symbols, dtype=torch.bool)
    ends = symbols == num_symbols - 1
    return ends.cumsum(dim=-1) - ends.long() == 0


def log_prob_of(logits: Tensor, symbols: Tensor, has_end: bool) -> Tensor:
    """Log-probability (...,) of saying `symbols` (..., L) by logits (..., L, V); what follows an end is not said."""
    each = torch.log_softmax(logits, dim=-1).gather(-1, symbols.unsqueeze(-1)).squeeze(-1)
    return (each * is_spoken(symbols, logits.shape[-1], has_end)).sum(dim=-1)


def as_heard(symbols: Tensor, num_symbols: int, has_end: bool) -> Tensor:
    """Drawn symbols (..., L) in [0, V) as arrays for people and files have them: 1 to V, and 0 from the end on."""
    if not has_end:
        return symbols + 1
    return (symbols + 1) * (is_spoken(symbols, num_symbols, True) & (symbols < num_symbols - 1))


def length_weight(success: Tensor) -> Tensor:
    """How much of the cost of length counts at this share of success: success to the power of LAZINESS, in [0, 1].

    >>> [round(float(length_weight(torch.tensor(share))), 3) for share in (0.5, 0.9, 0.99, 1.0)]
    [0.0, 0.009, 0.636, 1.0]
    """
    return success**LAZINESS


def with_gradient_of(sent: Tensor, heard: Tensor, num_symbols: int) -> Tensor:
    """`heard` (..., L * V), hard symbols, with the gradient of `sent` of the same shape where a symbol arrived.

    What noise made of a symbol is not the speaker's doing, so it learns nothing from it.
    """
    each = (*heard.shape[:-1], -1, num_symbols)
    arrived, left = heard.view(each), sent.detach().view(each)
    is_same = (arrived == left).all(dim=-1, keepdim=True)  # silence where silence was meant, too
    return heard + (is_same * (sent - sent.detach()).view(each)).flatten(-2)


def other_agents(num_agents: int) -> Tensor:
    """The speakers that each agent may hear, (A, A - 1): everybody but itself, in order."""
    every = torch.arange(num_agents).expand(num_agents, num_agents)
    return every[~torch.eye(num_agents, dtype=torch.bool)].view(num_agents, max(num_agents - 1, 0))


def draw_others(count: int, generator: torch.Generator) -> Tensor:
    """For each of so many speakers another one who is heard in its place when messages are shuffled, (count,) int64."""
    order = torch.randperm(count, generator=generator, device=generator.device)
    other = torch.empty_like(order)
    other[order] = order.roll(1)
    return other


def with_noise(messages: Tensor, share: float, num_words: int, generator: torch.Generator | None) -> Tensor:
    """Messages (..., L, V) with this share of their symbols replaced by one drawn evenly from the first `num_words`.

    A drawn symbol has no gradient; silence stays silent.
    """
    shape = messages.shape[:-1]
    is_hit = torch.rand(shape, generator=generator, device=messages.device) < share
    drawn = torch.randint(num_words, shape, generator=generator, device=messages.device)
    noise = torch.nn.functional.one_hot(drawn, messages.shape[-1]).to(messages.dtype)
    is_said = messages.detach().sum(dim=-1, keepdim=True) > 0.5
    return torch.where(is_hit.unsqueeze(-1) & is_said, noise, messages)


def check_replacement(replacement: tuple[int, ...], length: int, num_words: int) -> None:
    """ValueError unless these are `length` symbols in [1, num_words]."""
    if len(replacement) != length:
        raise ValueError(f"replacement must have {length} symbols, got {len(replacement)}")
    if not all(1 <= symbol <= num_words for symbol in replacement):
        raise ValueError(f"replacement symbols must be in [1, {num_words}], got {replacement}")


def altered(messages: Tensor, intervention: Intervention, num_words: int, generator: torch.Generator | None) -> Tensor:
    """Messages (..., L, V), replaced and made noisy as an intervention says, with the first `num_words` symbols."""
    length = messages.shape[-2]
    if intervention.replacement is not None:
        check_replacement(intervention.replacement, length, num_words)
        fixed = torch.zeros(messages.shape[-2:], device=messages.device)
        fixed[torch.arange(length), torch.tensor(intervention.replacement) - 1] = 1.0
        messages = fixed.expand_as(messages)
    if intervention.symbol_noise > 0:
        messages = with_noise(messages, intervention.symbol_noise, num_words, generator)
    return messages


def deliver(
    messages: Tensor,
    is_audible: Tensor,
    intervention: Intervention,
    other_world: Tensor | None = None,
    generator: torch.Generator | None = None,
    has_end: bool = False,
) -> Tensor:
    """What each agent hears from each other agent.

    `messages` (B, A, L, V) one-hot, zeros for silence; `is_audible` (B, listener A, speaker A) bool; `other_world` (B,)
    int64, where a shuffled message comes from; `generator` draws the noise. Returns (B, A, A - 1, L, V). With `has_end`
    symbol V ends messages, and is neither heard nor noise.
    """
    num_worlds, num_agents, _, num_symbols = messages.shape
    if intervention.kind == "shuffle":
        if other_world is None:
            raise ValueError("a shuffled channel needs other_world, the world that each world hears")
        messages = messages[other_world]
    messages = altered(messages, intervention, num_symbols - has_end, generator)
    others = other_agents(num_agents).to(messages.device)
    heard = messages[:, others]  # (B, A, A - 1, L, V)
    if intervention.kind == "mute":
        return torch.zeros_like(heard)
    reaches = is_audible.gather(2, others.expand(num_worlds, -1, -1))
    if bool(reaches.all()):
        return heard
    return heard * reaches[..., None, None].to(heard.dtype)


# ---- the same on whole numbers, where nobody learns: (..., L) int16, SILENCE for nothing ----

SILENCE = -1


def sent_symbols(symbols: np.ndarray, num_symbols: int, has_end: bool) -> np.ndarray:
    """Drawn symbols (..., L) in [0, V) as they are sent: silence from the end symbol V - 1 on."""
    if not has_end:
        return symbols.copy()
    has_ended = np.logical_or.accumulate(symbols == num_symbols - 1, axis=-1)
    return np.where(has_ended, SILENCE, symbols).astype(symbols.dtype)


def altered_symbols(
    symbols: np.ndarray, intervention: Intervention, num_words: int, rng: np.random.Generator
) -> np.ndarray:
    """As `altered`: symbols (..., L), replaced and made noisy as an intervention says; silence gets no noise."""
    if intervention.replacement is not None:
        check_replacement(intervention.replacement, symbols.shape[-1], num_words)
        symbols = np.broadcast_to(np.array(intervention.replacement, symbols.dtype) - 1, symbols.shape)
    if intervention.symbol_noise > 0:
        is_hit = (rng.random(symbols.shape, np.float32) < intervention.symbol_noise) & (symbols != SILENCE)
        symbols = np.where(is_hit, rng.integers(num_words, size=symbols.shape, dtype=symbols.dtype), symbols)
    return symbols.copy()
