"""Other libraries on our standard faces: each script of the examples runs small, and does what it claims."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, **options: Any) -> dict[str, float]:
    """What the main function of a script returns."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"](**options)


def test_ppo_of_stable_baselines3_learns_to_understand_a_guide(capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("stable_baselines3")
    found = run("learn_with_stable_baselines3", num_steps=10_000, num_worlds=200)
    assert found["before"] < 0.4
    assert found["after"] > found["before"] + 0.4
    assert f"{found['after']:.1%} after" in capsys.readouterr().out


@pytest.mark.slow
def test_torchrl_collects_what_worlds_pay_and_agents_invent_a_code(capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("torchrl")
    found = run("collect_with_torchrl", num_frames=2048, num_worlds=60)
    assert found["frames"] == 2048
    assert found["episodes"] == 1024  # of two steps each
    assert found["difference"] == 0
    assert found["after"] > found["before"] + 0.2
    assert "2048 frames of 1024 worlds" in capsys.readouterr().out


@pytest.mark.slow
def test_evotorch_evolves_a_language_by_fitness_alone():
    pytest.importorskip("evotorch")
    found = run("evolve_with_evotorch", num_generations=150, num_worlds=256)
    assert found["after"] > found["before"] + 0.2


@pytest.mark.slow
def test_minari_reads_back_what_a_run_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", "")  # which the script sets, and is put back
    found = run("read_with_minari", folder=tmp_path)
    assert found["episodes"] == 4 * 100  # two agents, in two generations
    assert found["steps"] == 2 * found["episodes"]
    assert found["difference"] == 0
    assert found["understood"] > found["deaf"] + 0.3
