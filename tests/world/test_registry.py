"""Scenarios of others: handed over by a script, or named by a package that is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evolution.config import LearningConfig, RunConfig
from evolution.run import evolve
from world import scenarios
from world.scenarios.describe import Describe
from world.scenarios.guide import Guide

OWN = """
from world.scenarios.guide import Guide

class Slow(Guide):
    name = "slow"
    summary = "a guide in worlds of more steps"
    num_steps = 12
"""
SMALL = RunConfig(
    population=4, generations=1, live_worlds=2, measure_every=1,
    learning=LearningConfig(founder_rounds=5, language_rounds=1, acting_rounds=1, acting_worlds=2),
)  # fmt: skip


class Own(Guide):
    name = "own-guide"
    num_steps = 12


@pytest.fixture
def own() -> Iterator[Guide]:
    yield scenarios.register(Own())
    scenarios.REGISTRY.remove("own-guide")


def test_a_scenario_of_ones_own_is_run_like_any_other(own: Guide, tmp_path: Path):
    assert scenarios.get("own-guide") is own
    assert "own-guide" in scenarios.names()
    folder = evolve(replace(SMALL, scenario="own-guide", out=str(tmp_path / "run")))
    from analysis.replay import verify_run
    from analysis.run import load_run

    num_episodes, problems = verify_run(load_run(folder))
    assert num_episodes > 0
    assert problems == []


def test_what_is_no_scenario_or_has_no_name_of_its_own_is_refused(own: Guide):
    with pytest.raises(ValueError, match=r"must be a world\.scenarios\.base\.Scenario, got str"):
        scenarios.register("guide")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must have a name of its own: there is a scenario own-guide already"):
        scenarios.register(Describe((2, 2), "own-guide"))
    with pytest.raises(ValueError, match="a name of letters, digits, - and _, got 'own:guide'"):
        scenarios.register(Describe((2, 2), "own:guide"))
    again = type("Own", (Own,), {"__module__": Own.__module__, "__qualname__": Own.__qualname__})
    assert scenarios.register(again()) is scenarios.get("own-guide")  # once more, as a notebook does


def packaged(folder: Path, source: str, points_to: str) -> dict[str, str]:
    """An environment in which a package is installed that names a scenario."""
    (folder / "mine.py").write_text(source, encoding="utf-8")
    info = folder / "mine-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[boxlings.scenarios]\nslow = {points_to}\n", encoding="utf-8")
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(Path(__file__).parents[2])])}


def command(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "boxlings", *arguments], env=environment, capture_output=True, text=True, timeout=300
    )


def test_a_package_brings_a_scenario_to_the_command(tmp_path: Path):
    environment = packaged(tmp_path, OWN, "mine:Slow")
    few = ["--population", "4", "--generations", "1", "--founder-rounds", "5", "--language-rounds", "1"]
    few += ["--acting-rounds", "1", "--acting-worlds", "2", "--live-worlds", "2", "--no-pictures"]
    done = command(environment, "run", "slow", "--out", str(tmp_path / "run"), *few)
    assert done.returncode == 0, done.stderr
    assert "a guide in worlds of more steps" in command(environment, "scenarios").stdout


@pytest.mark.slow
def test_a_package_whose_scenario_is_broken_is_named(tmp_path: Path):
    environment = packaged(tmp_path, "1 / 0", "mine:Slow")
    told = "boxlings: scenario 'slow' of mine cannot be loaded: ZeroDivisionError: division by zero\n"
    refused = command(environment, "run", "slow", "--out", str(tmp_path / "run"))
    assert (refused.returncode, refused.stderr) == (2, told)
    # and whoever wants another one is not bothered
    listed = command(environment, "scenarios")
    assert (listed.returncode, listed.stderr) == (0, told)
    assert "guide" in listed.stdout
