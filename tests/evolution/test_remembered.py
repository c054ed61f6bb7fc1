"""Of everybody who lives, and of their ancestors, an episode is kept; of nobody else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.run import load_run
from analysis.verify import verify_episode
from evolution.config import ChannelConfig, LearningConfig, RunConfig, SelectionConfig
from evolution.remembered import Remembered
from evolution.run import evolve, resume
from evolution.society import Society
from evolution.storage import list_checkpoints

SMALL = RunConfig(
    scenario="describe:2x4",
    population=6,
    generations=9,
    seed=4,
    live_worlds=4,
    measure_every=9,
    recorded_episodes=1,
    channel=ChannelConfig(),
    learning=LearningConfig(founder_rounds=10, language_rounds=1),
)


def lives(ids: list[int], mothers: list[int], generation: int) -> Remembered:
    n = len(ids)
    return Remembered(
        boxling=np.array(ids), mother=np.array(mothers), generation=np.full(n, generation),
        world_number=np.arange(n), boxlings=np.zeros((n, 2), np.int64), num_steps=np.ones(n, np.int64),
        is_won=np.zeros(n, bool), actions=np.zeros((n, 1, 2), np.int8), said=np.zeros((n, 1, 2, 3), np.int16),
        answers=np.zeros((n, 1, 2, 2), np.int16),
    )  # fmt: skip


def test_mothers_of_the_living_are_kept_and_lines_that_end_go() -> None:
    nobody = np.zeros(0, np.int64)
    first = lives([1, 2, 3], [-1, -1, -1], 0)
    second = first.then(lives([1, 2, 4], [-1, -1, 3], 1), nobody)  # 4 is a daughter of 3, who died
    assert sorted(second.boxling.tolist()) == [1, 2, 3, 4]
    third = second.then(lives([1, 5, 4], [-1, 4, 3], 2), nobody)  # 2 died childless
    assert sorted(third.boxling.tolist()) == [1, 3, 4, 5]
    assert third.generation[third.boxling == 3].tolist() == [0]  # its last one
    assert third.generation[third.boxling == 1].tolist() == [2]
    fourth = third.then(lives([1, 6, 7], [-1, 1, 1], 3), nobody)  # and with 4 and 5 the line of 3 ends
    assert sorted(fourth.boxling.tolist()) == [1, 6, 7]
    elite = third.then(lives([1, 6, 7], [-1, 1, 1], 3), np.array([-1, 5]))  # 5 may still have children
    assert sorted(elite.boxling.tolist()) == [1, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("strategy", ["truncation", "map-elites", "age", "random-search", "none"])
@pytest.mark.parametrize("scenario", ["describe:2x4", "guide"])
def test_every_ancestor_of_the_living_has_an_episode_that_the_simulator_confirms(
    tmp_path: Path, strategy: str, scenario: str
) -> None:
    if scenario == "guide" and strategy not in ("truncation", "map-elites"):
        pytest.skip("what a scenario changes it changes for every strategy")
    config = replace(
        SMALL, scenario=scenario, selection=SelectionConfig(strategy=strategy), out=str(tmp_path / "run"),
        generations=9 if scenario != "guide" else 4,
    )  # fmt: skip
    run = load_run(evolve(config))
    last = run.boxlings[run.boxlings["generation"] == config.generations]["boxling"]
    family = {each for boxling in last for each in run.lineage.ancestors(boxling).tolist()}
    assert family <= set(run.remembered)
    if strategy != "map-elites":
        assert family == set(run.remembered)
    for boxling in family:
        row = run.ancestor_episode(boxling)
        assert boxling in row["boxlings"]
        assert verify_episode(row) == []
        lived = run.boxlings.loc[run.boxlings["boxling"] == boxling, "generation"]
        assert row["generation"] == lived.max()
    stranger = int(run.boxlings["boxling"].max()) + 1
    with pytest.raises(ValueError, match=f"no episode of boxling {stranger} is kept"):
        run.ancestor_episode(stranger)


def test_a_stopped_and_resumed_run_remembers_the_same(tmp_path: Path) -> None:
    whole = evolve(replace(SMALL, out=str(tmp_path / "whole"), keep_checkpoints=9))
    stopped = Path(shutil.copytree(whole, tmp_path / "stopped"))
    for later in list_checkpoints(stopped / "checkpoints"):
        if int(later.name) > 4:
            shutil.rmtree(later)
    (stopped / "ancestors.parquet").unlink()
    resume(stopped)
    assert (stopped / "ancestors.parquet").read_bytes() == (whole / "ancestors.parquet").read_bytes()
    name = Path("checkpoints", "000009", "state.safetensors")
    assert (stopped / name).read_bytes() == (whole / name).read_bytes()


def test_without_recordings_nobody_is_remembered(tmp_path: Path) -> None:
    society = Society(replace(SMALL, recorded_episodes=0))
    society.step()
    assert society.remembered is None
    run = load_run(evolve(replace(SMALL, recorded_episodes=0, generations=1, out=str(tmp_path / "run"))))
    assert run.remembered == []
