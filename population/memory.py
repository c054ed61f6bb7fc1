"""Lifetime memory: the recurrent state of each boxling, a value that can be saved, cloned into others, and reset.

Two streams: what was heard and told (`language`), and the situation as a whole (`situation`). They are kept apart so
that what is understood of words stays free of what is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from population.gradients import unroll


@dataclass
class Memory:
    """The memory of P x N boxlings-in-worlds, (P, N, D) each."""

    language: Tensor
    situation: Tensor

    @staticmethod
    def newborn(num_genomes: int, num_seats: int, width: int, device: str = "cpu") -> Memory:
        """Empty memories, as at birth and at the start of each world."""
        zeros = torch.zeros(num_genomes, num_seats, width, device=device)
        return Memory(zeros, zeros.clone())

    def clone(self) -> Memory:
        return Memory(self.language.clone(), self.situation.clone())


@dataclass(frozen=True)
class Course:
    """In place of memories: T steps of N seats at once, from empty memories on, as rows (P, T * N) in this order."""

    is_new: Tensor  # (P, T, N) bool: the memory is emptied before this step


def remember(inputs: Tensor, memory: Tensor | Course, weights: dict[str, Tensor], name: str) -> Tensor:
    """One step of a minimal gated unit (Feng et al. 2024, https://arxiv.org/abs/2410.01201) for P genomes at once.

    `inputs` and `memory` are (P, N, D). The gate depends on the inputs alone and the new content is linear in them:
    with a full gated recurrent unit in its place the language game stalled at a third of its success. And so many steps
    can be worked out at once, up to one pass over them: with a `Course`, inputs and memories are (P, T * N, D).
    """
    width = inputs.shape[-1]
    both = torch.baddbmm(weights[f"{name}.bias"].unsqueeze(1), inputs, weights[f"{name}.input"])
    if isinstance(memory, Course):
        return unroll(both.unflatten(1, memory.is_new.shape[1:]), memory.is_new).flatten(1, 2)
    return torch.lerp(memory, both[..., width:], torch.sigmoid(both[..., :width]))
