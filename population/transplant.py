"""Genomes of one make moved into another: what fits is taken, what does not is said.

Two makes fit where boxlings hear, say, sense and do the same, and think in streams of one width. The optional experts
may differ: how many there are for what is not seen, which readings of a picture the visual one has and which not, a
language model, experts of one's own. What the other make has more begins silent: its way out is zero, so that at first
the boxling does as its model did (as in Chen, Goodfellow and Shlens 2016, Net2Net, https://arxiv.org/abs/1511.05641).
That is exact for what reads a picture; an expert more for other tokens takes a share of the gate from the beginning.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from population.policy import ABOUT_SHARPNESS, first_about
from population.spec import PolicySpec

OPTIONAL = ("num_experts", "own_experts", "lm_is_frozen")
THERE_OR_NOT = ("conv_channels", "near_cells", "query_heads", "lm_width")  # but of one size, where both have it
# layers whose results are added to a sum
WAYS_OUT = ("eyes.near", "eyes.found", "eyes.part_0", "eyes.part_1", "eyes.part_2", "own.lm.out")
SAYS_NOTHING = -8.0  # logit of a place of a message for something new to talk about: a share of 1 in 3,000


def misfits(theirs: PolicySpec, ours: PolicySpec) -> list[str]:
    """What keeps genomes of their make out of ours, a phrase each; none where they fit."""
    wrong = []
    for field in fields(PolicySpec):
        old, new = getattr(theirs, field.name), getattr(ours, field.name)
        is_missing = field.name in THERE_OR_NOT and not (old and new)
        if old != new and field.name not in OPTIONAL and not is_missing:
            wrong.append(f"{field.name} {_plain(old)} instead of {_plain(new)}")
    return wrong


def transplant(
    theirs: PolicySpec, ours: PolicySpec, genomes: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, list[str]]:
    """Genomes (Q, parameters) of their make as genomes of ours, and a phrase for each thing that did not fit.

    ValueError where the makes do not fit at all, see `misfits`.
    """
    if theirs == ours:
        return genomes, []
    if wrong := misfits(theirs, ours):
        raise ValueError(f"genomes of another make: {', '.join(wrong)}")
    old, new = theirs.layout(), ours.layout()
    layers = {
        layer.name: genomes[:, old.slices[layer.name]].reshape(len(genomes), *layer.shape) for layer in old.layers
    }
    result = new.draw(len(genomes), rng)
    told: list[str] = []
    drawn: list[str] = []
    for layer in new.layers:
        own = result[:, new.slices[layer.name]].reshape(len(genomes), *layer.shape)  # a view
        given = layers.pop(layer.name, None)
        if layer.name in ("gate", "experts.in", "experts.bias", "experts.out"):
            assert given is not None
            _experts(layer.name, own, given, theirs, ours)
        elif layer.name == "say.about":
            assert given is not None
            _about(own, given, theirs, ours)
        elif layer.name == "say.asked":
            assert given is not None
            _asked(own, given, theirs, ours)
        elif given is not None and given.shape == own.shape:
            own[:] = given
        elif not layer.is_given:
            drawn.append(layer.name)
            if layer.name in WAYS_OUT or layer.name.startswith("eyes.part_bias"):
                own[:] = 0.0
    more = ours.num_experts - theirs.num_experts
    if more > 0:
        told.append(f"{_counted(more, 'expert')} more than it has, drawn anew and silent at first")
    elif more < 0:
        told.append(f"{_counted(-more, 'expert')} fewer than it has, of which the last are left out")
    if drawn:
        told.append(f"drawn anew, as it has none of this size: {', '.join(drawn)}")
    if layers:
        told.append(f"left out, as there is no place for them: {', '.join(layers)}")
    return result, told


def _experts(name: str, own: np.ndarray, given: np.ndarray, theirs: PolicySpec, ours: PolicySpec) -> None:
    """The experts that both have; others of ours are silent."""
    number = min(theirs.num_experts, ours.num_experts)
    if name == "gate":
        own[:, :, :number] = given[:, :, :number]
        return
    units = number * ours.expert_width
    if name == "experts.out":
        own[:] = 0.0
        own[:, :units] = given[:, :units]
    else:
        own[..., :units] = given[..., :units]


def _topics(theirs: PolicySpec, ours: PolicySpec) -> tuple[list[int], list[int]]:
    """Places of the topics that both have, in their list and in ours: attributes told, parts of a picture, thought."""
    number = ours.num_topics - 1 - ours.num_picture_parts  # of attributes told
    both = list(range(number))
    if theirs.num_picture_parts == ours.num_picture_parts:
        both = list(range(ours.num_topics - 1))
    return [*both, theirs.num_topics - 1], [*both, ours.num_topics - 1]


def _about(own: np.ndarray, given: np.ndarray, theirs: PolicySpec, ours: PolicySpec) -> None:
    """Places of a message stay about what they were about, whatever else there is to talk about now."""
    their_first, our_first = first_about(theirs).numpy(), first_about(ours).numpy()
    old, new = _topics(theirs, ours)
    own[:] = (SAYS_NOTHING - our_first) / ABOUT_SHARPNESS
    own[:, :, new] = given[:, :, old] + (their_first[:, old] - our_first[:, new]) / ABOUT_SHARPNESS


def _asked(own: np.ndarray, given: np.ndarray, theirs: PolicySpec, ours: PolicySpec) -> None:
    shape = (len(own), -1, ours.message_length)
    old, new = _topics(theirs, ours)
    own[:] = 0.0
    own.reshape(*shape, ours.num_topics)[..., new] = given.reshape(*shape, theirs.num_topics)[..., old]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
