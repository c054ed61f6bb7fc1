"""Pretrained models: found in folders, runs and on a hub, mixed as founders, described on a card."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from evolution.config import RunConfig
from evolution.pretrained import (
    Ancestors,
    find_checkpoint,
    is_hub_name,
    load_ancestors,
    model_card,
    seats_for,
    shares_on_card,
    write_pretrained,
)
from evolution.run import evolve, load_population, resume
from evolution.society import Society, filled_config, policy_spec
from evolution.storage import MODEL_FILES, read_checkpoint
from tests.evolution.conftest import tiny
from world import scenarios


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two tiny runs of one scenario, which differ by their seed."""
    folder = tmp_path_factory.mktemp("runs")
    return [
        evolve(tiny("describe", generations=1, out=str(folder / str(seed)), seed=seed, recorded_episodes=0))
        for seed in (1, 2)
    ]


def ancestors(fitness: Sequence[float], family: Sequence[int] | None = None) -> Ancestors:
    genomes = np.arange(len(fitness), dtype=np.float32)[:, None]
    return Ancestors(genomes, np.array(fitness), family=None if family is None else np.array(family))


# ---- who sits where ----


def test_the_fittest_sit_as_they_were_and_copies_of_the_fittest_fill_up():
    seats, is_copy = seats_for(ancestors([0.1, np.nan, 0.7, 0.5]), 3)
    assert seats.tolist() == [0, 2, 3]
    assert not is_copy.any()
    seats, is_copy = seats_for(ancestors([0.1, np.nan, 0.7]), 7)
    assert seats.tolist() == [0, 1, 2, 2, 0, 1, 2]
    assert is_copy.tolist() == [False] * 3 + [True] * 4


def test_each_of_several_models_gets_its_share_of_the_seats():
    seats, is_copy = seats_for(ancestors([0.1, 0.9, 0.5, 0.4], family=[0, 0, 0, 1]), 5)
    assert seats.tolist() == [0, 1, 2, 3, 3]
    assert is_copy.tolist() == [False, False, False, False, True]
    with pytest.raises(ValueError, match="population must be at least the 2 models that seed it, got 1"):
        seats_for(ancestors([0.1, 0.2], family=[0, 1]), 1)


def test_a_society_of_two_models_holds_both(runs: list[Path]):
    society = Society(tiny("describe", population=5), seed_from=[str(run) for run in runs])
    first, second = (load_population(run)[2] for run in runs)
    np.testing.assert_array_equal(society.genomes[3:].numpy(), second[np.sort(fittest(runs[1])[:2])])
    np.testing.assert_array_equal(society.genomes[:3].numpy(), first[np.sort(fittest(runs[0])[:3])])
    assert {boxling.birth.origin for boxling in society.slots} == {"seed"}


def fittest(run: Path) -> np.ndarray:
    fitness = read_checkpoint(find_checkpoint(run))[1]["fitness"]
    return np.argsort(-np.nan_to_num(fitness, nan=-np.inf), kind="stable")


def test_genes_of_those_who_have_some_are_kept_and_others_get_the_options(runs: list[Path], tmp_path: Path):
    with_genes = evolve(
        tiny("describe", generations=1, out=str(tmp_path / "genes"), selection={"genes": True, "gene_step": 0.5})
    )
    both = [str(with_genes), str(runs[0])]
    config = tiny("describe", selection={"genes": True})
    spec = policy_spec(filled_config(config))
    loaded = load_ancestors(both, spec, "describe")
    assert loaded.genes is not None
    assert np.isfinite(loaded.genes[:4]).all()
    assert np.isnan(loaded.genes[4:]).all()
    society = Society(config, loaded)
    assert (society.genes[2:, 0] == 3e-3).all()
    assert (society.genes[:2] == loaded.genes[np.sort(fittest(with_genes)[:2])]).all()


def test_what_does_not_fit_is_a_warning_to_who_makes_a_society(runs: list[Path]):
    with pytest.warns(UserWarning, match="1 expert more than it has"):
        Society(tiny("describe", policy={"num_experts": 3}), seed_from=str(runs[0]))


def test_a_run_goes_on_when_what_it_was_seeded_from_is_gone(runs: list[Path], tmp_path: Path):
    seed = tmp_path / "model"
    write_pretrained(find_checkpoint(runs[0]), seed, worlds=8)
    folder = evolve(tiny("describe", generations=1, out=str(tmp_path / "run"), seed_from=str(seed)))
    seed.rename(tmp_path / "gone")
    resume(folder, 2)
    assert load_population(folder)[0]["generation"] == 2


def test_a_model_among_the_checkpoints_of_a_run_is_passed_over_and_told(runs: list[Path], tmp_path: Path):
    folder = Path(shutil.copytree(runs[0], tmp_path / "run"))
    write_pretrained(find_checkpoint(runs[0]), folder / "checkpoints" / "000007", worlds=8)
    told: list[str] = []
    resume(folder, 2, lambda report: told.append(report.text))
    assert any("000007 is a model alone, without state.safetensors" in text for text in told)
    assert load_population(folder / "checkpoints" / "000002")[0]["generation"] == 2


