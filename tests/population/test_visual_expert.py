"""The visual expert runs on what is seen and on nothing else, however a genome came about.

Six proofs: it is not called when nobody sees; NaN in its weights changes no bit of what the blind do; it gets
no gradient from them; the routing table; lesions leave the words of the blind as they were; and all of that
after mutation, copying, saving and a life in a society.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import population.policy
from evolution.chance import stream, torch_stream
from evolution.config import ChannelConfig, LearningConfig, RunConfig
from evolution.evaluate import play
from evolution.learn import RowAdam, language_round
from evolution.society import Society
from evolution.storage import read_checkpoint, write_checkpoint
from population.experts import ExpertUse, visual_expert
from population.policy import Policy
from population.variation import gaussian
from tests.evolution.conftest import first_words
from tests.population.conftest import SMALL, Scene, draw_scene, outputs_of, some_see
from world import scenarios

ORIGINS = ("drawn", "mutated", "copied", "saved", "lived", "restored")


@pytest.fixture(scope="module", params=["guide", "name"])
def society(request: pytest.FixtureRequest) -> Society:
    """A society that has lived, selected and learned for two generations."""
    learning = LearningConfig(founder_rounds=2, language_rounds=2, language_batch=4, acting_rounds=1, acting_worlds=2)
    society = Society(
        RunConfig(
            scenario=request.param,
            generations=3,
            population=4,
            live_worlds=2,
            policy=SMALL,
            learning=learning,
        )
    )
    society.step()
    society.step()
    return society


@pytest.fixture(params=ORIGINS)
def genomes(request: pytest.FixtureRequest, society: Society, tmp_path: Path) -> Tensor:
    """Four genomes that came about in this way."""
    rng = np.random.default_rng(0)
    layout = society.layout
    drawn = layout.draw(4, rng)
    if request.param == "mutated":
        chance = torch.Generator().manual_seed(0)
        once = gaussian(torch.from_numpy(drawn), layout, np.full(4, 0.5), chance)
        drawn = gaussian(once, layout, np.full(4, 0.5), chance).numpy()
    elif request.param == "copied":
        drawn = drawn[[1, 1, 3, 0]]
    elif request.param == "saved":
        write_checkpoint(tmp_path, 1, {}, {"genomes": drawn}, {}, "{}")
        drawn = read_checkpoint(tmp_path / "000001")[1]["genomes"]
    elif request.param == "lived":
        drawn = society.genomes.numpy().copy()
    elif request.param == "restored":
        restored = Society.restored(society.config, society.tensors(), society.state())
        restored.step()
        drawn = restored.genomes.numpy()
    return torch.from_numpy(drawn)


@pytest.fixture
def policy(society: Society) -> Policy:
    return society.policy


def eyes_of(policy: Policy) -> Tensor:
    """Columns of the visual expert, (parameters,) bool."""
    return torch.from_numpy(policy.layout.columns_of("eyes"))


def with_eyes(policy: Policy, genomes: Tensor, value: float | Tensor) -> Tensor:
    other = genomes.clone()
    other[:, eyes_of(policy)] = value
    return other


def loss_of(outputs: dict[str, Tensor], seats: Tensor) -> Tensor:
    """Some number that depends on all that these seats (P, N) put out."""
    generator = torch.Generator().manual_seed(9)
    return sum(
        (values[seats] * torch.randn(values[seats].shape, generator=generator)).sum() for values in outputs.values()
    )


def gradient_of(policy: Policy, genomes: Tensor, scene: Scene, seats: Tensor) -> Tensor:
    leaf = genomes.clone().requires_grad_()
    loss_of(outputs_of(policy, leaf, scene), seats).backward()
    return leaf.grad


# ---- 1: calls ----


def test_the_visual_expert_is_not_called_when_nobody_sees(
    policy: Policy, genomes: Tensor, monkeypatch: pytest.MonkeyPatch
):
    calls = []
    original = population.policy.visual_expert
    monkeypatch.setattr(population.policy, "visual_expert", lambda *given: calls.append(given) or original(*given))
    scene, use = draw_scene(policy.spec, some_see()), ExpertUse(policy.spec.num_experts)
    weights = policy.weights_of(genomes)
    blind = scene.blinded()
    for _ in range(3):
        policy.step(weights, blind.heard, blind.voices, blind.senses, blind.memory, use)
    assert (len(calls), use.visual_calls, use.visual_tokens) == (0, 0, 0)
    policy.step(weights, scene.heard, scene.voices, scene.senses, scene.memory, use)  # and the counter counts
    assert (len(calls), use.visual_calls, use.visual_tokens) == (1, 1, int(scene.sees.sum()))


def test_a_language_game_of_the_blind_never_calls_the_visual_expert(
    policy: Policy, genomes: Tensor, society: Society, monkeypatch: pytest.MonkeyPatch
):
    calls = []
    original = population.policy.visual_expert
    monkeypatch.setattr(population.policy, "visual_expert", lambda *given: calls.append(given) or original(*given))
    language_round(
        policy, genomes.clone(), RowAdam(*genomes.shape), society.scenario, channel=ChannelConfig(), batch=4, offset=1,
        temperature=1.0, entropy_bonus=0.0, learning_rate=1e-3, max_norm=1.0,
        half_told_share=0.5, meaning_zipf=0.0, rng=stream(0, "test"), generator=torch_stream(0, "test"),
    )  # fmt: skip
    assert len(calls) == (1 if society.scenario.guide_sees else 0)  # the guide's look; builders only listen


def test_only_those_who_see_look_in_a_whole_life(policy: Policy, genomes: Tensor, society: Society):
    rollout, _ = play(policy, genomes, society.scenario, worlds_per_boxling=2, num_recorded=8)
    assert rollout.start is not None
    seers = society.scenario.observe(rollout.start).sees.sum(axis=1)  # in each world, as long as it is not over
    is_over = np.stack([rollout.start.is_over, *(state.is_over for state in rollout.states[:-1])])
    assert len(rollout.worlds) == 8
    assert rollout.use.visual_calls == len(rollout.states) >= 1
    assert rollout.use.visual_tokens == (seers * ~is_over).sum()


def test_nan_in_the_eyes_changes_no_bit_of_a_life_of_the_blind(policy: Policy, genomes: Tensor, society: Society):
    """Words of the blind, and all else that they do, up to the first step in which they could hear who sees."""
    said, acts = [], []
    for genome in (genomes, with_eyes(policy, genomes, float("nan"))):
        rollout, _ = play(policy, genome, society.scenario, worlds_per_boxling=2, num_recorded=8)
        blind = ~society.scenario.observe(rollout.start).sees
        said.append(rollout.said[0])
        acts.append(rollout.acts[0])
    assert np.array_equal(said[0][blind], said[1][blind])
    assert np.array_equal(acts[0][blind], acts[1][blind])
    assert not np.array_equal(acts[0][~blind], acts[1][~blind]) or not np.array_equal(said[0][~blind], said[1][~blind])


# ---- 2: NaN ----


def test_nan_in_the_eyes_changes_no_bit_of_what_the_blind_do(policy: Policy, genomes: Tensor):
    broken = with_eyes(policy, genomes, float("nan"))
    blind = draw_scene(policy.spec, some_see()).blinded()
    healthy, damaged = outputs_of(policy, genomes, blind), outputs_of(policy, broken, blind)
    for name in healthy:
        assert torch.isfinite(damaged[name]).all(), name
        assert torch.equal(healthy[name], damaged[name]), name


@pytest.mark.parametrize("is_padded", [False, True])
def test_nan_in_the_eyes_changes_no_bit_of_the_blind_among_the_seeing(policy: Policy, genomes: Tensor, is_padded: bool):
    sees = some_see() if is_padded else torch.tensor([True, False, True] * 3).expand(4, 9)
    scene = draw_scene(policy.spec, sees)
    assert (scene.senses.sees.is_real is not None) == is_padded
    healthy = outputs_of(policy, genomes, scene)
    damaged = outputs_of(policy, with_eyes(policy, genomes, float("nan")), scene)
    for name in healthy:
        assert torch.equal(healthy[name][~sees], damaged[name][~sees]), name
    assert damaged["thought"][sees].isnan().all()  # and those who see do look with these eyes


# ---- 3: gradient ----


def test_eyes_get_no_gradient_where_nobody_sees(policy: Policy, genomes: Tensor):
    scene = draw_scene(policy.spec, some_see())
    everybody = torch.ones_like(scene.sees)
    gradient = gradient_of(policy, genomes, scene.blinded(), everybody)
    assert not gradient[:, eyes_of(policy)].any()
    assert (gradient[:, ~eyes_of(policy)].abs().sum(dim=1) > 0).all()


def test_eyes_get_no_gradient_from_the_blind_among_the_seeing(policy: Policy, genomes: Tensor):
    scene = draw_scene(policy.spec, some_see())
    gradient = gradient_of(policy, genomes, scene, ~scene.sees)
    assert not gradient[:, eyes_of(policy)].any()
    assert (gradient[:, ~eyes_of(policy)].abs().sum(dim=1) > 0).all()


def test_every_layer_of_the_eyes_gets_a_gradient_from_those_who_see(policy: Policy, genomes: Tensor):
    scene = draw_scene(policy.spec, torch.ones(4, 40, dtype=torch.bool))
    gradient = gradient_of(policy, genomes, scene, scene.sees)
    for layer in policy.layout.layers:
        if layer.part == "eyes":
            assert (gradient[:, policy.layout.slices[layer.name]].abs().sum(dim=1) > 0).all(), layer.name


# ---- 4: routing ----


def test_the_routing_table_sends_vision_to_the_visual_expert_and_nothing_else(policy: Policy, genomes: Tensor):
    scene, use = draw_scene(policy.spec, some_see()), ExpertUse(policy.spec.num_experts)
    policy.step(policy.weights_of(genomes), scene.heard, scene.voices, scene.senses, scene.memory, use)
    shares = use.shares()
    others = [f"expert_{k}" for k in range(policy.spec.num_experts)]
    modalities = {"vision", "heard", "body"} | ({"goal"} if policy.spec.is_told_goal else set())
    assert {modality for modality, _ in shares} == modalities
    assert shares["vision", "visual"] == 1.0
    assert all(shares["vision", expert] == 0.0 for expert in others)
    for modality in modalities - {"vision"}:
        assert shares[modality, "visual"] == 0.0
        assert sum(shares[modality, expert] for expert in others) == pytest.approx(1.0, abs=1e-5)
        assert all(shares[modality, expert] > 0 for expert in others)


def test_a_picture_meets_the_weights_of_the_visual_expert_only(policy: Policy, genomes: Tensor):
    scene = draw_scene(policy.spec, some_see())
    leaf = genomes.clone().requires_grad_()
    spec = policy.spec
    asked = (len(spec.visible_attributes), spec.query_heads, spec.key_width)
    query = torch.randn(*scene.senses.view.shape[:2], *asked)  # what is asked may come from words
    look, parts = visual_expert(scene.senses.view, query, policy.layout.views(leaf), spec)
    (look.sum() + sum(part.sum() for part in parts)).backward()
    assert leaf.grad[:, eyes_of(policy)].any()
    assert not leaf.grad[:, ~eyes_of(policy)].any()


def test_tokens_of_other_modalities_never_meet_the_weights_of_the_visual_expert(policy: Policy, genomes: Tensor):
    leaf = genomes.clone().requires_grad_()
    tokens = policy.weights_of(leaf)["tokens"]
    (tokens * torch.randn(tokens.shape)).sum().backward()
    assert not leaf.grad[:, eyes_of(policy)].any()
    assert leaf.grad.any()


# ---- 5: lesion ----


def test_a_lesion_of_the_eyes_leaves_the_words_of_the_blind_as_they_were(
    policy: Policy, genomes: Tensor, society: Society
):
    generator = torch.Generator().manual_seed(3)
    noise = 3 * torch.randn(len(genomes), int(eyes_of(policy).sum()), generator=generator)
    lesioned = with_eyes(policy, genomes, noise)
    scene = draw_scene(policy.spec, some_see())
    said, said_with_lesion = (outputs_of(policy, g, scene)["say"] for g in (genomes, lesioned))
    assert torch.equal(said[~scene.sees], said_with_lesion[~scene.sees])
    assert not torch.allclose(said[scene.sees], said_with_lesion[scene.sees], atol=1e-3)
    words = first_words(policy, genomes, society.scenario, "train")[1]
    words_with_lesion = first_words(policy, lesioned, society.scenario, "train")[1]
    # blind guides say what they said; those who name what they see do not
    assert np.array_equal(words, words_with_lesion) == (not society.scenario.guide_sees)


# ---- the society this was shown on ----


def test_the_society_did_live_select_and_learn(society: Society):
    fresh = Society(replace(society.config, learning=replace(society.config.learning, founder_rounds=0)))
    assert society.generation >= 2
    assert society.next_id > 5  # somebody was born
    assert not torch.equal(fresh.genomes, society.genomes)
    assert society.scenario.name in scenarios.names()
