"""A mind for puzzles: from what a picture and the wanted output have in common, the next step and how near the end is.

A small perceptron with two heads over `world.puzzles.compare.summary`: a distribution over steps, and a distribution
over how many steps are left (0 to MAX_LEFT - 1; the last class: this is not on the way). It has no part that looks at
the tests. The use of both to order a search follows Silver et al. 2017, https://doi.org/10.1038/nature24270, in
outline. It also imagines what a step would lead to, and judges that alike, as do Schrittwieser et al. 2020,
https://doi.org/10.1038/s41586-020-03051-4.

And it gives hints: one mind sees a task and says HINT_LENGTH symbols out of HINT_SYMBOLS, another one hears them, sees
nothing, and tells what steps it would try first, second and third. Both learn that together over a discrete channel
(`language.channel`), so that what the symbols mean is theirs.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from language.channel import draw_symbols
from world.puzzles.compare import NUM_SUMMARY
from world.puzzles.generator import MAX_STEPS
from world.puzzles.operations import OPERATIONS

_CODE_WIDTH = 64
HINT_LENGTH, HINT_SYMBOLS = 6, 16
HINT_BITS = HINT_LENGTH * np.log2(HINT_SYMBOLS)
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
        self.step_codes = nn.Embedding(len(OPERATIONS), _CODE_WIDTH)
        self.change = nn.Sequential(nn.Linear(width + _CODE_WIDTH, width), nn.GELU(), nn.Linear(width, width))
        self.norm = nn.LayerNorm(width)
        self.speaker = nn.Linear(width, HINT_LENGTH * HINT_SYMBOLS)
        self.listener = nn.Sequential(
            nn.Linear(HINT_LENGTH * HINT_SYMBOLS, width), nn.GELU(), nn.Linear(width, MAX_STEPS * len(OPERATIONS))
        )

    def see(self, summaries: Tensor) -> Tensor:
        """What is seen, as thoughts (..., width)."""
        return self.norm(self.trunk(summaries))

    def imagine(self, thoughts: Tensor, steps: Tensor) -> Tensor:
        """Thoughts (..., width) of what would be seen after steps (...,) int64: a model of the simulator."""
        return self.norm(thoughts + self.change(torch.cat([thoughts, self.step_codes(steps)], dim=-1)))

    def judge(self, thoughts: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of steps (..., number of operations) and of how many are left (..., MAX_LEFT)."""
        return self.steps(thoughts), self.left(thoughts)

    def say(self, thoughts: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Hints about thoughts (N, width): symbols (N, L) from 0, and as one-hot messages (N, L, V) with a gradient.

        The likeliest symbols; drawn ones if a generator is given.
        """
        return draw_symbols(self.speaker(thoughts).unflatten(-1, (HINT_LENGTH, HINT_SYMBOLS)), generator)

    def hear(self, messages: Tensor) -> Tensor:
        """Logits (N, MAX_STEPS, number of operations) of the steps that messages (N, L, V) hint at, by their place."""
        return self.listener(messages.flatten(1)).unflatten(-1, (MAX_STEPS, len(OPERATIONS)))

    @torch.no_grad()
    def hint(self, summary: np.ndarray) -> np.ndarray:
        """What is said about one task, of whose start this is the summary (NUM_SUMMARY,): symbols (L,), 1 to V."""
        return self.say(self.see(torch.from_numpy(summary)[None]))[0][0].numpy() + 1

    @torch.no_grad()
    def steps_hinted_at(self, hint: np.ndarray | None) -> np.ndarray:
        """Log-probabilities (MAX_STEPS, number of operations) after a hint (L,), 1 to V, or after silence."""
        message = torch.zeros(1, HINT_LENGTH, HINT_SYMBOLS)
        if hint is not None:
            message[0, torch.arange(HINT_LENGTH), torch.from_numpy(hint) - 1] = 1.0
        return self.hear(message)[0].log_softmax(-1).numpy()

    @torch.no_grad()
    def think(self, summaries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-probabilities of both, of (N, NUM_SUMMARY) float32."""
        steps, left = self.judge(self.see(torch.from_numpy(summaries)))
        return steps.log_softmax(-1).numpy(), left.log_softmax(-1).numpy()

    @torch.no_grad()
    def dream(self, summary: np.ndarray, width: int, depth: int) -> list[tuple[float, tuple[int, ...]]]:
        """Programs (log-probability, steps) that the mind thinks likely to be the whole way, without trying any.

        A beam of `width` thoughts, of up to `depth` steps, begins at one summary (NUM_SUMMARY,); likeliest first.
        """
        thoughts = self.see(torch.from_numpy(summary)[None])
        beam: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
        dreamt: list[tuple[float, tuple[int, ...]]] = []
        for _ in range(depth):
            logits, _ = self.judge(thoughts)
            scores = logits.log_softmax(-1) + torch.tensor([[score] for score, _ in beam])
            best = scores.flatten().topk(min(width, scores.numel()))
            rows, steps = best.indices // scores.shape[1], best.indices % scores.shape[1]
            beam = [
                (float(score), (*beam[row][1], int(step)))
                for score, row, step in zip(best.values, rows.tolist(), steps.tolist(), strict=True)
            ]
            thoughts = self.imagine(thoughts[rows], steps)
            at_end = self.judge(thoughts)[1].log_softmax(-1)[:, 0].tolist()
            dreamt += [(score + end, program) for (score, program), end in zip(beam, at_end, strict=True)]
        return sorted(dreamt, key=lambda told: -told[0])
