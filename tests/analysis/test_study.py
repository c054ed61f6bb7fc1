"""What is read from a study: its table is that of its runs, interrupted or not, and differences are paired."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import evolution.study
from analysis.run import load_run
from analysis.study import SUMMARY, Study, load_study, off_budget, summarise, write_study
from evolution.arms import ARMS
from evolution.run import Interrupted, Report
from evolution.storage import list_checkpoints, read_table
from evolution.study import final_measures, run_study
from language.intervals import bootstrap_mean_interval
from tests.evolution.conftest import here_and_now, tiny_study  # noqa: F401 - a fixture

FILES = ("table.parquet", "table.csv", "summary.csv", "study.png")
pytestmark = pytest.mark.usefixtures("here_and_now")


def made_up(values: dict[str, list[float]], folder: Path, measure: str = "success") -> Study:
    """A study without runs, by what one measure is, arm by arm, with seeds 0, 1, ...; nan where a run failed."""
    rows = [
        (arm, seed, measure, value)
        for arm, of_seeds in values.items()
        for seed, value in enumerate(of_seeds)
        if value == value
    ]
    table = pd.DataFrame(rows, columns=["arm", "seed", "measure", "value"])
    config = tiny_study(arms=tuple(values), seeds=3, generations=None, cpu_seconds=100.0)
    return Study(folder, config, {}, table, {})


def test_the_table_is_what_the_runs_say(tmp_path: Path):
    study = tiny_study()
    run_study(study, tmp_path)
    write_study(load_study(tmp_path))
    table = read_table(tmp_path / "table.parquet").to_pandas()
    assert table.equals(pd.read_csv(tmp_path / "table.csv"))
    found = table.set_index(["arm", "seed", "measure"])["value"]
    for arm in study.arms:
        for seed in range(2):
            folder = tmp_path / arm / str(seed)
            expected = final_measures(folder, study.worlds)
            timing = load_run(folder).timing
            expected["cpu_seconds"] = timing.loc[timing["name"] == "cpu_seconds", "value"].sum()
            expected["generations"] = 3.0
            assert found[arm, seed].to_dict() == pytest.approx(expected)
    assert found.index.is_unique


def test_an_interrupted_study_comes_to_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    study = tiny_study()
    run_study(study, tmp_path / "whole")
    evolve = evolution.study.evolve

    def evolve_until_stopped(config, listener):
        def listen(report: Report) -> None:
            listener(report)
            if (config.seed, report.generation, report.text) == (1, 2, ""):
                raise Interrupted

        return evolve(config, listen)

    with monkeypatch.context() as patch:
        patch.setattr("evolution.study.evolve", evolve_until_stopped)
        with pytest.raises(Interrupted):
            run_study(study, tmp_path / "stopped")
    stopped = tmp_path / "stopped" / study.arms[0] / "1"
    assert list_checkpoints(stopped / "checkpoints")[-1].name == "000002"
    assert not (stopped / "final.parquet").exists()
    half = load_study(tmp_path / "stopped")
    assert sorted(half.runs) == [(arm, 0) for arm in sorted(study.arms)]
    write_study(half)  # what there is can be looked at
    run_study(study, tmp_path / "stopped")
    texts = []
    for name in ("whole", "stopped"):
        write_study(load_study(tmp_path / name))
        lines = (tmp_path / name / "table.csv").read_bytes().splitlines()
        texts.append([line for line in lines if b",cpu_seconds," not in line])
    assert texts[0] == texts[1]
    assert len(texts[0]) == 1 + 4 * 9


def test_differences_are_paired_by_seed(tmp_path: Path):
    # seeds scatter by 0.8, but in each of them the second arm is better by 0.1
    study = made_up({"learning": [0.1, 0.5, 0.9], "evolution": [0.2, 0.6, 1.0]}, tmp_path)
    summary = summarise(study).set_index(["arm", "compared_to"])
    row = summary.loc["evolution", "learning"]
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((0.1, 0.1, 0.1))
    assert row["num_seeds"] == 3
    own = summary.loc["evolution", ""]
    assert (own["low"], own["high"]) == bootstrap_mean_interval([0.2, 0.6, 1.0])
    assert own["high"] - own["low"] > 0.5
    assert own["values"] == "0:0.2 1:0.6 2:1"
    assert ("learning", "learning") not in summary.index


def test_a_seed_that_one_arm_lacks_is_in_no_difference(tmp_path: Path):
    study = made_up({"learning": [0.1, np.nan, 0.9], "evolution": [0.2, 0.0, 1.1]}, tmp_path)
    row = summarise(study).set_index(["arm", "compared_to"]).loc["evolution", "learning"]
    assert row["num_seeds"] == 2
    assert row["mean"] == pytest.approx(0.15)
    assert row["values"] == "0:0.1 2:0.2"


def test_an_arm_that_misses_the_budget_is_told(tmp_path: Path):
    spent = {"learning": [91.0, 109.0, 105.0], "evolution": [88.0, 89.0, 90.0], "no-selection": [120.0, 120.0, 120.0]}
    told = off_budget(made_up(spent, tmp_path, "cpu_seconds"))
    assert told == [
        "evolution spent 89.0 CPU seconds a run, 11% less than the 100 that every arm was given",
        "no-selection spent 120.0 CPU seconds a run, 20% more than the 100 that every arm was given",
    ]
    unlimited = made_up(spent, tmp_path, "cpu_seconds")
    assert off_budget(replace(unlimited, config=tiny_study())) == []


@pytest.mark.parametrize("scenario", ["guide", "sokoban"])
def test_a_study_is_drawn_whole(scenario: str, tmp_path: Path):
    study = tiny_study(scenario, arms=("evolution+learning", "evolution"), seeds=1)
    run_study(study, tmp_path)
    _, paths = write_study(load_study(tmp_path))
    assert [path.name for path in paths] == list(FILES)
    with Image.open(tmp_path / "study.png") as picture:
        assert min(picture.size) > 500
        assert len(picture.getcolors(1 << 24)) > 50
    first = (tmp_path / "study.png").read_bytes()
    write_study(load_study(tmp_path))
    assert (tmp_path / "study.png").read_bytes() == first
    with open(tmp_path / "summary.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == SUMMARY
    measures = {row["measure"] for row in rows}
    assert ("strangers" in measures) == (scenario == "guide")


def test_a_folder_that_is_no_study_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"is no study: it has no study\.toml"):
        load_study(tmp_path)


def test_every_arm_has_a_colour_of_its_own():
    from analysis.study import ARM_COLOURS

    assert len(set(ARM_COLOURS.values())) == len(ARMS)
