"""Experts for what is not seen that can be added to those that every boxling has: of one's own, or a language model.

A token expert reads each token there is by itself: each symbol at each place of a message in either voice, each value
of a goal, each state of the body. What it makes of them is worked out once for every genome, and enters thought by its
share of the gate (`population.experts.routed_experts`). One of your own is a class of a few lines:

    class Doubling(TokenExpert):
        name = "doubling"

        def layers(self, spec):
            return {"out": (spec.width, spec.width)}

        def read(self, tokens, weights, spec):
            return torch.bmm(2 * tokens, weights["out"])

Hand it to `register`, or name it as an entry point of the group "boxlings.experts", and run with `--own-experts
doubling`. Its layers are part of every genome: they are learned, mutated and inherited as all others are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import sqrt
from typing import TYPE_CHECKING, Any

from torch import Tensor

from population.genome import Layer
from world.registry import Registry

if TYPE_CHECKING:
    from population.spec import PolicySpec


class TokenExpert(ABC):
    """Reads tokens that are not seen."""

    name: str

    @abstractmethod
    def layers(self, spec: PolicySpec) -> dict[str, tuple[int, ...]]:
        """The shape of each of its layers: matrices are drawn with a spread of one by the root of their rows, vectors
        are biases and begin with zeros."""

    @abstractmethod
    def read(self, tokens: Tensor, weights: dict[str, Tensor], spec: PolicySpec) -> Tensor:
        """What it makes of tokens (P, M, D): (P, M, D), by its layers' weights (P, *shape).

        The M tokens are words (voice, place and symbol), values of goals, states of the body, in this order.
        """

    def in_genome(self, spec: PolicySpec) -> list[Layer]:
        """Its layers as they lie in a genome, its column of the gate among them."""
        drawn = [
            Layer(self.in_full(name), shape, 0.0 if len(shape) == 1 else 1 / sqrt(shape[0]), self.name)
            for name, shape in self.layers(spec).items()
        ]
        return [*drawn, Layer(self.in_full("gate"), (spec.width, 1), 1 / sqrt(spec.width), self.name)]

    def in_full(self, layer: str) -> str:
        """The name of one of its layers in a genome."""
        return f"own.{self.name}.{layer}"

    def own(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Its layers among all weights, under the names that it has for them."""
        prefix = self.in_full("")
        return {name.removeprefix(prefix): each for name, each in weights.items() if name.startswith(prefix)}


class LanguageModelExpert(TokenExpert):
    """What a pretrained language model makes of the words for each token: `population.language_model` works it out.

    The features of tokens (tokens, spec.lm_width) lie in the genome, so that a checkpoint is whole without the language
    model. Frozen they stay as it gave them; otherwise boxlings learn and inherit them like all else.
    """

    name = "lm"

    def layers(self, spec: PolicySpec) -> dict[str, tuple[int, ...]]:
        return {"out": (spec.lm_width, spec.width)}

    def in_genome(self, spec: PolicySpec) -> list[Layer]:
        shape = (spec.num_tokens, spec.lm_width)
        features = Layer(self.in_full("features"), shape, 0.0, "lm-features", spec.lm_is_frozen, is_given=True)
        return [features, *super().in_genome(spec)]

    def read(self, tokens: Tensor, weights: dict[str, Tensor], spec: PolicySpec) -> Tensor:
        return weights["features"] @ weights["out"]


def _accept(thing: Any, where: str) -> TokenExpert:
    if not isinstance(thing, TokenExpert):
        raise ValueError(f"{where} must be a population.token_experts.TokenExpert, got {type(thing).__name__}")
    return thing


def _ours() -> dict[str, TokenExpert]:
    return {LanguageModelExpert.name: LanguageModelExpert()}


REGISTRY: Registry[TokenExpert] = Registry("boxlings.experts", "expert", _ours, _accept)


def register(expert: TokenExpert) -> TokenExpert:
    """Add an expert of your own for this process, under its name; returns it. ValueError as of `Registry.register`."""
    return REGISTRY.register(expert)
