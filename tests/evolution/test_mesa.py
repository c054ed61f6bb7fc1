"""A society as Mesa sees it: options by name, a run that ends, frames that equal what a run writes, batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mesa
import numpy as np
import pandas as pd
import pytest

from analysis.run import load_run, wide
from evolution.config import RunConfig
from evolution.records import BOXLINGS
from evolution.run import evolve
from evolution.society import Society, filled_config
from tests.evolution.conftest import tiny

OPTIONS: dict[str, Any] = {
    "scenario": "describe:2x3", "population": 4, "generations": 3, "live_worlds": 2, "measure_every": 2,
    "width": 12, "expert_width": 8, "founder_rounds": 20, "language_rounds": 1, "language_batch": 8,
    "eliminated_share": 0.5, "protected_generations": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def ended() -> Society:
    """A society that has come to its end."""
    society = Society(**OPTIONS, seed=5)
    society.run_model()
    return society


def assert_equal_frames(society: Society, folder: Path) -> None:
    """What a society collected equals what a run wrote."""
    run = load_run(folder)
    of_model = society.datacollector.get_model_vars_dataframe().set_index("generation")
    written = run.generations.loc[0:]
    assert sorted(of_model) == sorted(written)
    pd.testing.assert_frame_equal(of_model[written.columns], written, check_exact=True, check_index_type=False)
    of_agents = society.datacollector.get_agent_vars_dataframe()
    assert of_agents.index.tolist() == list(zip(run.boxlings["generation"], run.boxlings["boxling"], strict=True))
    assert list(of_agents) == list(run.boxlings) == BOXLINGS.names
    plain = of_agents.reset_index(drop=True)
    pd.testing.assert_frame_equal(plain, run.boxlings, check_exact=True, check_dtype=False)
    childhood = [
        {"generation": year - len(society.childhood), "name": name, "value": value}
        for year, measures in enumerate(society.childhood)
        for name, value in measures.items()
    ]
    if childhood:
        young, written = wide(pd.DataFrame(childhood)), run.generations.loc[:-1]
        pd.testing.assert_frame_equal(young, written[young.columns], check_exact=True, check_index_type=False)
        assert written.drop(columns=young.columns).isna().all(axis=None)


# ---- what is collected ----


@pytest.mark.parametrize("scenario", ["guide", "sokoban"])
def test_frames_equal_the_tables_of_a_run(scenario: str, tmp_path: Path):
    selection = {"eliminated_share": 0.5, "protected_generations": 0}
    config = tiny(scenario, measure_every=2, selection=selection, out=str(tmp_path / "run"))
    society = Society(config)
    society.run_model()
    folder = evolve(config)
    run = load_run(folder)
    assert run.boxlings["is_eliminated"].sum() == 6  # half of four, three times
    lived = run.generations.loc[0:]
    assert lived["loss_policy"].isna().tolist() == [False] * 3 + [True]  # nothing is learned at the end
    assert_equal_frames(society, folder)
    for name in ("boxlings", "mothers", "fathers", "birth_generations", "origins"):
        np.testing.assert_array_equal(getattr(society.lineage, name), getattr(run.lineage, name))


def test_frames_of_a_talking_society_equal_the_tables_and_its_childhood(ended: Society, tmp_path: Path):
    folder = evolve(RunConfig(out=str(tmp_path / "run")).with_options({**OPTIONS, "seed": 5}))
    assert len(ended.childhood) == 10
    assert_equal_frames(ended, folder)


def test_a_restored_society_collects_from_there_on(ended: Society):
    config = ended.config
    stopped = Society(config)
    stopped.step()
    restored = Society.restored(config, stopped.tensors(), stopped.state())
    restored.run_model()
    for frame in ("get_model_vars_dataframe", "get_agent_vars_dataframe"):
        late, whole = (getattr(society.datacollector, frame)() for society in (restored, ended))
        late, whole = (each.reset_index(drop=True).query("generation >= 1") for each in (late, whole))
        pd.testing.assert_frame_equal(
            late.reset_index(drop=True), whole.reset_index(drop=True), check_exact=True, check_like=True
        )
    lived_later = [row["boxling"] for row in stopped.boxling_rows if not row["is_eliminated"]]
    assert restored.lineage.boxlings.tolist() == [*lived_later, *range(5, restored.next_id)]


def test_a_run_on_disk_collects_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    societies: list[Society] = []
    begin = Society.__init__
    monkeypatch.setattr(Society, "__init__", lambda self, *a, **k: (societies.append(self), begin(self, *a, **k))[1])
    evolve(tiny("describe", generations=1, out=str(tmp_path / "run")))
    (society,) = societies
    assert society.steps == 2
    assert not society.births
    assert len(society.datacollector.get_model_vars_dataframe()) == 0
    assert not society.datacollector._agent_records
    with pytest.raises(ValueError, match="a society that does not collect knows the living alone, ask load_run"):
        _ = society.lineage


# ---- how it ends ----


def test_a_society_runs_until_its_last_population_is_judged_and_then_stands_still(ended: Society):
    assert not ended.running
    assert (ended.generation, ended.steps) == (3, 4)
    assert len(ended.datacollector.get_model_vars_dataframe()) == 4
    assert "eliminated" not in ended.measures
    before = {name: array.copy() for name, array in (ended.tensors() | ended.state()).items()}
    ended.step()
    ended.steps -= 1  # which mesa counted
    assert len(ended.datacollector.get_model_vars_dataframe()) == 4
    for name, array in (ended.tensors() | ended.state()).items():
        np.testing.assert_array_equal(array, before[name])


# ---- options ----


def test_options_are_those_of_the_command_line_by_their_names():
    society = Society(
        scenario="describe:3x6",
        population=np.int64(4),
        seed=3,
        generations=4,
        strategy="age",
        epochs=1,
        founder_rounds=0,
    )
    config = RunConfig(scenario="describe:3x6", population=4, seed=3, generations=4)
    config = config.with_options({"strategy": "age", "epochs": 1, "founder_rounds": 0})
    assert society.config == filled_config(config)
    assert (config.selection.strategy, config.learning.epochs) == ("age", 1)


def test_options_by_name_change_a_configuration_and_leave_the_rest():
    society = Society(tiny("describe"), population=3)
    assert society.config == filled_config(tiny("describe", population=3))


@pytest.mark.parametrize("names", [{"seed": 7}, {"rng": 7}, {"rng": np.int64(7)}])
def test_the_seed_may_be_called_rng_as_mesa_does(names: dict[str, Any]):
    society = Society(tiny("describe", learning={"founder_rounds": 0}), **names)
    assert society.config.seed == 7


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"populatoin": 3}, "there is no option populatoin, did you mean population?"),
        ({"wings": 2}, "there is no option wings; see `boxlings run --help`"),
        ({"learning": None}, "there is no option learning, did you mean"),
        ({"population": 2.5}, "population must be a whole number, got 2.5"),
        ({"population": "4"}, "population must be a number, got '4'"),
        ({"mutation": "off"}, "mutation must be True or False, got 'off'"),
        ({"seed": 1, "rng": 1}, "expected seed or rng, got both"),
        ({"rng": None}, "rng must be a whole number, from which the run follows, got None"),
        ({"scenario": "chess"}, "scenario must be one of"),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(options: dict[str, Any], told: str):
    with pytest.raises(ValueError, match=told.replace("?", r"\?")) as refused:
        Society(**options)
    assert "\n" not in str(refused.value)


def test_a_society_is_seeded_from_a_checkpoint_by_the_same_option_as_a_run(tmp_path: Path):
    folder = evolve(tiny("describe", generations=1, out=str(tmp_path / "run")))
    society = Society(tiny("describe", seed=9), seed_from=str(folder))
    assert {boxling.origin for boxling in society.slots} == {"seed"}


# ---- batches; examples/batch_run_with_mesa.py has one in several processes ----


def test_a_batch_has_a_row_for_each_boxling_and_generation(ended: Society):
    parameters = {**OPTIONS, "seed": [4, 5]}
    rows = mesa.batch_run(Society, parameters, iterations=2, data_collection_period=1, display_progress=False)
    table = pd.DataFrame(rows)
    assert len(table) == 2 * 2 * 4 * 4
    assert table.groupby(["seed", "iteration"])["generation"].unique().map(list).tolist() == [[0, 1, 2, 3]] * 4
    columns = BOXLINGS.names
    for _, group in table[table["seed"] == 5].groupby("iteration"):  # iterations are the same run again
        collected = ended.datacollector.get_agent_vars_dataframe().reset_index(drop=True)
        pd.testing.assert_frame_equal(group[columns].reset_index(drop=True), collected, check_exact=True)
        success = ended.datacollector.get_model_vars_dataframe()["success"].repeat(4).reset_index(drop=True)
        pd.testing.assert_series_equal(group["success"].reset_index(drop=True), success, check_exact=True)
    assert table.groupby("seed")["fitness"].sum().nunique() == 2


def test_a_batch_can_end_before_the_run_does_and_tell_the_last_step_alone():
    rows = mesa.batch_run(Society, {**OPTIONS, "seed": 5}, max_steps=1, display_progress=False)
    assert {(row["Step"], row["generation"]) for row in rows} == {(1, 1)}  # mesa goes one step beyond
    assert len(rows) == 4
