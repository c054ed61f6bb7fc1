"""The contracts of measures, strategies and experts, as checks for who writes one of their own.

    from evolution.testing import check_expert, check_measure, check_strategy

Each raises AssertionError with a sentence that names the first rule that is broken, and takes a second at most. Those
of scenarios: `world.testing`.
"""

from __future__ import annotations

import numpy as np
import torch

from evolution.config import SelectionConfig
from evolution.own_measures import Measure
from evolution.select import Chooser, Herd, Judged
from language.measures import COMPOSITIONAL, CONSTANT, HOLISTIC, MEANINGS
from population.spec import PolicySpec
from population.token_experts import TokenExpert


def check_measure(measure: Measure) -> None:
    """It has a docstring, gives a number for any language, changes nothing, and does not hang on chance."""
    _require(bool((measure.__doc__ or "").strip()), "it must have a docstring that says what it measures")
    num_symbols = int(max(COMPOSITIONAL.max(), HOLISTIC.max()))
    languages = {"compositional": COMPOSITIONAL, "holistic": HOLISTIC, "constant": CONSTANT, "silent": 0 * CONSTANT}
    for name, messages in languages.items():
        meanings, own = MEANINGS.copy(), messages.copy()
        value = measure(meanings, own, num_symbols)
        _require(
            isinstance(value, (int, float, np.number)), f"of a {name} language it must give a number, got {value!r}"
        )
        is_same = np.array_equal(meanings, MEANINGS) and np.array_equal(own, messages)
        _require(is_same, f"it must not change the {name} language that it is given")
        again = measure(MEANINGS.copy(), messages.copy(), num_symbols)
        _require(
            bool(np.isclose(value, again, equal_nan=True)), f"of a {name} language it must give the same each time"
        )
        order = np.random.default_rng(0).permutation(len(MEANINGS))
        other = measure(MEANINGS[order], messages[order], num_symbols)
        _require(
            bool(np.isclose(value, other, equal_nan=True)), f"of a {name} language in another order it must be the same"
        )
    one = measure(MEANINGS[:1].copy(), HOLISTIC[:1].copy(), num_symbols)
    _require(isinstance(one, (int, float, np.number)), f"of a single meaning it must give a number or nan, got {one!r}")


def check_strategy(strategy: Chooser) -> None:
    """Those who go may go, each once; parents stay; and the same chance gives the same choice."""
    for population in (1, 2, 3, 8, 33):
        for number in {0, 1, population // 4, population - 1}:
            rng = np.random.default_rng(population)
            fitness = rng.standard_normal(population)
            judged = Judged(
                fitness, rng.integers(5, size=population), np.zeros(population, bool), rng.random((population, 2)),
                np.arange(population), lambda slots: {"genomes": np.zeros((len(slots), 1))},
            )  # fmt: skip
            order = np.argsort(fitness)
            may_go = order[rng.random(population) < 0.8]
            asked = min(number, len(may_go))
            herd, where = Herd(order, may_go, judged, None), f"of {population}, {asked} to go"
            choices = [strategy(herd, asked, SelectionConfig(), np.random.default_rng(7)) for _ in range(2)]
            going, parents = choices[0].going, choices[0].parents
            for name, slots in (("going", going), ("parents", parents)):
                _require(
                    isinstance(slots, np.ndarray) and slots.ndim == 1 and (not len(slots) or slots.dtype.kind == "i"),
                    f"{where}: {name} must be an array of slots, got {slots!r:.60}",
                )
                _require(
                    bool(np.isin(slots, order).all()), f"{where}: {name} must be slots of the population, got {slots}"
                )
            _require(len(np.unique(going)) == len(going), f"{where}: nobody goes twice, got {going}")
            _require(bool(np.isin(going, may_go).all()), f"{where}: only {may_go} may go, got {going}")
            _require(
                not bool(np.isin(parents, going).any()), f"{where}: parents must stay, got {parents} and {going} go"
            )
            same = all(np.array_equal(getattr(choices[0], n), getattr(choices[1], n)) for n in ("going", "parents"))
            _require(same, f"{where}: the same chance must give the same choice")


def check_expert(expert: TokenExpert) -> None:
    """It reads tokens of any number of genomes each by itself, by its own layers, and can be learned."""
    spec = PolicySpec((4, 3), (0,), 5, 12, (7, 7), num_symbols=6, message_length=3, width=12, expert_width=8)
    layers = expert.in_genome(spec)
    _require(len({layer.name for layer in layers}) == len(layers), "its layers must have different names")
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(3, spec.num_tokens, spec.width, generator=generator)
    weights = {
        layer.name: torch.randn(3, *layer.shape, generator=generator).requires_grad_(True)
        for layer in layers
        if not layer.name.endswith(".gate")
    }
    read = expert.read(tokens, expert.own(weights), spec)
    _require(read.shape == tokens.shape, f"it must give an array of shape {(*tokens.shape,)}, got {(*read.shape,)}")
    _require(bool(torch.isfinite(read).all()), "what it gives must be finite")
    first = expert.read(tokens[:1], {name: each[:1] for name, each in expert.own(weights).items()}, spec)
    _require(torch.allclose(first, read[:1], atol=1e-5), "what a genome's tokens become must not hang on other genomes")
    if weights:
        read.sum().backward()
        idle = [name for name, each in weights.items() if each.grad is None]
        _require(not idle, f"every layer must have a part in what it gives, {', '.join(idle)} has none")


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise AssertionError(sentence)
