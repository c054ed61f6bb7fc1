"""What is told of a population beside its success: bits that were heard, and what silence would be worth."""

from __future__ import annotations

from math import log2, nan

import pytest

from evolution.evaluate import evaluate, play
from tests.evolution.conftest import drawn_population
from world import scenarios


@pytest.mark.parametrize("name", ["name", "guide", "relay", "committee"])
def test_bits_are_those_of_all_messages_that_could_be_heard(name: str):
    policy, genomes, scenario = drawn_population(name)
    found = evaluate(policy, genomes, scenario, worlds_per_boxling=10)
    rollout, _ = play(policy, genomes, scenario, worlds_per_boxling=10, num_recorded=10 * len(genomes))
    # a world's last messages come too late
    messages = sum((steps - 1) * scenario.num_agents for steps in rollout.worlds.steps_taken.tolist())
    bits = messages * policy.spec.message_length * log2(policy.spec.num_symbols)
    assert bits > 0
    assert found["bits_heard"] == pytest.approx(bits / found["worlds"])
    num_won = found["success"] * found["worlds"]
    assert found["bits_per_solved"] == (pytest.approx(bits / num_won) if num_won else None)
    assert evaluate(policy, genomes, scenario, worlds_per_boxling=2, channel="mute")["bits_heard"] == 0


def test_what_silence_is_worth_is_told(monkeypatch: pytest.MonkeyPatch):
    for name in ("committee", "relay"):
        policy, genomes, scenario = drawn_population(name)
        found = evaluate(policy, genomes, scenario, worlds_per_boxling=1)
        assert (found["without_talk"], found["silent_vote"]) == (scenario.chance_success(), scenario.silent_vote())
    assert scenarios.get("committee").silent_vote() > scenarios.get("committee").chance_success()
    monkeypatch.setattr(type(scenario), "chance_success", lambda self: nan)  # where nobody knows
    found = evaluate(policy, genomes, scenario, worlds_per_boxling=1)
    assert found["without_talk"] is found["silent_vote"] is None
