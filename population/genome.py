"""Genomes: all parameters of a population in one matrix (genomes x parameters), whose layers are views.

Copying, mutating, selecting, saving and shipping boxlings are row operations on this matrix; a forward pass is a
batched matrix product over genomes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Layer:
    """One array of parameters of a genome."""

    name: str
    shape: tuple[int, ...]
    spread: float  # standard deviation of a newly drawn value; 0 for biases
    part: str  # of the boxling: eyes, ears, mind, mouth, hands, or the name of an expert that was added
    is_fixed: bool = False  # neither learned nor mutated
    is_given: bool = False  # never drawn: it comes from outside

    @property
    def size(self) -> int:
        return prod(self.shape)


class Layout:
    """Where each layer of a genome lies in its row."""

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = tuple(layers)
        ends = np.cumsum([layer.size for layer in layers])
        self.num_parameters = int(ends[-1])
        self.slices = {
            layer.name: slice(int(end) - layer.size, int(end)) for layer, end in zip(layers, ends, strict=True)
        }

    def views(self, genomes: Tensor) -> dict[str, Tensor]:
        """The layers of all genomes (P, parameters), each (P, *shape); gradients flow back into the matrix."""
        pieces = torch.split(genomes, [layer.size for layer in self.layers], dim=1)
        return {
            layer.name: piece.view(len(genomes), *layer.shape) for layer, piece in zip(self.layers, pieces, strict=True)
        }

    def leaves(self, genomes: Tensor) -> dict[str, Tensor]:
        """As `views`, but each layer gathers a gradient of its own, over several backward passes; see `gradient_of`."""
        return {name: layer.detach().requires_grad_(True) for name, layer in self.views(genomes).items()}

    def gradient_of(self, leaves: dict[str, Tensor]) -> Tensor:
        """What leaves have gathered, (P, parameters); 0 for layers that nothing was asked of."""
        gradient = torch.zeros(len(next(iter(leaves.values()))), self.num_parameters)
        for name, leaf in leaves.items():
            if leaf.grad is not None:
                gradient[:, self.slices[name]] = leaf.grad.flatten(1)
        return gradient.to(leaf.device)

    def draw(self, num_genomes: int, rng: np.random.Generator) -> np.ndarray:
        """Newly drawn genomes, (P, parameters) float32."""
        genomes = np.empty((num_genomes, self.num_parameters), np.float32)
        for layer in self.layers:
            genomes[:, self.slices[layer.name]] = layer.spread * rng.standard_normal((num_genomes, layer.size))
        return genomes

    @property
    def parts(self) -> tuple[str, ...]:
        """All parts that can be drawn anew."""
        return tuple(dict.fromkeys(layer.part for layer in self.layers if not layer.is_given))

    def columns_of(self, *parts: str) -> np.ndarray:
        """Which columns belong to these parts of the boxling, (parameters,) bool."""
        columns = np.zeros(self.num_parameters, bool)
        for layer in self.layers:
            columns[self.slices[layer.name]] = layer.part in parts
        return columns
