"""The channel: every agent says L symbols out of V each step, and hears in the next step what others said.

What is heard is always hard (one-hot) symbols. For the speaker's gradient a message is straight-through: forward the
hard symbols, backward their probabilities (Bengio, Leonard and Courville 2013, https://arxiv.org/abs/1308.3432), with
Gumbel noise while learning (Jang, Gu and Poole 2017, https://arxiv.org/abs/1611.01144).

In arrays for people and files a symbol is 1 to V and 0 is silence; in the tensors here silence is a row of zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

INTERVENTIONS = ("on", "mute", "shuffle")


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
    logits: Tensor, generator: torch.Generator | None = None, temperature: float = 1.0
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


def with_gradient_of(sent: Tensor, heard: Tensor, num_symbols: int) -> Tensor:
    """`heard` (..., L * V), hard symbols, with the gradient of `sent` of the same shape where a symbol arrived.

    What noise made of a symbol is not the speaker's doing, so it learns nothing from it.
    """
    each = (*heard.shape[:-1], -1, num_symbols)
    is_same = (heard.view(each) * sent.detach().view(each)).sum(dim=-1, keepdim=True) > 0.5
    return heard + (is_same * (sent - sent.detach()).view(each)).flatten(-2)


def other_agents(num_agents: int) -> Tensor:
    """The speakers that each agent may hear, (A, A - 1): everybody but itself, in order."""
    every = torch.arange(num_agents).expand(num_agents, num_agents)
    return every[~torch.eye(num_agents, dtype=torch.bool)].view(num_agents, max(num_agents - 1, 0))


def deliver(
    messages: Tensor,
    is_audible: Tensor,
    intervention: Intervention,
    other_world: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """What each agent hears from each other agent.

    `messages` (B, A, L, V) one-hot, zeros for silence; `is_audible` (B, listener A, speaker A) bool; `other_world` (B,)
    int64, where a shuffled message comes from; `generator` draws the noise. Returns (B, A, A - 1, L, V).
    """
    num_worlds, num_agents, length, num_symbols = messages.shape
    if intervention.kind == "shuffle":
        if other_world is None:
            raise ValueError("a shuffled channel needs other_world, the world that each world hears")
        messages = messages[other_world]
    if intervention.replacement is not None:
        if len(intervention.replacement) != length:
            raise ValueError(f"replacement must have {length} symbols, got {len(intervention.replacement)}")
        if not all(1 <= symbol <= num_symbols for symbol in intervention.replacement):
            raise ValueError(f"replacement symbols must be in [1, {num_symbols}], got {intervention.replacement}")
        fixed = torch.zeros(length, num_symbols, device=messages.device)
        fixed[torch.arange(length), torch.tensor(intervention.replacement) - 1] = 1.0
        messages = fixed.expand_as(messages)
    if intervention.symbol_noise > 0:
        shape = (num_worlds, num_agents, length)
        is_hit = torch.rand(shape, generator=generator, device=messages.device) < intervention.symbol_noise
        drawn = torch.randint(num_symbols, shape, generator=generator, device=messages.device)
        noise = torch.nn.functional.one_hot(drawn, num_symbols).to(messages.dtype)
        is_said = messages.sum(dim=-1, keepdim=True) > 0.5  # silence stays silent
        messages = torch.where(is_hit.unsqueeze(-1) & is_said, noise, messages)
    others = other_agents(num_agents).to(messages.device)
    heard = messages[:, others]  # (B, A, A - 1, L, V)
    if intervention.kind == "mute":
        return torch.zeros_like(heard)
    reaches = is_audible.gather(2, others.expand(num_worlds, -1, -1))
    if bool(reaches.all()):
        return heard
    return heard * reaches[..., None, None].to(heard.dtype)
