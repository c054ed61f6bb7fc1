"""A pretrained language model as the language expert: what it makes of all that a boxling can hear, know or feel.

Each token is told to the model in words, and its last hidden state is what the expert knows of the token. All tokens
together are centred and turned so that the directions in which they differ most come first; as many of these are kept
as the expert has room for. How the features lie in a genome: `population.token_experts.LanguageModelExpert`.
"""

from __future__ import annotations

import numpy as np

from population.language_model import LanguageModel
from population.spec import PolicySpec
from world.scenarios.base import Scenario
from world.telling import ACTS, MAX_SYMBOLS, ROLES, sentence_words, value_words


def token_texts(spec: PolicySpec, scenario: Scenario) -> list[list[str]]:
    """What each token is in words, in the order in which tokens lie in `Policy`'s table."""
    if spec.num_symbols > MAX_SYMBOLS:
        raise ValueError(f"a language model knows {MAX_SYMBOLS} symbols, got num_symbols {spec.num_symbols}")
    words = [
        [role, "says", *["s0"] * place, f"s{symbol + 1}"]
        for role in ROLES
        for place in range(spec.message_length)
        for symbol in range(spec.num_symbols)
    ]
    values = [
        ["goal", *sentence_words(attribute.name), *value_words(value)]
        for attribute in scenario.attributes
        for value in attribute.values
    ]
    states = [
        [role, "acts", ACTS[act], "edits", "MOVE" if moved else "END"]
        for act in range(spec.num_actions)
        for moved in (False, True)
        for role in ROLES
    ]
    return words + values + states


def token_features(model: LanguageModel, spec: PolicySpec, scenario: Scenario) -> np.ndarray:
    """What the model makes of every token, (tokens, spec.lm_width) float32, with a mean square of 1."""
    texts = token_texts(spec, scenario)
    if model.tokenizer is None and not model.is_ours:
        model.know([word for text in texts for word in text])
    hidden = model.features(texts).astype(np.float64)
    hidden -= hidden.mean(axis=0)
    left, sizes, _ = np.linalg.svd(hidden, full_matrices=False)
    # of a direction and its opposite, the one in which most lies on the positive side
    left *= np.sign((left**3).sum(axis=0) + 1e-300)
    features = np.zeros((len(texts), spec.lm_width))
    kept = min(spec.lm_width, left.shape[1])
    features[:, :kept] = left[:, :kept] * sizes[:kept]
    size = np.sqrt(np.mean(features**2))
    return (features / (size or 1.0)).astype(np.float32)
