"""The compiled step against the differentiable one, and what must not leak in it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

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


def alone(work: Any, count: int) -> None:
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


def parts_of(done: Done) -> dict[str, np.ndarray]:
    """What is done, by name, (P, N, ...)."""
    return {name: values.reshape(B * A, *values.shape[2:])[ORDER] for name, values in vars(done).items()}


def lived(
    policy: Policy, genomes: torch.Tensor, scenes: list[Sensed], share: Any = alone, **options: Any
) -> tuple[Reflexes, list[dict[str, np.ndarray]]]:
    """A life: what was done in each step."""
    reflexes, steps = Reflexes(policy, genomes, ORDER), []
    for sensed in scenes:
        done = Done.nothing(B, A, policy.spec.message_length, len(policy.spec.attribute_sizes))
        reflexes.step(sensed, done, share, **{"weighs": True} | options)
        steps.append(parts_of(done))
    return reflexes, steps


def some_genomes(policy: Policy, rng: np.random.Generator) -> torch.Tensor:
    genomes = torch.from_numpy(policy.layout.draw(P, rng))
    return genomes + 0.3 * torch.from_numpy(rng.standard_normal(genomes.shape, np.float32))


@pytest.mark.parametrize("name", SPECS)
def test_steps_are_the_same_to_the_bit_however_genomes_are_shared_out(name: str):
    policy, rng = Policy(SPECS[name]), np.random.default_rng(3)
    genomes, scenes = some_genomes(policy, rng), [drawn(policy.spec, rng) for _ in range(3)]
    chances = rng.random((B, A, 1 + policy.spec.message_length), np.float32)

    def one_by_one(work: Any, count: int) -> None:
        for genome in reversed(range(count)):
            work(genome, genome + 1)

    def at_once(work: Any, count: int) -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(work, (0, 1), (1, count)))

    whole, steps = lived(policy, genomes, scenes, chances=chances)
    for share in (one_by_one, at_once):
        again, same = lived(policy, genomes, scenes, share, chances=chances)
        for one, other in zip(steps, same, strict=True):
            for what, values in one.items():
                assert values.tobytes() == other[what].tobytes(), what
        for what in ("language", "situation", "token_counts", "act_counts", "said_counts"):
            assert getattr(whole, what).tobytes() == getattr(again, what).tobytes(), what


@pytest.mark.parametrize("name", ["acting", "all senses", "shown", "plain", "ending"])
def test_nan_in_the_eyes_changes_no_bit_of_what_the_blind_do(name: str):
    policy, rng = Policy(SPECS[name]), np.random.default_rng(4)
    genomes, scenes = some_genomes(policy, rng), [drawn(policy.spec, rng) for _ in range(2)]
    scenes[1] = replace(scenes[1], sees=scenes[0].sees)
    broken = genomes.clone()
    broken[1, torch.from_numpy(policy.layout.columns_of("eyes"))] = float("nan")
    _, healthy = lived(policy, genomes, scenes)
    _, damaged = lived(policy, broken, scenes)
    is_hurt = np.zeros((P, B * A // P), bool)
    is_hurt[1] = scenes[0].sees.ravel()[ORDER[1]]
    assert 0 < is_hurt.sum() < is_hurt[1].size
    for one, other in zip(healthy, damaged, strict=True):
        for what, values in one.items():
            assert values[~is_hurt].tobytes() == other[what][~is_hurt].tobytes(), what
        assert np.isnan(other["value"][is_hurt]).all()  # and those who see do look with these eyes


@pytest.mark.parametrize("name", SPECS)
def test_a_genome_that_is_no_number_disturbs_nobody_else(name: str):
    policy, rng = Policy(SPECS[name]), np.random.default_rng(5)
    genomes, scenes = some_genomes(policy, rng), [drawn(policy.spec, rng, 3) for _ in range(2)]
    chances = rng.random((B, A, 1 + policy.spec.message_length), np.float32)
    broken = genomes.clone()
    broken[1] = float("nan")
    for options in ({}, {"chances": chances}):
        _, healthy = lived(policy, genomes, scenes, **options)
        _, damaged = lived(policy, broken, scenes, **options)
        for one, other in zip(healthy, damaged, strict=True):
            for what, values in one.items():
                assert values[[0, 2]].tobytes() == other[what][[0, 2]].tobytes(), what
            assert np.isnan(other["value"][1]).all()
            assert (other["act"][1] < policy.spec.num_actions).all()  # it still does something that there is
            assert ((other["symbols"][1] >= 0) & (other["symbols"][1] < policy.spec.num_symbols)).all()


def test_seats_in_worlds_that_are_over_do_nothing_and_new_worlds_begin_with_empty_memories():
    policy, rng = Policy(ACTING), np.random.default_rng(6)
    genomes, scenes = some_genomes(policy, rng), [drawn(ACTING, rng) for _ in range(3)]
    is_over, is_new = np.arange(B) == 2, np.arange(B) == 4
    scenes[1] = replace(scenes[1], is_active=~is_over)
    scenes[2] = replace(scenes[2], is_new=is_new)
    reflexes, steps = lived(policy, genomes, scenes[:2])
    first, _ = lived(policy, genomes, scenes[:1])
    over = np.repeat(is_over, A)[ORDER]
    for values in steps[1].values():
        assert not values[over].any()
    np.testing.assert_array_equal(reflexes.language[over], first.language[over])
    assert (reflexes.language[~over] != first.language[~over]).any(axis=-1).all()
    assert reflexes.act_counts.sum() == first.act_counts.sum() + B * A - A
    assert reflexes.visual_tokens == scenes[0].sees.sum() + scenes[1].sees[~is_over].sum()
    _, whole = lived(policy, genomes, scenes)
    _, alone_in_it = lived(policy, genomes, scenes[2:])
    fresh = np.repeat(is_new, A)[ORDER]
    for what, values in whole[2].items():
        np.testing.assert_array_equal(values[fresh], alone_in_it[0][what][fresh])
    assert (whole[2]["value"][~fresh] != alone_in_it[0]["value"][~fresh]).all()


def test_acts_and_symbols_are_drawn_as_often_as_they_are_probable():
    spec, rng, num_draws = SPECS["ending"], np.random.default_rng(7), 200
    policy = Policy(spec)
    genomes, sensed = some_genomes(policy, rng), replace(drawn(spec, rng), is_new=np.ones(B, bool))
    _, _, response = differentiably(policy, genomes, sensed, Memory.newborn(P, B * A // P, spec.width))
    acts = np.zeros((P, B * A // P, spec.num_actions))
    symbols = np.zeros((P, B * A // P, spec.message_length, spec.num_symbols))
    log_act, log_say = (torch.log_softmax(logits, -1) for logits in (response.act_logits, response.say_logits))
    for k in range(num_draws):
        chances = np.full((B, A, 1 + spec.message_length), (k + 0.5) / num_draws, np.float32)
        _, (done,) = lived(policy, genomes, [sensed], chances=chances)
        acts += np.eye(spec.num_actions)[done["act"]]
        symbols += np.eye(spec.num_symbols)[done["symbols"]]
        act = torch.from_numpy(done["act"].astype(np.int64))
        assert_allclose(done["act_log_prob"], log_act.gather(-1, act[..., None])[..., 0], rtol=1e-4, atol=1e-4)
        said = torch.from_numpy(done["symbols"].astype(np.int64))
        expected = log_prob_of(log_say, said, spec.has_end)
        assert_allclose(done["say_log_prob"], expected, rtol=1e-4, atol=1e-4)
    assert_allclose(acts / num_draws, log_act.exp(), atol=1.01 / num_draws)
    assert_allclose(symbols / num_draws, log_say.exp(), atol=1.01 / num_draws)


@pytest.mark.parametrize("explores", [False, True])
def test_a_forced_act_is_done_and_nothing_else_changes(explores: bool):
    policy, rng = Policy(ACTING), np.random.default_rng(8)
    genomes, sensed = some_genomes(policy, rng), drawn(ACTING, rng)
    forced = rng.integers(-1, ACTING.num_actions, size=(B, A)).astype(np.int8)
    chances = rng.random((B, A, 1 + ACTING.message_length), np.float32) if explores else None
    _, (free,) = lived(policy, genomes, [sensed], chances=chances)
    _, (done,) = lived(policy, genomes, [sensed], chances=chances, forced=forced)
    wanted = forced.ravel()[ORDER]
    np.testing.assert_array_equal(done["act"], np.where(wanted >= 0, wanted, free["act"]))
    _, _, response = differentiably(policy, genomes, sensed, Memory.newborn(P, B * A // P, ACTING.width))
    log_act = torch.log_softmax(response.act_logits, -1)
    act = torch.from_numpy(done["act"].astype(np.int64))
    assert_allclose(done["act_log_prob"], log_act.gather(-1, act[..., None])[..., 0], rtol=1e-4, atol=1e-4)
    for what in ("symbols", "answers", "say_log_prob", "value"):
        np.testing.assert_array_equal(done[what], free[what])