# ---- foreign files ----


def test_a_folder_of_another_kind_is_refused_by_name(tmp_path: Path):
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["SomeForm"], "hidden_size": 8}))
    with pytest.raises(ValueError, match=r"config\.json is damaged or of another kind"):
        load_ancestors([str(tmp_path)], policy_spec(filled_config(tiny("describe"))), "describe")


def test_a_model_of_an_unknown_version_is_refused(runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spec = policy_spec(filled_config(tiny("describe")))
    real = read_checkpoint(find_checkpoint(runs[0]))

    def changed(_path: Path) -> tuple:
        return {**real[0], "policy": {**real[0]["policy"], "tentacles": 8}}, *real[1:]

    monkeypatch.setattr("evolution.pretrained.read_checkpoint", changed)
    with pytest.raises(ValueError, match=r"holds no population of this version: .*tentacles"):
        load_ancestors([str(runs[0])], spec, "describe")


# ---- the hub ----


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("someone/a-model", True), ("someone/a.model@v1.0", True), ("model", False), ("a/b/c", False),
        ("./someone/model", False), ("/someone/model", False), ("someone/", False), ("here/model", False),
    ],
)  # fmt: skip
def test_names_of_the_hub_are_told_from_folders(
    name: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert is_hub_name(name) == expected


def hub(monkeypatch: pytest.MonkeyPatch, download: object) -> None:
    module = ModuleType("huggingface_hub")
    module.snapshot_download = download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)


def test_a_model_of_the_hub_is_fetched_and_nothing_but_its_files(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "model"
    write_pretrained(find_checkpoint(runs[0]), out, worlds=8)
    asked = []

    def download(repository: str, **options: object) -> str:
        asked.append((repository, options["revision"], options["allow_patterns"]))
        return str(out)

    hub(monkeypatch, download)
    monkeypatch.chdir(tmp_path)
    found, _, genomes = load_population("someone/model@v2")
    assert asked == [("someone/model", "v2", list(MODEL_FILES))]
    assert found["scenario"] == "describe"
    np.testing.assert_array_equal(genomes, load_population(out)[2])


def test_a_hub_that_cannot_be_reached_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class LocalEntryNotFoundError(Exception):
        pass

    def download(*_: object, **__: object) -> str:
        raise LocalEntryNotFoundError("many\nlines. And more.")

    hub(monkeypatch, download)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"someone/model is no folder here, and .* no way to it from here") as error:
        evolve(RunConfig(scenario="describe", seed_from="someone/model", out=str(tmp_path / "run")))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # not installed
    with pytest.raises(ValueError, match=r"takes huggingface_hub: pip install 'boxlings\[hub\]'"):
        find_checkpoint("someone/model")


# ---- cards ----


def test_a_model_is_written_with_a_card_of_what_it_achieves(runs: list[Path], tmp_path: Path):
    out = tmp_path / "model"
    description, measured = write_pretrained(find_checkpoint(runs[0]), out, licence="cc0-1.0", worlds=64)
    card = (out / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: boxlings\nlicense: cc0-1.0\n")
    assert set(measured) == {
        "trained goals", "held-out goals", "trained goals, muted", "trained goals, words shuffled",
    }  # fmt: skip
    for name, found in measured.items():
        assert found["worlds"] == 64
        assert f"| {name} | {found['success']:.3f} |" in card
    assert f"generation {description['generation']} of a run with seed 1" in card
    for part in ("boxlings run describe --seed-from MODEL", "Licence: cc0-1.0.", "best that is possible without talk"):
        assert part in card
    with pytest.raises(ValueError, match="must be a new folder"):
        write_pretrained(find_checkpoint(runs[0]), out)


def test_every_checkpoint_of_a_run_has_a_card(runs: list[Path]):
    cards = [path.read_text(encoding="utf-8") for path in sorted(runs[0].glob("checkpoints/*/README.md"))]
    assert len(cards) == 2
    assert "Nothing yet: no generation was judged." in cards[0]
    assert "| trained goals | 0." in cards[1]
    assert "In the last generation that was judged" in cards[1]


def test_the_card_of_scenarios_without_guides_tells_of_worlds_alone():
    description = {
        "scenario": "sokoban", "generation": 3, "seed": 0, "population": 2, "version": "1", "lexicon": [],
    }  # fmt: skip
    shares = shares_on_card(scenarios.get("sokoban"), {"success": 0.5, "success_held_out": 0.25, "other": 1.0})
    card = model_card(description, shares)
    assert "| trained worlds | 0.500 | | |" in card
    assert "| held-out worlds | 0.250 | | |" in card
    assert not any(word in card for word in ("talk", "goals", "language of their own", "What they say"))
