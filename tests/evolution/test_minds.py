"""Language models among the boxlings: as an expert of all, as whole ones, resumed, recorded, and never seeing more."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evolution.config import RunConfig
from evolution.minds import OF_SEEDS, minds_of_checkpoint
from evolution.pretrained import find_checkpoint, load_population
from evolution.records import SCHEMAS, read_records
from evolution.run import Interrupted, Report, evolve, read_config, resume
from evolution.society import Society, filled_config
from evolution.storage import read_checkpoint
from population.language_agent import HEARD_STEPS, LanguageAgents
from population.language_expert import token_features, token_texts
from population.language_model import LanguageModel, Told
from population.policy import Policy
from population.reflexes import Done, Sensed
from population.spec import PolicySpec
from tests.evolution.conftest import drawn_population, tiny
from world import scenarios
from world.telling import known_words

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small language model of our own, which has learned nothing."""
    words = [*known_words(), "colour", "direction", "a", "b", "c", "guide", "describe"]
    model = LanguageModel.new(words, context_tokens=192, width=16, num_layers=1, num_heads=2)
    return model.save(tmp_path_factory.mktemp("lm") / "model", {}, "")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A foreign one without a tokenizer."""
    import transformers

    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=20, n_positions=192, n_embd=16, n_layer=1, n_head=2, bos_token_id=None, eos_token_id=None
    )
    folder = tmp_path_factory.mktemp("theirs") / "gpt2"
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def run_with(folder: Path, lm: Path, **changes: Any) -> RunConfig:
    options = {"lm": str(lm), **changes.pop("language_model", {})}
    return tiny(out=str(folder), recorded_episodes=2, record_every=1, **changes).with_options(options)


def test_tokens_are_told_in_the_order_of_the_policys_table():
    policy, genomes, scenario = drawn_population("guide")
    texts, spec = token_texts(policy.spec, scenario), policy.spec
    assert len(texts) == policy.weights_of(genomes)["tokens"].shape[1] == spec.num_tokens
    length, number = spec.message_length, spec.num_symbols
    for role in range(2):
        for place in range(length):
            for symbol in range(number):
                text = texts[role * length * number + place * number + symbol]
                assert text[:2] == [("guide", "builder")[role], "says"]
                assert text[2:] == ["s0"] * place + [f"s{symbol + 1}"]
    first = 2 * length * number
    assert texts[first + 2] == ["goal", "colour", scenario.attributes[0].values[2]]
    assert texts[first + spec.attribute_sizes[0]] == ["goal", "direction", "up"]
    states = texts[first + sum(spec.attribute_sizes) :]
    # as `body_state` numbers them: act, moved, role
    assert states[(3 * 2 + 1) * 2 + 1] == ["builder", "acts", "left", "edits", "MOVE"]
    assert len(states) == spec.num_body_states


@pytest.mark.parametrize("which", ["model_folder", "theirs"])
def test_features_tell_tokens_apart_and_are_the_same_each_time(which: str, request: pytest.FixtureRequest):
    folder, scenario = request.getfixturevalue(which), scenarios.get("guide")
    spec = PolicySpec(**{**drawn_population("guide")[0].spec.__dict__, "lm_width": 6})
    features = [token_features(LanguageModel.load(folder), spec, scenario) for _ in range(2)]
    np.testing.assert_array_equal(*features)
    assert features[0].shape == (spec.num_tokens, 6)
    assert np.mean(features[0] ** 2) == pytest.approx(1, rel=1e-4)
    assert len(np.unique(features[0].round(4), axis=0)) == spec.num_tokens
    spread = (features[0] ** 2).sum(axis=0)
    assert (np.diff(spread) <= 1e-3).all()  # what differs most comes first


def test_an_expert_lies_in_every_genome_and_a_checkpoint_needs_the_model_no_more(model_folder: Path, tmp_path: Path):
    copy = Path(shutil.copytree(model_folder, tmp_path / "lm"))
    run = evolve(run_with(tmp_path / "run", copy, language_model={"lm_width": 6}, generations=2))
    shutil.rmtree(copy)
    description, spec, genomes = load_population(run)
    assert (spec.lm_width, spec.lm_is_frozen) == (6, True)
    assert description["language_model"] == {"folder": str(copy), "as": "expert", "is_frozen": True}
    features = Policy(spec).layout.views(torch.from_numpy(genomes))["own.lm.features"]
    expected = token_features(LanguageModel.load(model_folder), spec, scenarios.get("guide"))
    for own in features:
        np.testing.assert_array_equal(own.numpy(), expected)
    measures = set(read_records(run / "generations.parquet", SCHEMAS["generations"])["name"].to_pylist())
    assert "expert_use/heard/expert_lm" in measures
    # seeds keep it, without being told
    seeded = evolve(tiny(out=str(tmp_path / "seeded"), generations=1, seed_from=str(run)))
    assert read_config(seeded).language_model.lm == OF_SEEDS
    np.testing.assert_array_equal(read_checkpoint(seeded / "checkpoints" / "000000")[1]["genomes"], genomes)


def test_a_language_model_among_the_seeds_is_the_expert(model_folder: Path, tmp_path: Path):
    config = filled_config(tiny(out=str(tmp_path), seed_from=(str(model_folder),)))
    assert config.seed_from == ()
    assert (config.language_model.lm, config.language_model.lm_as) == (str(model_folder), "expert")
    other = tiny(seed_from=(str(model_folder),)).with_options({"lm": "elsewhere"})
    with pytest.raises(ValueError, match="a run has one language model, got elsewhere and"):
        filled_config(other)


def test_an_expert_that_is_not_frozen_is_learned(model_folder: Path):
    society = Society(tiny(learning={"founder_rounds": 3}), lm=str(model_folder), lm_width=6, lm_frozen=False)
    features = society.layout.views(society.genomes)["own.lm.features"]
    expected = token_features(LanguageModel.load(model_folder), society.policy.spec, society.scenario)
    assert not np.array_equal(features[0].numpy(), expected)
    assert np.abs(features[0].numpy() - expected).max() < 0.1


# ---- whole boxlings ----


@pytest.fixture(scope="module", params=["model_folder", pytest.param("theirs", marks=pytest.mark.slow)])
def society_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("agents") / "run"
    options = {"lm_as": "agent", "lm_frozen": False, "lm_rounds": 2}
    lm = request.getfixturevalue(request.param)
    return evolve(run_with(folder, lm, language_model=options, generations=2, measure_every=1))


def test_lives_of_a_language_model_are_recorded_like_any_other(society_run: Path):
    from analysis.replay import verify_run
    from analysis.run import load_run

    run = load_run(society_run)
    num_episodes, problems = verify_run(run)
    assert (num_episodes > 0, problems) == (True, [])
    last = run.boxlings[run.boxlings["generation"] == 2]
    assert last[last["slot"] == 3]["origin"].tolist() == ["language-model"]
    assert last["fitness"].notna().all()
    model_id = int(last[last["slot"] == 3]["boxling"].iloc[0])
    assert any(model_id in row["boxlings"] for row in run.episodes())
    # it neither goes nor has children
    assert set(run.boxlings[run.boxlings["slot"] == 3]["boxling"]) == {model_id}
    assert model_id not in set(run.boxlings["mother"])


def test_what_it_learned_is_in_the_checkpoint_and_goes_on_to_the_same_bits(society_run: Path, tmp_path: Path):
    tensors = read_checkpoint(society_run / "checkpoints" / "000002")[1]
    before = read_checkpoint(society_run / "checkpoints" / "000000")[1]
    learned = [name for name in tensors if name.startswith("lm.")]
    assert learned
    if any(np.isfinite(read_losses(society_run))):
        assert any(not np.array_equal(tensors[name], before[name]) for name in learned)
    config = read_config(society_run)

    def stop(report: Report) -> None:
        if not report.text and report.generation == 1:
            raise KeyboardInterrupt

    stopped = tmp_path / "run"
    with pytest.raises((KeyboardInterrupt, Interrupted)):
        evolve(config.with_options({"out": str(stopped)}), stop)
    resume(stopped)
    again = read_checkpoint(stopped / "checkpoints" / "000002")[1]
    for name, each in tensors.items():
        np.testing.assert_array_equal(again[name], each)


def read_losses(run: Path) -> list[float]:
    table = read_records(run / "generations.parquet", SCHEMAS["generations"]).to_pylist()
    return [row["value"] for row in table if row["name"] == "loss_lm"]


def test_a_checkpoint_brings_its_language_model_or_says_that_it_is_another(society_run: Path, tmp_path: Path):
    checkpoint = find_checkpoint(society_run)
    description, spec, _ = load_population(checkpoint)
    scenario = scenarios.get("guide")
    minds = minds_of_checkpoint(checkpoint, spec, scenario)
    assert minds is not None
    assert minds.rows.tolist() == [3]
    tensors = read_checkpoint(checkpoint)[1]
    for name, each in minds.model.tensors().items():
        np.testing.assert_array_equal(each, tensors[f"lm.{name}"])
    folder = Path(description["language_model"]["folder"])
    hidden = folder.with_name("hidden")
    folder.rename(hidden)
    try:
        with pytest.raises(ValueError, match="must be the folder of a language model"):
            minds_of_checkpoint(checkpoint, spec, scenario)
        LanguageModel.new(known_words(), context_tokens=192, width=16, num_layers=1, num_heads=2, seed=7).save(
            folder, {}, ""
        )
        with pytest.raises(ValueError, match="holds another language model"):
            minds_of_checkpoint(checkpoint, spec, scenario)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        hidden.rename(folder)


def test_a_run_does_not_go_on_with_another_language_model(model_folder: Path, tmp_path: Path):
    lm = Path(shutil.copytree(model_folder, tmp_path / "lm"))
    run = evolve(run_with(tmp_path / "run", lm, language_model={"lm_as": "agent"}, generations=1))
    shutil.rmtree(lm)
    LanguageModel.new(known_words(), context_tokens=192, width=16, num_layers=1, num_heads=2, seed=7).save(lm, {}, "")
    with pytest.raises(ValueError, match=r"holds another language model than the one with which .*run was begun"):
        resume(run, 2)


def test_what_is_told_of_attention_and_experts_is_not_that_of_the_genome_it_has_not(society_run: Path):
    from analysis.run import load_run

    run = load_run(society_run)
    ids = run.boxlings[run.boxlings["origin"] == "language-model"]["boxling"].unique()
    seen = {True: 0, False: 0}
    for row in run.all_episodes():
        for step in range(row["num_steps"]):
            for a, boxling in enumerate(row["boxlings"]):
                is_model = boxling in ids
                seen[is_model] += 1
                assert any(row["expert_use"][step][a]) == (not is_model)
                assert not (is_model and row["attention"][step][a])
    assert min(seen.values()) > 0


@pytest.mark.slow
def test_the_card_of_a_model_measures_the_language_model_and_not_its_genome(
    society_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import boxlings

    asked = []
    real = LanguageAgents.act
    monkeypatch.setattr(LanguageAgents, "act", lambda self, *args: asked.append(1) or real(self, *args))
    monkeypatch.setattr("evolution.pretrained.CARD_WORLDS", 8)
    assert boxlings.main(["export", str(society_run), "--best", "--out", str(tmp_path / "model")]) == 0
    assert asked


def test_what_a_model_leaves_out_by_chance_follows_from_the_seed(tmp_path: Path):
    import transformers

    config = transformers.GPT2Config(  # with the dropout that it has by default
        vocab_size=20, n_positions=64, n_embd=16, n_layer=1, n_head=2, bos_token_id=None, eos_token_id=None
    )
    torch.manual_seed(0)
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path / "gpt2")
    learned = []
    for before, seed in ((1, 5), (2, 5), (3, 6)):
        torch.manual_seed(before)  # what chance was before is nothing to it
        model = LanguageModel.load(tmp_path / "gpt2")
        ids = np.arange(20)
        lesson = Told(ids, np.ones(20, bool), np.zeros(20, bool))
        state = torch.get_rng_state()
        learned.append((model.fit(lambda step, lesson=lesson: [lesson] * 4, num_steps=4, seed=seed), model.tensors()))
        assert torch.equal(torch.get_rng_state(), state)
    assert learned[0][0] == learned[1][0] != learned[2][0]
    for name, each in learned[0][1].items():
        np.testing.assert_array_equal(each, learned[1][1][name])


def test_a_society_of_nothing_but_a_language_model_lives_too(model_folder: Path, tmp_path: Path):
    options = {"lm_as": "agent", "lm_boxlings": 2}
    run = evolve(
        run_with(tmp_path / "run", model_folder, language_model=options, population=2, generations=1, live_worlds=2)
    )
    rows = read_records(run / "boxlings.parquet", SCHEMAS["boxlings"]).to_pylist()
    assert {row["origin"] for row in rows} == {"language-model"}
    assert len(list((run / "episodes").iterdir())) == 2


@pytest.mark.parametrize("scenario", ["guide", "describe", "refer", "sokoban", "ask"])
def test_a_situation_holds_what_is_sensed_and_nothing_else(scenario: str, model_folder: Path):
    agents, sensed = some_agents(scenario, model_folder)
    agents.hear(sensed)
    twin_agents, twin = some_agents(scenario, model_folder)
    # what this agent does not sense is changed
    twin.goal[~np.isin(np.arange(len(twin.goal)), [])] = twin.goal
    for b in range(len(sensed.role)):
        for a in range(sensed.role.shape[1]):
            words = agents.situation(sensed, b, a).words
            hidden = Sensed(**{name: values.copy() for name, values in vars(sensed).items()})
            if not sensed.knows[b, a]:
                hidden.goal[b] = 0
            else:
                hidden.goal[b][~sensed.told[b, a]] = 0
                hidden.choices[b] = 0
            if not sensed.sees[b, a]:
                hidden.view[b, a] = 3
            other = np.arange(sensed.role.shape[1]) != a
            hidden.view[b, other] = 4
            hidden.last_action[b, other] = 1
            for speaker in range(sensed.role.shape[1]):
                if not sensed.audible[b, a, speaker] or speaker == a:
                    hidden.heard[b, speaker] = 1
            twin_agents.begin()
            twin_agents.hear(hidden)
            assert twin_agents.situation(hidden, b, a).words == words
            if sensed.knows[b, a] and sensed.told[b, a].all():
                goal = words[2 : words.index("scene") if "scene" in words else words.index("acts")]
                changed = Sensed(**{name: values.copy() for name, values in vars(sensed).items()})
                changed.goal[b, 0] = (changed.goal[b, 0] + 1) % agents.spec.attribute_sizes[0]
                if agents.spec.attribute_sizes[0] > 1:
                    assert agents.situation(changed, b, a).words[2:] != (*goal, *words[2 + len(goal) :])


def some_agents(scenario: str, model_folder: Path) -> tuple[LanguageAgents, Sensed]:
    """A language model in all seats of some worlds, and what is sensed there first, with words in the air."""
    policy, _, world = drawn_population(scenario)
    model = LanguageModel.load(model_folder)
    worlds = world.generate(np.arange(3), "train")
    seen = world.observe(worlds)
    rng = np.random.default_rng(0)
    shape = (*worlds.role.shape, policy.spec.message_length)
    told = seen.told if seen.told is not None else np.ones((*worlds.role.shape, world.num_attributes), bool)
    sensed = Sensed(
        view=seen.view, sees=seen.sees, knows=seen.knows, told=told, goal=worlds.goal.copy(), role=worlds.role.copy(),
        last_action=worlds.last_action.copy(), last_moved=worlds.last_moved.copy(), choices=worlds.choices.copy(),
        heard=rng.integers(policy.spec.num_symbols, size=shape).astype(np.int16),
        audible=rng.random((*worlds.role.shape, worlds.num_agents)) < 0.7,
        is_active=np.array([True, True, False]), is_new=np.ones(3, bool),
    )  # fmt: skip
    agents = LanguageAgents(model, policy.spec, world, [0])
    return agents, sensed


def test_a_long_memory_is_cut_and_worlds_that_are_over_are_left_alone(model_folder: Path):
    agents, sensed = some_agents("guide", model_folder)
    for _ in range(HEARD_STEPS + 2):
        agents.hear(sensed)
    assert len(agents.heard) == HEARD_STEPS
    done = Done.nothing(3, 3, agents.spec.message_length, 2)
    done.act[:] = 7
    genome_of = np.array([[0, 1, 2], [1, 0, 1], [0, 0, 0]])
    agents.act(sensed, done, genome_of)
    is_its = (genome_of == 0) & sensed.is_active[:, None]
    assert (done.act[is_its] < agents.spec.num_actions).all()
    assert (done.act[~is_its] == 7).all()
    assert agents.act_counts.sum() == is_its.sum() == 2
    assert agents.said_counts.sum() == 2 * agents.spec.message_length
    assert (done.symbols < agents.spec.num_symbols).all()


def test_what_it_says_in_a_batch_is_what_it_says_alone(model_folder: Path):
    agents, sensed = some_agents("guide", model_folder)
    agents.hear(sensed)
    together = Done.nothing(3, 3, agents.spec.message_length, 2)
    agents.act(sensed, together, np.zeros((3, 3), np.int64))
    for b, a in ((0, 0), (0, 2), (1, 1)):
        genome_of = np.ones((3, 3), np.int64)
        genome_of[b, a] = 0
        alone = Done.nothing(3, 3, agents.spec.message_length, 2)
        agents.act(sensed, alone, genome_of)
        assert alone.act[b, a] == together.act[b, a]
        np.testing.assert_array_equal(alone.symbols[b, a], together.symbols[b, a])
        np.testing.assert_array_equal(alone.answers[b, a], together.answers[b, a])


def test_it_learns_to_say_what_others_said(model_folder: Path):
    agents, sensed = some_agents("describe", model_folder)
    agents.hear(sensed)
    spec, rng = agents.spec, np.random.default_rng(1)
    done = Done.nothing(3, 2, spec.message_length, 3)
    done.symbols[:] = rng.integers(spec.num_symbols, size=done.symbols.shape)
    done.act[:] = rng.integers(spec.num_actions, size=done.act.shape)
    done.answers[:] = rng.integers(3, size=done.answers.shape)
    lessons = [agents.lesson(sensed, done, b, a) for b in range(2) for a in range(2)]
    assert all(lesson.is_target.sum() == spec.message_length + 1 + 3 for lesson in lessons)
    agents.model.fit(lambda step: lessons, num_steps=150, learning_rate=1e-2)
    again = Done.nothing(3, 2, spec.message_length, 3)
    agents.act(sensed, again, np.zeros((3, 2), np.int64))
    for name in ("symbols", "act", "answers"):
        np.testing.assert_array_equal(getattr(again, name)[:2], getattr(done, name)[:2])


# ---- refused ----


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        ({"lm_as": "agent", "lm_boxlings": 5}, "lm_boxlings must be at most the population 4, got 5"),
        ({"lm_as": "agent", "revalidated_elites": 1}, "revalidated_elites must be 0 where a language model is"),
        ({"lm_as": "pet"}, "lm_as must be one of expert, agent, got 'pet'"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict, phrase: str, model_folder: Path):
    with pytest.raises(ValueError, match=phrase):
        tiny().with_options({"lm": str(model_folder), **options})


def test_a_folder_that_is_no_language_model_is_refused_before_anything_is_written(tmp_path: Path):
    for lm, phrase in ((str(tmp_path / "nowhere"), "got .*nowhere"), (OF_SEEDS, "has no such seeds")):
        with pytest.raises(ValueError, match=phrase):
            evolve(tiny(out=str(tmp_path / "run")).with_options({"lm": lm}))
        assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_context_that_is_too_short_is_named(tmp_path: Path):
    short = LanguageModel.new(known_words(), context_tokens=32, width=16, num_layers=1, num_heads=2)
    folder = short.save(tmp_path / "lm", {}, "")
    with pytest.raises(ValueError, match=r"reads at most 32 tokens, and a situation of scenario guide takes up to \d+"):
        Society(tiny(), lm=str(folder), lm_as="agent")
    assert json.loads((folder / "config.json").read_text())["max_position_embeddings"] == 32
