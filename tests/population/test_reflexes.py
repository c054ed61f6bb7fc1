"""The compiled step against the differentiable one, and what must not leak in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from language.channel import SILENCE, log_prob_of
from population.experts import ExpertUse
from population.memory import Memory
from population.policy import Policy, Senses, body_state, rows_where
from population.reflexes import Done, Reflexes, Sensed
from population.spec import PolicySpec

ACTING = PolicySpec(
    attribute_sizes=(4, 3), visible_attributes=(0,), num_actions=5, num_looks=12, view_shape=(5, 5), num_symbols=6,
    message_length=2, width=8, num_experts=2, expert_width=8, conv_channels=0, near_cells=3, query_heads=2, key_width=4,
)  # fmt: skip
SPECS = {
    "acting": ACTING,
    "all senses": replace(ACTING, conv_channels=3, visible_attributes=(0, 1), width=7, message_length=3),
    "shown": replace(ACTING, is_told_goal=False, conv_channels=4, near_cells=0, query_heads=0, view_shape=(4, 6)),
    "blind": replace(
        ACTING, conv_channels=0, near_cells=0, query_heads=0, view_shape=(1, 1), visible_attributes=(), num_looks=1
    ),
    "plain": replace(ACTING, has_topics=False),
    "ending": replace(ACTING, has_end=True, message_length=4, num_symbols=3),
    "asked": replace(
        ACTING, is_asked=True, conv_channels=0, near_cells=0, query_heads=0, view_shape=(1, 1), visible_attributes=(),
        num_looks=1,
    ),
}  # fmt: skip
P, B, A = 3, 6, 2
ORDER = np.argsort((np.arange(B)[:, None] + np.arange(A)).ravel() % P, kind="stable").reshape(P, -1)


def drawn(spec: PolicySpec, rng: np.random.Generator, num_choices: int = 0) -> Sensed:
    goal = np.stack([rng.integers(size, size=B) for size in spec.attribute_sizes], axis=1).astype(np.int16)
    choices = np.stack([rng.integers(size, size=(B, num_choices)) for size in spec.attribute_sizes], axis=2)
    role = (rng.random((B, A)) < 0.5).astype(np.int8)
    blind = spec.view_shape == (1, 1)
    return Sensed(
        view=rng.integers(spec.num_looks, size=(B, A, *spec.view_shape)).astype(np.uint8),
        sees=np.zeros((B, A), bool) if blind else (rng.random((B, A)) < 0.6),
        knows=(rng.random((B, A)) < 0.6) & spec.is_told_goal,
        told=rng.random((B, A, len(spec.attribute_sizes))) < 0.7,
        goal=goal,
        role=role,
        last_action=rng.integers(spec.num_actions, size=(B, A)).astype(np.int8),
        last_moved=rng.random((B, A)) < 0.5,
        choices=choices.astype(np.int16),
        heard=rng.integers(SILENCE, spec.num_symbols - spec.has_end, size=(B, A, spec.message_length)).astype(np.int16),
        audible=(rng.random((B, A, A)) < 0.8) & ~np.eye(A, dtype=bool),
        is_active=np.ones(B, bool),
        is_new=np.zeros(B, bool),
    )  # fmt: skip


def differentiably(policy: Policy, genomes: torch.Tensor, sensed: Sensed, memory: Memory, use: ExpertUse | None = None):
    """The same step by `Policy.step`: the memory, beliefs and response, genome-major."""
    spec = policy.spec

    def seats(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values.reshape(B * A, *values.shape[2:])[ORDER.ravel()]).unflatten(0, (P, -1))

    goal = seats(np.repeat(sensed.goal[:, None].astype(np.int64), A, axis=1))
    hot = torch.cat(
        [
            torch.nn.functional.one_hot(goal[..., k], size) * seats(sensed.told)[..., k : k + 1]
            for k, size in enumerate(spec.attribute_sizes)
        ],
        dim=-1,
    ).float() * seats(sensed.knows).unsqueeze(-1)
    knows, sees = rows_where(seats(sensed.knows)), rows_where(seats(sensed.sees))
    senses = Senses(
        body=body_state(
            seats(sensed.last_action.astype(np.int64)), seats(sensed.last_moved), seats(sensed.role.astype(np.int64))
        ),
        sees=sees,
        view=None if sees is None else sees.pick(seats(sensed.view)),
        knows=knows,
        goal=None if knows is None else knows.pick(hot),
    )  # fmt: skip
    other = 1 - np.arange(A)
    said = torch.from_numpy(sensed.heard[:, other].astype(np.int64))
    one_hot = torch.nn.functional.one_hot(said.clamp_min(0), spec.num_symbols) * (said >= 0).unsqueeze(-1)
    one_hot = one_hot * torch.from_numpy(sensed.audible[:, np.arange(A), other])[..., None, None]
    heard = seats(one_hot.numpy()).flatten(2).unsqueeze(2).float()
    voices = seats(sensed.role[:, other].astype(np.int64)).unsqueeze(-1)
    with torch.no_grad():
        return policy.step(policy.weights_of(genomes), heard, voices, senses, memory, use)


def alone(work, count: int) -> None:
    work(0, count)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("num_choices", [0, 3])
def test_compiled_steps_equal_differentiable_ones(name: str, num_choices: int):
    spec, rng = SPECS[name], np.random.default_rng(1)
    policy = Policy(spec)
    genomes = torch.from_numpy(policy.layout.draw(P, rng))
    genomes += 0.3 * torch.from_numpy(rng.standard_normal(genomes.shape, np.float32))  # biases, too
    reflexes, use = Reflexes(policy, genomes, ORDER), ExpertUse(spec.num_experts)
    memory = Memory.newborn(P, B * A // P, spec.width)
    for _ in range(3):
        sensed = drawn(spec, rng, num_choices)
        done = Done.nothing(B, A, spec.message_length, len(spec.attribute_sizes))
        reflexes.step(sensed, done, alone, weighs=True)
        memory, beliefs, response = differentiably(policy, genomes, sensed, memory, use)

        def seats(values: np.ndarray) -> np.ndarray:
            return values.reshape(B * A, *values.shape[2:])[ORDER]

        act, symbols = response.act_logits.argmax(-1), response.say_logits.argmax(-1)
        assert_array_equal(seats(done.act), act)
        assert_array_equal(seats(done.symbols), symbols)
        choices = torch.from_numpy(seats(np.repeat(sensed.choices[:, None].astype(np.int64), A, axis=1)))
        answers = beliefs.choose(choices) if num_choices else beliefs.answers()
        assert_array_equal(seats(done.answers), answers)
        close = {"rtol": 1e-4, "atol": 2e-5}
        assert_allclose(reflexes.language, memory.language, **close)
        assert_allclose(reflexes.situation, memory.situation, **close)
        assert_allclose(seats(done.value), response.value, **close)
        log_act = torch.log_softmax(response.act_logits, -1).gather(-1, act[..., None])[..., 0]
        assert_allclose(seats(done.act_log_prob), log_act, **close)
        assert_allclose(seats(done.say_log_prob), log_prob_of(response.say_logits, symbols, spec.has_end), **close)
    found, expected = reflexes.use(), use
    assert found.visual_calls == expected.visual_calls
    assert found.visual_tokens == expected.visual_tokens
    assert found.shares() == pytest.approx(expected.shares(), abs=1e-5)
