"""A mind for puzzles: from what a picture and the wanted output have in common, the next step and how near the end is.

A small perceptron with two heads over `world.puzzles.compare.summary`: a distribution over steps, and a distribution
over how many steps are left (0 to MAX_LEFT - 1; the last class: this is not on the way). It has no part that looks at
the tests. The use of both to order a search follows Silver et al. 2017, https://doi.org/10.1038/nature24270, in
outline.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from world.puzzles.compare import NUM_SUMMARY
from world.puzzles.operations import OPERATIONS

MAX_LEFT = 5  # 0, 1, 2 or 3 steps are left, or the picture is off the way


class PuzzleMind(nn.Module):
    """Policy and value over summaries (..., NUM_SUMMARY)."""

    def __init__(self, width: int = 384) -> None:
        super().__init__()
        self.width = width
        self.trunk = nn.Sequential(
            nn.LayerNorm(NUM_SUMMARY), nn.Linear(NUM_SUMMARY, width), nn.GELU(), nn.Linear(width, width), nn.GELU()
        )
        self.steps = nn.Linear(width, len(OPERATIONS))
        self.left = nn.Linear(width, MAX_LEFT)

    def forward(self, summaries: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of steps (..., number of operations) and of how many are left (..., MAX_LEFT)."""
        hidden = self.trunk(summaries)
        return self.steps(hidden), self.left(hidden)

    @torch.no_grad()
    def think(self, summaries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-probabilities of both, of (N, NUM_SUMMARY) float32."""
        steps, left = self(torch.from_numpy(summaries))
        return steps.log_softmax(-1).numpy(), left.log_softmax(-1).numpy()
