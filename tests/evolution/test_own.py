"""Measures, strategies and experts of others: registered, run, recorded, held to their contracts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from analysis.catalogue import entry_of
from evolution import own_measures, select
from evolution.config import SelectionConfig
from evolution.records import SCHEMAS, read_records
from evolution.run import evolve
from evolution.select import STRATEGIES, Choice, Herd
from evolution.testing import check_expert, check_measure, check_strategy
from language.measures import unique_messages
from population import token_experts
from population.token_experts import LanguageModelExpert, TokenExpert
from tests.evolution.conftest import tiny


def shortest(meanings: np.ndarray, messages: np.ndarray, num_symbols: int) -> float:
    """Symbols in the shortest message."""
    return float((messages > 0).sum(axis=1).min())


def youngest(herd: Herd, number: int, _config: SelectionConfig, _rng: np.random.Generator) -> Choice:
    """The youngest go."""
    age = herd.judged.age_generations[herd.may_go]
    going = herd.may_go[np.argsort(age, kind="stable")][:number]
    return Choice(going, herd.without(going))


class Turning(TokenExpert):
    name = "turning"

    def layers(self, spec: Any) -> dict[str, tuple[int, ...]]:
        return {"out": (spec.width, spec.width)}

    def read(self, tokens: torch.Tensor, weights: dict[str, torch.Tensor], spec: Any) -> torch.Tensor:
        return torch.bmm(torch.tanh(tokens), weights["out"])


@pytest.fixture
def own() -> Iterator[None]:
    own_measures.register(shortest)
    select.register(youngest)
    token_experts.register(Turning())
    yield
    own_measures.REGISTRY.remove("shortest")
    select.REGISTRY.remove("youngest")
    token_experts.REGISTRY.remove("turning")


@pytest.mark.usefixtures("own")
def test_a_run_uses_and_records_what_is_ones_own(tmp_path: Path):
    config = tiny("describe", out=str(tmp_path / "run"), measure_every=1, generations=3, recorded_episodes=0)
    own = {"strategy": "youngest", "own_experts": ("turning",), "eliminated_share": 0.5, "newborn_share": 0.0}
    folder = evolve(config.with_options(own))
    rows = read_records(folder / "generations.parquet", SCHEMAS["generations"]).to_pylist()
    recorded = {row["name"]: row["value"] for row in rows}
    assert recorded["shortest"] == 3  # all messages are of three symbols
    assert recorded["expert_use/heard/expert_turning"] > 0
    boxlings = read_records(folder / "boxlings.parquet", SCHEMAS["boxlings"]).to_pandas()
    gone = boxlings[boxlings["is_eliminated"] & (boxlings["generation"] == 2)]
    stay = boxlings[~boxlings["is_eliminated"] & (boxlings["generation"] == 2)]
    assert gone["birth_generation"].min() >= stay["birth_generation"].max()
    assert entry_of("shortest") is not None
    assert entry_of("shortest").meaning == "Symbols in the shortest message."  # type: ignore[union-attr]


@pytest.mark.usefixtures("own")
def test_names_that_are_taken_or_are_none_are_refused():
    def unique(meanings: np.ndarray, messages: np.ndarray, num_symbols: int) -> float:
        """A name that there is."""
        return 0.0

    unique.__name__ = "agreement"
    with pytest.raises(ValueError, match="there is a measure agreement already"):
        own_measures.register(unique)
    unique.__name__, unique.__doc__ = "mine", ""
    with pytest.raises(ValueError, match="must have a docstring"):
        own_measures.register(unique)
    with pytest.raises(ValueError, match="must be a function"):
        select.register(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"strategy must be one of truncation.*youngest, got 'oldest'"):
        SelectionConfig(strategy="oldest")  # type: ignore[arg-type]


def test_a_measure_that_fails_is_named_and_one_that_is_undefined_for_some_is_a_mean_over_the_others():
    def sometimes(meanings: np.ndarray, messages: np.ndarray, num_symbols: int) -> float:
        """A number of speakers who begin with 1."""
        return 4.0 if messages[0, 0] == 1 else float("nan")

    def broken(meanings: np.ndarray, messages: np.ndarray, num_symbols: int) -> float:
        """Nothing."""
        raise KeyError("oh")

    meanings, messages = np.zeros((1, 1), int), np.array([[[1]], [[2]]])
    own_measures.register(sometimes)
    try:
        assert own_measures.own_measures(meanings, messages, 3) == {"sometimes": 4.0}
        assert np.isnan(own_measures.own_measures(meanings, messages[1:], 3)["sometimes"])
        own_measures.register(broken)
        with pytest.raises(ValueError, match="measure broken failed: KeyError: 'oh'"):
            own_measures.own_measures(meanings, messages, 3)
        own_measures.REGISTRY.remove("broken")
    finally:
        own_measures.REGISTRY.remove("sometimes")


def test_a_measure_with_the_name_of_one_that_every_run_records_is_refused(tmp_path: Path):
    def success(meanings: np.ndarray, messages: np.ndarray, num_symbols: int) -> float:
        """Not what everybody calls so."""
        return 9.0

    own_measures.register(success)
    try:
        with pytest.raises(ValueError, match="measure success must have another name"):
            evolve(tiny("describe", out=str(tmp_path / "run"), generations=1))
    finally:
        own_measures.REGISTRY.remove("success")
    success.__name__ = "none"
    with pytest.raises(ValueError, match="with none nobody goes"):
        select.register(success)  # type: ignore[arg-type]


def test_packages_bring_theirs_to_the_command(tmp_path: Path):
    (tmp_path / "mine.py").write_text(
        "from evolution.select import Choice\n"
        "def anybody(herd, number, config, rng):\n"
        "    going = rng.permutation(herd.may_go)[:number]\n"
        "    return Choice(going, herd.without(going))\n"
        "def loud(meanings, messages, num_symbols):\n"
        "    'Symbols that are said.'\n"
        "    return float((messages > 0).sum())\n",
        encoding="utf-8",
    )
    info = tmp_path / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        "[boxlings.strategies]\nanybody = mine:anybody\nworse = mine:nothing\n[boxlings.measures]\nloud = mine:loud\n",
        encoding="utf-8",
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])}

    def run(strategy: str) -> subprocess.CompletedProcess[str]:
        few = ["--population", "4", "--generations", "1", "--founder-rounds", "5", "--language-rounds", "1"]
        few += ["--live-worlds", "2", "--no-pictures", "--out", str(tmp_path / strategy), "--strategy", strategy]
        return subprocess.run(
            [sys.executable, "-m", "boxlings", "run", "describe:2x3", *few],
            env=environment, capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    done = run("anybody")
    assert done.returncode == 0, done.stderr
    rows = read_records(tmp_path / "anybody" / "generations.parquet", SCHEMAS["generations"]).to_pylist()
    assert any(row["name"] == "loud" and row["value"] > 0 for row in rows)
    refused = run("worse")
    assert refused.returncode == 2
    assert "strategy 'worse' of mine cannot be loaded: AttributeError" in refused.stderr
    refused = run("luck")
    assert refused.returncode == 2
    assert "expected one of truncation" in refused.stderr


# ---- contracts ----


def test_ours_keep_their_contracts():
    for name, strategy in STRATEGIES.items():
        if name != "map-elites":  # whose parents are cells of an archive
            check_strategy(strategy)
    check_strategy(youngest)
    check_measure(shortest)
    check_expert(Turning())
    assert LanguageModelExpert().name == "lm"


def choosing(choose: Callable) -> Callable:
    return lambda herd, number, config, rng: choose(herd, number, rng)


@pytest.mark.parametrize(
    ("strategy", "phrase"),
    [
        (choosing(lambda herd, number, rng: Choice(herd.healthy[:number], herd.healthy)), "may go|parents must stay"),
        (
            choosing(lambda herd, number, rng: Choice(np.repeat(herd.may_go[:1], 2), herd.healthy[:0])),
            "nobody goes twice",
        ),
        (choosing(lambda herd, number, rng: Choice(herd.may_go[:number], herd.may_go[:number])), "parents must stay"),
        (choosing(lambda herd, number, rng: Choice(list(herd.may_go), herd.healthy[:0])), "must be an array of slots"),
        (choosing(lambda herd, number, rng: Choice(herd.may_go[:0], herd.healthy + 100)), "must be slots of the pop"),
        (
            choosing(lambda herd, number, rng: Choice(np.random.permutation(herd.may_go)[:number], herd.healthy[:0])),  # noqa: NPY002
            "the same chance must give the same choice",
        ),
    ],
)
def test_a_broken_strategy_is_told_what_it_breaks(strategy: Callable, phrase: str):
    with pytest.raises(AssertionError, match=phrase):
        check_strategy(strategy)


def documented(function: Callable) -> Callable:
    function.__doc__ = "Something."
    return function


@pytest.mark.parametrize(
    ("measure", "phrase"),
    [
        (lambda meanings, messages, num_symbols: 1.0, "must have a docstring"),
        (documented(lambda meanings, messages, num_symbols: "many"), "must give a number, got 'many'"),
        (documented(lambda meanings, messages, num_symbols: messages.sort(axis=0) or 0.0), "must not change"),
        (documented(lambda meanings, messages, num_symbols: np.random.random()), "the same each time"),  # noqa: NPY002
        (documented(lambda meanings, messages, num_symbols: float(messages[0, 0])), "in another order"),
    ],
)
def test_a_broken_measure_is_told_what_it_breaks(measure: Callable, phrase: str):
    with pytest.raises(AssertionError, match=phrase):
        check_measure(measure)
    check_measure(documented(lambda meanings, messages, num_symbols: unique_messages(messages)))


@pytest.mark.parametrize(
    ("read", "phrase"),
    [
        (lambda tokens, weights: tokens[..., :1] @ weights["out"][:, :1], None),
        (lambda tokens, weights: tokens[..., :4], "must give an array of shape"),
        (lambda tokens, weights: tokens / 0, "must be finite"),
        (
            lambda tokens, weights: torch.bmm(tokens, weights["out"]).mean(dim=0, keepdim=True) + 0 * tokens,
            "hang on other",
        ),
        (lambda tokens, weights: 2 * tokens.requires_grad_(True), "every layer must have a part"),
    ],
)
def test_a_broken_expert_is_told_what_it_breaks(read: Callable, phrase: str | None):
    expert = type("Own", (Turning,), {"read": lambda self, tokens, weights, spec: read(tokens, weights)})()
    if phrase is None:
        check_expert(expert)
        return
    with pytest.raises(AssertionError, match=phrase):
        check_expert(expert)
