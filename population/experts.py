"""The experts: one for what is seen, and several, chosen by a learned gate, for everything else.

Tokens carry their modality. Visual tokens go to the visual expert and only they do, by rule rather than by learning
(Liang et al. 2024, Mixture-of-Transformers, https://arxiv.org/abs/2411.04996); among the other experts a gate learns to
mix (softly: no token is ever dropped). With nothing to see the visual expert is not called at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from population.gradients import ask_picture, sum_of_rows
from population.spec import NUM_TOUCHES, PolicySpec

TOUCH = (0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3)  # by look: empty, a body of any colour, a boxling, beyond the edge
IS_THING = tuple(0 < touch < 3 for touch in TOUCH)
MODALITIES = ("vision", "heard", "goal", "body")


@dataclass
class ExpertUse:
    """What the experts did: calls and tokens of the visual one, and the gate's shares of the others by modality."""

    num_experts: int
    visual_calls: int = 0
    visual_tokens: int = 0  # looks, one per agent that sees
    share_sums: dict[str, Tensor] = field(default_factory=dict)  # modality -> (K,) summed gate shares
    token_counts: dict[str, float] = field(default_factory=dict)
    added: tuple[str, ...] = ()  # names of experts besides those that every boxling has

    @property
    def experts(self) -> list[str]:
        """The names of all experts but the visual one."""
        return [f"expert_{name}" for name in (*range(self.num_experts), *self.added)]

    def note(self, modality: str, shares: Tensor, counts: Tensor) -> None:
        """Add the gate's shares (P, tokens, K) of one modality, each token as often as it came up, (P, tokens)."""
        total = (shares.detach() * counts.unsqueeze(-1)).sum(dim=(0, 1)).cpu()
        self.share_sums[modality] = self.share_sums.get(modality, torch.zeros(len(self.experts))) + total
        self.token_counts[modality] = self.token_counts.get(modality, 0.0) + float(counts.sum())

    def shares(self) -> dict[tuple[str, str], float]:
        """Share of each expert in each modality that occurred: (modality, expert) -> [0, 1]."""
        table: dict[tuple[str, str], float] = {}
        experts = ["visual", *self.experts]
        if self.visual_tokens:
            table |= {("vision", expert): float(expert == "visual") for expert in experts}
        for modality, total in self.share_sums.items():
            if self.token_counts[modality] > 0:
                shares = [0.0, *(total / self.token_counts[modality]).tolist()]
                table |= {(modality, expert): share for expert, share in zip(experts, shares, strict=True)}
        return table


def routed_experts(tokens: Tensor, weights: dict[str, Tensor], spec: PolicySpec) -> tuple[Tensor, Tensor]:
    """Non-visual tokens (P, M, D) through the gated experts; returns (P, M, D) and the gate's shares (P, M, K)."""
    own = [(expert, expert.own(weights)) for expert in spec.added_experts]
    gate = torch.cat([weights["gate"], *(layers["gate"] for _, layers in own)], dim=-1)
    shares = torch.softmax(torch.bmm(tokens, gate), dim=-1)
    hidden = torch.relu(torch.baddbmm(weights["experts.bias"].unsqueeze(1), tokens, weights["experts.in"]))
    mixed = hidden.unflatten(-1, (spec.num_experts, -1)) * shares[..., : spec.num_experts].unsqueeze(-1)
    made = torch.bmm(mixed.flatten(-2), weights["experts.out"])
    for k, (expert, layers) in enumerate(own, spec.num_experts):
        made = made + shares[..., k : k + 1] * expert.read(tokens, layers, spec)
    return made, shares


