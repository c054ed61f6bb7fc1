"""Variation: how the genomes of children come to differ from those of their parents.

Every function takes the rows of all births at once, (n, parameters) float32 on any device, gives new rows and leaves
the parents' alone.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from population.genome import Layer, Layout

Crossing = Literal["expert", "layer"]

# Less counts as this share of what is usual in a genome. Lehman et al. 2018 bound theirs by 0.01 in absolute terms. A
# quarter to a half of our weights are below 0.01 of what is usual, and with that bound the outputs of new boxlings
# changed about 50 times less than by the same step of Gaussian noise, which leaves little to select; with 0.1, 10.
LEAST_SENSITIVITY = 0.1


def gaussian(genomes: Tensor, layout: Layout, step: np.ndarray | Tensor, generator: torch.Generator) -> Tensor:
    """Mutated copies: Gaussian noise, `step` (n,), one for each genome, times the root mean square of each layer.

    Relative to the layer, because equal noise on all weights breaks layers with small weights first (Lehman et al.
    2018, https://arxiv.org/abs/1712.06563).
    """
    steps = _checked(genomes, layout, step)
    noise = torch.randn(genomes.shape, generator=generator, device=genomes.device)
    for layer, size in zip(layout.layers, _layer_sizes(genomes, layout).unbind(dim=1), strict=True):
        noise[:, layout.slices[layer.name]] *= (steps * size).unsqueeze(1)
    return noise.add_(genomes)


def safe(
    genomes: Tensor,
    layout: Layout,
    step: np.ndarray | Tensor,
    sensitivity: Tensor,
    generator: torch.Generator,
    least: float = LEAST_SENSITIVITY,
) -> Tensor:
    """Mutated copies, with less noise on weights that outputs hang on (SM-G of Lehman et al. 2018, as above).

    `sensitivity` (n, parameters), at least 0: how much outputs change with each weight, `evolution.sensitivity`. What
    counts is how much they change with the noise that `gaussian` would give the weight, as a multiple of the root mean
    square of that over the genome; the noise is divided by it, or by `least` if it is less. It is then scaled so that
    its expected squared norm is what that of `gaussian` is, for the same `step`. Weights that no output hangs on get
    the noise of `gaussian`, neither more nor less: as in the code of Lehman et al., where 0 counts as 1, because they
    would otherwise take up nearly all of the norm.
    """
    steps = _checked(genomes, layout, step)
    if sensitivity.shape != genomes.shape:
        raise ValueError(f"sensitivity must have shape {tuple(genomes.shape)}, got {tuple(sensitivity.shape)}")
    sizes = torch.tensor([layer.size for layer in layout.layers], device=genomes.device)
    usual = torch.repeat_interleave(_layer_sizes(genomes, layout), sizes, dim=1)
    felt = usual * sensitivity
    is_unfelt = felt == 0
    typical = felt.norm(dim=1) / torch.count_nonzero(felt, dim=1).sqrt()
    # in place, to pass over the matrix less often
    spread = felt.div_(typical.unsqueeze(1)).clamp_min_(least).reciprocal_().mul_(usual).masked_fill_(is_unfelt, 0.0)
    wanted = usual.masked_fill(is_unfelt, 0.0).norm(dim=1, keepdim=True)
    spread.mul_(wanted / spread.norm(dim=1, keepdim=True))
    noise = torch.randn(genomes.shape, generator=generator, device=genomes.device)
    spread = torch.where(is_unfelt, usual, spread)
    return noise.mul_(spread).mul_(steps.unsqueeze(1)).add_(genomes)


def crossover(
    mothers: Tensor, fathers: Tensor, layout: Layout, kind: Crossing, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Children of mothers and fathers (n, parameters), each group of parameters from one of both, by a fair coin.

    Returns the children and which of their parameters are the father's, (n, parameters) bool: what belongs to
    parameters, as moments of the optimiser do, can be inherited along with them. By `kind`, a group is

    - "expert": one expert, with its gate; the visual expert is all of the eyes; the rest goes by parts of the boxling;
    - "layer": one layer, weights with their bias.
    """
    if mothers.shape != fathers.shape:
        raise ValueError(f"fathers must have shape {tuple(mothers.shape)}, got {tuple(fathers.shape)}")
    _checked(mothers, layout)
    groups = torch.from_numpy(groups_of(layout, kind)).to(mothers.device)
    num_groups = int(groups.max()) + 1
    coins = torch.randint(2, (len(mothers), num_groups), generator=generator, device=mothers.device)
    is_fathers = coins.bool()[:, groups]
    return torch.where(is_fathers, fathers, mothers), is_fathers


def groups_of(layout: Layout, kind: Crossing) -> np.ndarray:
    """The group that each parameter is inherited in, (parameters,) int64, from 0 without gaps; see `crossover`."""
    if kind not in get_args(Crossing):
        raise ValueError(f"crossover must be one of {', '.join(get_args(Crossing))}, got {kind!r}")
    names: list[str] = []  # of groups
    groups = np.empty(layout.num_parameters, np.int64)
    shapes = {layer.name: layer.shape for layer in layout.layers}
    num_experts = shapes["gate"][1] if "gate" in shapes else 0

    def number(name: str) -> int:
        if name not in names:
            names.append(name)
        return names.index(name)

    before = Layer("", (), 0.0, "")
    for layer in layout.layers:
        if kind == "layer":
            # a bias comes right behind its weights
            is_theirs = layer.shape == before.shape[1:] and layer.part == before.part
            groups[layout.slices[layer.name]] = number(names[-1] if is_theirs else layer.name)
            before = layer
        elif layer.name == "gate" or layer.name.startswith("experts."):
            experts = np.array([number(f"expert {k}") for k in range(num_experts)])
            along = 0 if layer.name == "experts.out" else -1  # hidden units are rows of the way out
            share = np.repeat(experts, layer.shape[along] // num_experts)
            columns = share[:, None] if along == 0 else share
            groups[layout.slices[layer.name]] = np.broadcast_to(columns, layer.shape).ravel()
        else:
            groups[layout.slices[layer.name]] = number(layer.part)
    return groups


def _layer_sizes(genomes: Tensor, layout: Layout) -> Tensor:
    """The root mean square of each layer of each genome, (n, layers); 0 of those that are fixed, so that they stay."""
    pieces = torch.split(genomes, [layer.size for layer in layout.layers], dim=1)
    return torch.stack(
        [
            torch.zeros_like(piece[:, 0]) if layer.is_fixed else piece.norm(dim=1) / layer.size**0.5
            for piece, layer in zip(pieces, layout.layers, strict=True)
        ]
    ).T


def _checked(genomes: Tensor, layout: Layout, step: np.ndarray | Tensor | None = None) -> Tensor:
    """The steps as a tensor beside the genomes; ValueError for what does not fit."""
    if genomes.dim() != 2 or genomes.shape[1] != layout.num_parameters:
        raise ValueError(f"genomes must have shape (n, {layout.num_parameters}), got {tuple(genomes.shape)}")
    steps = torch.as_tensor(0.0 if step is None else step, dtype=torch.float32, device=genomes.device)
    if step is not None and steps.shape != genomes.shape[:1]:
        raise ValueError(f"step must have shape ({len(genomes)},), one for each genome, got {tuple(steps.shape)}")
    if not bool((torch.isfinite(steps) & (steps >= 0)).all()):
        raise ValueError(f"step must be finite and at least 0, got {steps.tolist()}")
    return steps
