"""What a population's language is like: how it is built, what words cause, and who understands it.

All of it by first words, said of meanings and not in worlds, which is quick and leaves everything else out. How good a
population is in its worlds is a question to `evolution.evaluate`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from evolution.chance import torch_stream
from evolution.evaluate import converse, first_message, some_meanings
from evolution.learn import what_builders_believe
from evolution.newborn import listen_to
from evolution.seats import familiar_offsets
from language.channel import Intervention, draw_others
from language.interaction import Interaction
from language.measures import (
    all_measures,
    changed_share,
    cross_pair,
    learnability,
    positive_listening_bits,
    positive_signalling_bits,
    share_interval,
)
from population.policy import Policy
from world.scenarios.base import Scenario
from world.splits import COMPOSITIONS, TRAIN

MAX_PAIRED_MEANINGS = 250  # for every speaker with every listener


def study_language(policy: Policy, genomes: Tensor, scenario: Scenario, *, seed: int = 0) -> dict[str, Any]:
    """All that can be measured of the language of these boxlings, as plain values; None where it is undefined.

    Shares in [0, 1]: `success` on trained meanings and `held_out` on combinations that never were, each with its Wilson
    interval; `held_out_attributes`, one share each; `muted`, `shuffled` (words for another meaning), `replaced` (the
    same words for all), `chance`; `familiar`, `strangers` and `own`, mean success of pairs that learn together, never
    do, and of boxlings with themselves; `changed_share` of answers when words are those for another meaning. In bits:
    `positive_listening`, and `positive_signalling` beside `positive_signalling_chance`, what chance gives.
    `learnability` and `learnability_held_out` are areas under the curves of newborns, `learned_after` is their mean
    curve; dialogues have none of these, nor `positive_listening`. The rest are `language.measures.all_measures`, of
    trained and held-out meanings together, by their names.
    """
    splits = [split for split in (TRAIN, COMPOSITIONS) if split in scenario.splits]
    talks = {
        split: converse(policy, genomes, scenario, split=split, meanings=some_meanings(scenario, split), seed=seed)
        for split in splits
    }
    found: dict[str, Any] = {"scenario": scenario.name, "boxlings": len(genomes), "chance": scenario.chance_success()}
    found |= _success("success", talks[TRAIN])
    if COMPOSITIONS in talks:
        found |= _success("held_out", talks[COMPOSITIONS])
        found["held_out_attributes"] = talks[COMPOSITIONS].success_by_attribute.tolist()
    found |= _interventions(policy, genomes, scenario, seed)
    found |= _pairs(policy, genomes, scenario, seed)
    of_splits = [talk.languages(len(genomes)) for talk in talks.values()]
    meanings = np.concatenate([meanings for meanings, _ in of_splits])
    messages = np.concatenate([messages for _, messages in of_splits], axis=1)
    found |= all_measures(meanings, messages, policy.spec.num_symbols)
    # of all speakers together: where every meaning comes up once, nothing could be told from accident
    told = positive_signalling_bits(np.tile(meanings, (len(genomes), 1)), messages.reshape(-1, messages.shape[-1]))
    found |= {"positive_signalling": told.bits, "positive_signalling_chance": told.chance_bits}
    if not scenario.takes_turns:
        found |= _newborns(policy, genomes, scenario, seed)
    return {name: _plain(value) for name, value in found.items()}


def _success(name: str, talk: Interaction) -> dict[str, Any]:
    interval = share_interval(int(talk.is_right.sum()), len(talk))
    return {name: talk.success, f"{name}_interval": list(interval), f"{name}_meanings": len(talk)}


def _interventions(policy: Policy, genomes: Tensor, scenario: Scenario, seed: int) -> dict[str, Any]:
    """What becomes of success, and of beliefs, when words are taken away or changed."""
    meanings = some_meanings(scenario, TRAIN)
    found: dict[str, Any] = {}
    same = (1,) * policy.spec.message_length
    for name, channel in (
        ("muted", Intervention("mute")),
        ("shuffled", Intervention("shuffle")),
        ("replaced", Intervention(replacement=same)),
    ):
        talk = converse(policy, genomes, scenario, channel=channel, meanings=meanings, seed=seed)
        found[name] = talk.success
    if scenario.takes_turns:
        return found  # words answer words there, so that no single one can be changed
    generator = torch_stream(seed, "intervene", device=str(genomes.device))
    with torch.no_grad():
        weights = policy.weights_of(genomes)
        message = torch.roll(first_message(policy, weights, scenario, meanings)[1], 1, dims=0)
        other = message[:, draw_others(len(meanings), generator)]
        # all else that is heard and felt is drawn alike both times, so that only the words can make a difference
        given, intervened = (
            what_builders_believe(
                policy, weights, heard, scenario.num_agents - 2, torch_stream(seed, "ears", device=str(genomes.device))
            )
            for heard in (message, other)
        )

    def shares(logits: Tensor) -> np.ndarray:
        return torch.softmax(logits.double(), dim=-1).flatten(0, 1).cpu().numpy()

    bits = [
        positive_listening_bits(shares(before), shares(after))
        for before, after in zip(given.by_attribute(), intervened.by_attribute(), strict=True)
    ]
    found["positive_listening"] = float(np.mean(bits))
    choices = None
    if scenario.num_choices:
        drawn = scenario.candidates(meanings, np.arange(len(meanings)), TRAIN).astype(np.int64)
        choices = torch.from_numpy(drawn).to(genomes.device).expand(len(genomes), -1, -1, -1)
    answers = (
        (beliefs.answers() if choices is None else beliefs.choose(choices)).flatten(0, 1).cpu().numpy()
        for beliefs in (given, intervened)
    )
    found["changed_share"] = changed_share(*answers)
    return found


def _pairs(policy: Policy, genomes: Tensor, scenario: Scenario, seed: int) -> dict[str, Any]:
    """Every speaker with every listener."""
    population = len(genomes)
    meanings = some_meanings(scenario, TRAIN, MAX_PAIRED_MEANINGS)
    offsets = tuple(range(population))
    talk = converse(policy, genomes, scenario, offsets=offsets, meanings=meanings, seed=seed)
    matrix = talk.pair_matrix()[2]
    distance = (np.arange(population)[None] - np.arange(population)[:, None]) % population
    return cross_pair(matrix, np.isin(distance, familiar_offsets(population)))._asdict()


def _newborns(policy: Policy, genomes: Tensor, scenario: Scenario, seed: int) -> dict[str, Any]:
    curves = listen_to(policy, genomes, scenario, seed=seed)
    found: dict[str, Any] = {
        "learnability": float(np.mean([learnability(shares, curves.rounds) for shares in curves.trained])),
        "learned_after": {
            "rounds": curves.rounds.tolist(), "success": curves.trained.mean(axis=0).tolist(),
        },
    }  # fmt: skip
    if curves.held_out is not None:
        found["learnability_held_out"] = float(
            np.mean([learnability(shares, curves.rounds) for shares in curves.held_out])
        )
    return found


def _plain(value: Any) -> Any:
    """As JSON has it: nan and infinity are None."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
