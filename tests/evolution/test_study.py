"""Studies: what arms change and what they cost, runs that go on where they were, and what is refused."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from evolution.arms import Costs, StudyConfig, affordable, with_generations
from evolution.config import RunConfig
from evolution.evaluate import evaluate, pair_matrix, strangers
from evolution.run import evolve, load_population, read_config
from evolution.society import Society, filled_config
from evolution.storage import read_toml
from evolution.study import Progress, final_measures, is_finished, measured_costs, planned_runs, run_study
from population.policy import Policy
from tests.evolution.conftest import HereAndNow, tiny, tiny_study
from world import scenarios

USUAL = RunConfig(generations=75, measure_every=4, record_every=10, checkpoint_every=1)


# ---- arms and budgets ----


def test_arms_change_what_they_say_and_nothing_else():
    study = tiny_study()
    default = study.of_arm("evolution+learning")
    assert default == replace(study.run, generations=None, threads=1)
    evolution = study.of_arm("evolution")
    assert not evolution.learning.fine_tuning
    assert evolution.selection.newborn_share == 0
    learning = replace(evolution.learning, fine_tuning=True)
    selection = replace(evolution.selection, newborn_share=default.selection.newborn_share)
    assert replace(evolution, learning=learning, selection=selection) == default
    for arm in ("learning", "no-selection"):
        changed = study.of_arm(arm)
        assert changed.selection != default.selection
        assert replace(changed, selection=default.selection) == default


def test_a_budget_pays_for_as_many_generations_as_there_is_time_for():
    costs = Costs(start_seconds=20.0, generation_seconds=2.0, measuring_seconds=1.0, recording_seconds=0.5)
    config = affordable(USUAL, RunConfig(), costs, 100.0)
    assert (config.generations, config.measure_every, config.record_every) == (30, 2, 4)
    assert costs.of(config) == 20 + 30 * 2 + 15 + 8 * 0.5
    assert costs.of(with_generations(USUAL, RunConfig(), 31)) > 100


def test_what_the_user_said_of_intervals_is_kept():
    config = with_generations(USUAL, RunConfig(measure_every=4), 750)
    assert (config.measure_every, config.record_every, config.checkpoint_every) == (4, 100, 10)


def test_a_budget_that_pays_for_no_generation_is_refused_with_what_is_needed():
    with pytest.raises(ValueError, match=r"cpu_seconds must be at least 26, .* got 25"):
        affordable(USUAL, RunConfig(), Costs(20.0, 5.0, 0.5, 0.0), 25.0)


def test_costs_are_told_apart(monkeypatch: pytest.MonkeyPatch):
    """By a clock that counts 1 for each round of a childhood, 3 for a generation, 2 to measure and 1 to record it."""
    now = 0.0
    play, raise_founders, judge = Society._language_round, Society._raise_founders, Society.judge
    seconds_of_a_round = 0.0

    def timed_round(self, *given):
        nonlocal now
        now += seconds_of_a_round
        return play(self, *given)

    def timed_childhood(self, *given):
        nonlocal seconds_of_a_round
        seconds_of_a_round = 1.0
        raise_founders(self, *given)
        seconds_of_a_round = 0.0

    def timed_judge(self):
        nonlocal now
        is_measured, is_recorded = (self.generation % every == 0 for every in (2, 3))
        now += 3.0 + 2.0 * is_measured + is_recorded
        judge(self)

    monkeypatch.setattr(time, "process_time", lambda: now)
    monkeypatch.setattr(Society, "_language_round", timed_round)
    monkeypatch.setattr(Society, "_raise_founders", timed_childhood)
    monkeypatch.setattr(Society, "judge", timed_judge)
    monkeypatch.setattr("evolution.study.SHORT_CHILDHOODS", (2, 4))
    config = filled_config(tiny("describe:2x3", learning={"founder_rounds": 50}))
    costs = measured_costs(config, for_seconds=12.0)
    found = (costs.start_seconds, costs.generation_seconds, costs.measuring_seconds, costs.recording_seconds)
    assert found == pytest.approx((50.0, 3.0, 2.0, 1.0))


# ---- runs ----


@pytest.mark.usefixtures("here_and_now")
def test_a_study_leaves_ordinary_runs_of_every_arm_and_seed(tmp_path: Path):
    study = tiny_study()
    told: list[Progress] = []
    assert run_study(study, tmp_path / "study", on_progress=told.append) == []
    runs = planned_runs(tmp_path / "study")
    assert [(arm, config.seed) for arm, config in runs] == [(arm, seed) for seed in (0, 1) for arm in study.arms]
    for arm, config in runs:
        folder = tmp_path / "study" / arm / str(config.seed)
        assert read_config(folder) == config
        assert (config.generations, config.threads) == (3, 1)
        assert is_finished(config)
    assert told[-1].share == 1
    assert read_toml(tmp_path / "study" / "study.toml")["seeds"] == 2


@pytest.mark.usefixtures("here_and_now")
def test_every_arm_gets_the_generations_that_its_costs_allow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def costs(config: RunConfig, for_seconds: float) -> Costs:
        assert for_seconds == pytest.approx(6.0)
        return Costs(0.0, 30.0 if config.learning.fine_tuning else 20.0, 0.0, 0.0)

    monkeypatch.setattr("tests.evolution.conftest.measured_costs", costs)
    study = tiny_study(arms=("evolution+learning", "evolution"), seeds=1, generations=None, cpu_seconds=120.0)
    run_study(study, tmp_path)
    assert [config.generations for _, config in planned_runs(tmp_path)] == [4, 6]
    plan = read_toml(tmp_path / "study.toml")["plan"]
    assert plan["evolution"]["expected_cpu_seconds"] == 120
    assert plan["evolution"]["generation_seconds"] == 20


@pytest.mark.usefixtures("here_and_now")
def test_a_finished_study_runs_nothing_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    study = tiny_study(arms=("learning",), seeds=1)
    run_study(study, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.name != ".lock"}
    monkeypatch.setattr("evolution.study.Job.start", lambda job: pytest.fail(f"{job.name} is done"))
    assert run_study(study, tmp_path) == []
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.name != ".lock"} == before


def test_processes_that_fail_leave_a_sentence_and_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    study, folder = tiny_study(seeds=1), tmp_path / "study"
    with monkeypatch.context() as patch:
        patch.setattr("evolution.study.Job", HereAndNow)
        run_study(study, folder)
    for arm in study.arms:
        shutil.rmtree(folder / arm / "0")
    evolve(replace(tiny("describe:2x3"), out=str(folder / study.arms[0] / "0"), seed=9, generations=1))
    (failed,) = run_study(study, folder, processes=2)
    assert failed.startswith("evolution+learning, seed 0: ")
    assert failed.endswith("holds a run with other options than the study's: remove it to have it run again")
    assert [is_finished(config) for _, config in planned_runs(folder)] == [False, True]


@pytest.mark.parametrize("scenario", ["name", "guide", "forage", "sokoban", "describe:3x6"])
def test_last_populations_are_judged_as_the_eval_command_does(scenario: str, tmp_path: Path):
    evolve(replace(tiny(scenario), out=str(tmp_path / "run"), generations=1))
    found = final_measures(tmp_path / "run", worlds=32)
    _, spec, genomes = load_population(tmp_path / "run")
    policy, boxlings, world = Policy(spec), torch.from_numpy(genomes), scenarios.get(scenario)
    held_out = evaluate(policy, boxlings, world, split="held-out", worlds_per_boxling=8)
    assert found["success_held_out"] == held_out["success"]
    assert ("strangers" in found) == ("success_muted" in found) == ("understanding" in found) == world.has_guide
    if world.has_guide:
        pairs = pair_matrix(policy, boxlings, world, worlds_per_pair=1)
        assert found["strangers"] == strangers(pairs)["strangers"]
        muted = evaluate(policy, boxlings, world, channel="mute", worlds_per_boxling=8)
        assert found["success_muted"] == muted["success"]


def test_words_of_a_taught_population_are_worth_something(tmp_path: Path):
    config = tiny("describe:2x3", learning={"founder_rounds": 150, "language_batch": 32})
    evolve(replace(config, out=str(tmp_path / "run"), generations=1))
    found = final_measures(tmp_path / "run", worlds=128)
    assert found["success"] > 2 * max(found["success_muted"], found["success_shuffled"])


# ---- what is refused ----


@pytest.mark.usefixtures("here_and_now")
def test_a_study_goes_on_with_its_own_options_only(tmp_path: Path):
    study = tiny_study(arms=("learning",), seeds=1)
    run_study(study, tmp_path)
    for other, sentence in (
        (replace(study, seeds=2), "seeds 1, got seeds 2"),
        (replace(study, generations=None, cpu_seconds=9.0), "no cpu_seconds, got cpu_seconds 9.0"),
        (replace(study, arms=("learning", "evolution")), "arms learning, got arms learning,evolution"),
        (replace(study, run=replace(study.run, population=5)), "population 4, got population 5"),
        (replace(study, run=tiny("describe:2x3", learning={"epochs": 7})), "epochs 2, got epochs 7"),
        (replace(study, run=tiny("describe:2x4")), "scenario describe:2x3, got scenario describe:2x4"),
    ):
        with pytest.raises(ValueError, match=f"holds a study with {sentence}: go on with its own options"):
            run_study(other, tmp_path)
    assert len(planned_runs(tmp_path)) == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"arms": ("magic",)}, "arms must be some of evolution.* got 'magic'"),
        ({"arms": ("learning", "learning")}, "arms must be named once each, got learning, learning"),
        ({"arms": ()}, "arms must be named once each, got none"),
        ({"seeds": 0}, "seeds must be at least 1, got 0"),
        ({"worlds": 0}, "worlds must be at least 1, got 0"),
        ({"generations": None}, "either cpu_seconds or generations, got neither"),
        ({"cpu_seconds": 3.0}, "either cpu_seconds or generations, got both"),
        ({"generations": 0}, "generations must be at least 1, got 0"),
        ({"generations": None, "cpu_seconds": 0.0}, "cpu_seconds must be positive, got 0.0"),
    ],
)
def test_a_study_that_makes_no_sense_is_refused(options: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        tiny_study(**options)


def test_a_study_that_cannot_begin_leaves_nothing(tmp_path: Path):
    same = replace(tiny_study(), run=tiny("describe:2x3", selection=tiny_study().of_arm("learning").selection))
    with pytest.raises(ValueError, match=r"arms evolution\+learning and learning are the same with these options"):
        run_study(same, tmp_path / "study")
    with pytest.raises(ValueError, match="processes must be at least 1, got -1"):
        run_study(tiny_study(), tmp_path / "study", processes=-1)
    assert not (tmp_path / "study").exists()
    (tmp_path / "text").write_text("mine")
    with pytest.raises(ValueError, match="holds other files"):
        run_study(tiny_study(), tmp_path)
    with pytest.raises(ValueError, match="out must be a folder, got the file"):
        run_study(tiny_study(), tmp_path / "text")


def test_a_study_of_language_models_is_refused(tmp_path: Path):
    config = tiny().with_options({"lm": "anything", "lm_as": "agent"})
    study = StudyConfig(run=config, arms=("learning", "evolution"), seeds=1, generations=1)
    with pytest.raises(ValueError, match="a study compares boxlings: expected lm_as expert, got agent"):
        run_study(study, tmp_path / "study")
    assert not (tmp_path / "study").exists() or not list((tmp_path / "study").glob("*.toml"))