def visual_expert(
    view: Tensor, question: Tensor | None, weights: dict[str, Tensor], spec: PolicySpec
) -> tuple[Tensor, list[Tensor]]:
    """What is made of what is seen: view (P, M, h, w) look codes to (P, M, D), asked (P, M, Q, heads, key).

    Returns beside it the parts of the scene's summary, (P, M, D) each, for those who talk about them.

    Up to three readings are summed: a summary of the scene (3 x 3 convolution, then the largest response in each row,
    in each column, and of 2 x 2 patches anywhere), what is felt in the cells near the middle, and cells that are asked
    for: what was heard *queries* the picture by attention over cells, with a key for the look and a key for the place.
    """
    seen = weights["eyes.bias"].unsqueeze(1)
    looks = view.long()
    parts: list[Tensor] = []
    if spec.conv_channels:
        for k, summary in enumerate(_scene_summary(looks, weights, spec)):
            part = torch.baddbmm(weights[f"eyes.part_bias_{k}"].unsqueeze(1), summary, weights[f"eyes.part_{k}"])
            seen = seen + part
            parts.append(torch.relu(part))
    if spec.near_cells:
        top, left = ((side - spec.near_cells) // 2 for side in spec.view_shape)
        near = looks[..., top : top + spec.near_cells, left : left + spec.near_cells].flatten(2)
        # as by touch, without colours: otherwise boxlings learn which colours are never pushed which way
        touch = torch.tensor(TOUCH, dtype=torch.int32, device=near.device)[near]
        # most cells are empty: what all of them would add comes first, and the others make the difference
        table = weights["eyes.near"].unflatten(1, (-1, NUM_TOUCHES))
        empty = table[:, :, :1]
        place = torch.arange(near.shape[-1], dtype=torch.int32, device=near.device) * NUM_TOUCHES
        index = torch.where(touch > 0, place + touch, -1)
        seen = seen + empty.sum(dim=1) + sum_of_rows((table - empty).flatten(1, 2), index)
    if question is not None:
        # The questions about one attribute have one answer, a place: with an answer each, boxlings found red boxes by
        # one question and blue ones by another, and what they did about the first did not hold for the second.
        found = ask_picture(
            question, weights["eyes.look_key"], weights["eyes.place_key"], weights["eyes.place_value"], view.flatten(2),
            IS_THING,
        )  # fmt: skip
        seen = seen + torch.bmm(found.flatten(2), weights["eyes.found"])
    return torch.relu(seen), parts


def _one_hot(codes: Tensor, num_codes: int) -> Tensor:
    return torch.zeros(*codes.shape, num_codes, device=codes.device).scatter_(-1, codes.unsqueeze(-1), 1.0)


def _scene_summary(looks: Tensor, weights: dict[str, Tensor], spec: PolicySpec) -> tuple[Tensor, Tensor, Tensor]:
    """Row-wise, column-wise and global maxima of convolved cells: (P, M, h, w) look codes to (P, M, features) each."""
    num_genomes, num_seen, height, width = looks.shape
    channels = spec.conv_channels
    # empty cells are zeros, so that the padding around the picture looks like emptiness
    hot = _one_hot(looks, spec.num_looks)[..., 1:]
    padded = torch.nn.functional.pad(hot, (0, 0, 1, 1, 1, 1))
    patches = torch.cat([padded[:, :, i : i + height, j : j + width] for i in range(3) for j in range(3)], dim=-1).view(
        num_genomes, num_seen * height * width, -1
    )
    cells = torch.relu(torch.baddbmm(weights["eyes.conv_bias"].unsqueeze(1), patches, weights["eyes.conv"]))
    cells = cells.view(num_genomes, num_seen, height, width, channels)
    corners = torch.cat(
        [cells[:, :, i : i + height - 1, j : j + width - 1] for i in range(2) for j in range(2)], dim=-1
    ).view(num_genomes, num_seen * (height - 1) * (width - 1), -1)
    patterns = torch.bmm(corners, weights["eyes.pattern"]).view(num_genomes, num_seen, -1, channels)
    largest = torch.relu(patterns.amax(dim=2) + weights["eyes.pattern_bias"].unsqueeze(1))
    return cells.amax(dim=3).flatten(2), cells.amax(dim=2).flatten(2), largest
