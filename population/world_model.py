"""The world model's losses: how surprised a boxling is by what it could not see.

It predicts two things: the private knowledge of those it hears (the goal, one distribution for each attribute), and the
next edit that its own act brings about. Trained by cross-entropy, so its entropy is its uncertainty.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from population.policy import Beliefs


def belief_loss(beliefs: Beliefs, goal: Tensor, is_told: Tensor | None = None) -> Tensor:
    """Surprise at the true goal (P, N, G) int64: (P, N), the mean over attributes of -log p, in nats.

    `is_told` (P, N, G) bool marks the attributes that the speaker knew (default: all). Of the others nothing can be
    known, and the loss asks for an even distribution: that is what makes the entropy of a belief mean something.
    """
    losses = []
    for k, logits in enumerate(beliefs.by_attribute()):
        log_p = torch.log_softmax(logits, dim=-1)
        loss = -log_p.gather(-1, goal[..., k : k + 1]).squeeze(-1)
        if is_told is not None:
            # the surprise of an even distribution beyond its own entropy, so that 0 is the best in both cases
            ignorant = -log_p.mean(dim=-1) - math.log(logits.shape[-1])
            loss = torch.where(is_told[..., k], loss, ignorant)
        losses.append(loss)
    return torch.stack(losses).mean(dim=0)


def choice_loss(beliefs: Beliefs, goal: Tensor, choices: Tensor) -> Tensor:
    """Surprise at which of the candidates (P, N, C, G) int64 is the goal (P, N, G) int64: (P, N), -log p, in nats.

    Only what tells the goal from the other candidates matters; log C is what ignorance costs.
    """
    place = (choices == goal.unsqueeze(2)).all(dim=-1).to(torch.int8).argmax(dim=-1)
    log_p = torch.log_softmax(beliefs.scores(choices), dim=-1)
    return -log_p.gather(-1, place.unsqueeze(-1)).squeeze(-1)


def edit_loss(logits: Tensor, edit_class: Tensor) -> Tensor:
    """Surprise at what the own act changed, (P, N), in nats; `edit_class` (P, N) int64."""
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), edit_class.flatten(), reduction="none").view(
        edit_class.shape
    )
