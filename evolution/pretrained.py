"""Pretrained models: found, read, described on a card, written, and turned into the ancestors of a run.

A model is a checkpoint folder laid out as model hubs lay theirs out, see `evolution.storage`. It lies in a folder, in a
run (its newest whole checkpoint), or on the Hugging Face hub under OWNER/NAME, where `huggingface_hub` fetches it from;
nothing but data is fetched, and nothing of it is run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evolution.chance import stream
from evolution.evaluate import evaluate
from evolution.machine import prepare
from evolution.storage import MODEL_FILES, newest_valid_checkpoint, read_checkpoint, write_model
from language.words import lexicon_csv
from population.language_agent import LanguageAgents
from population.policy import Policy
from population.spec import PolicySpec
from population.transplant import misfits, transplant
from world import scenarios
from world.scenarios.base import Scenario
from world.splits import COMPOSITIONS, TRAIN

HUB_NAME = r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?"  # OWNER/NAME@REVISION
HUB_SECONDS = 10  # that a hub may take to answer
CARD_WORLDS = 2048  # in which a model is measured for its card
LICENCE = "apache-2.0"
MAX_WORDS_ON_CARD = 12


_NO_WAY = "there is no way to it from here, and no earlier copy"
_HUB_ERRORS = {
    "LocalEntryNotFoundError": _NO_WAY,
    "OfflineModeIsEnabled": _NO_WAY,
    "ConnectError": _NO_WAY,
    "RepositoryNotFoundError": "it has no such model, or not for everybody",
    "RevisionNotFoundError": "the model has no such revision",
}

# ---- where models are ----


def find_checkpoint(path: str | Path) -> Path:
    """A checkpoint folder itself, the newest whole one of a run folder, or one fetched from the hub.

    ValueError if there is none.
    """
    folder = Path(path)
    if (folder / "checkpoints").is_dir() or (folder / "config.toml").is_file():
        newest, warnings = newest_valid_checkpoint(folder / "checkpoints")
        if newest is None:
            raise ValueError(" ".join(warnings) or f"{folder} has no checkpoint yet")
        return newest
    if (folder / "config.json").is_file():
        return folder
    if is_hub_name(path):
        return fetch(str(path))
    raise ValueError(f"expected a run or a checkpoint folder (with config.toml or config.json), got {path}")


def is_hub_name(path: str | Path) -> bool:
    """Whether this can be the name of a model on the hub: OWNER/NAME, where there is no folder OWNER here."""
    text = str(path)
    return re.fullmatch(HUB_NAME, text) is not None and not Path(text.partition("/")[0]).exists()


def fetch(name: str, files: Sequence[str] = MODEL_FILES) -> Path:
    """The folder of a model of the hub, fetched if it was not before; ValueError of one sentence if it cannot be."""
    try:
        import huggingface_hub
    except ModuleNotFoundError:
        raise ValueError(
            f"{name} is no folder here, and to fetch it from the hub takes huggingface_hub: pip install 'boxlings[hub]'"
        ) from None
    repository, _, revision = name.partition("@")
    try:
        return Path(
            huggingface_hub.snapshot_download(
                repository, revision=revision or None, allow_patterns=list(files), etag_timeout=HUB_SECONDS
            )
        )
    except Exception as error:  # no network, no such model, no right to it: whatever it is, there is no model
        kind = type(error).__name__
        plain = " ".join(str(error).split()).partition(". ")[0][:200]
        reason = _HUB_ERRORS.get(kind, f"{kind}: {plain}")
        raise ValueError(f"{name} is no folder here, and could not be fetched from the hub: {reason}") from None


def load_population(path: str | Path) -> tuple[dict[str, Any], PolicySpec, np.ndarray]:
    """A checkpoint's description, the sizes of its networks, and its genomes (P, parameters)."""
    config, tensors, _ = read_checkpoint(find_checkpoint(path))
    return config, PolicySpec.from_json(config["policy"]), tensors["genomes"]


# ---- ancestors ----


@dataclass(frozen=True)
class Ancestors:
    """Boxlings of others, as the first generation of a society."""

    genomes: np.ndarray  # (Q, parameters) float32
    fitness: np.ndarray  # (Q,)
    genes: np.ndarray | None = None  # (Q, genes), where they were inherited there; a row of nan for who has none
    family: np.ndarray | None = None  # (Q,) which of several models each comes from; None: all from one
    told: tuple[str, ...] = field(default=())  # sentences on what did not fit


def load_ancestors(paths: Sequence[str], spec: PolicySpec, scenario: str, seed: int = 0) -> Ancestors:
    """The boxlings of one or several checkpoints, to seed a population of networks of these sizes with.

    Optional experts may differ, see `population.transplant`, and what does not fit is told; ValueError where boxlings
    of a checkpoint cannot live in this population at all.
    """
    parts: list[Ancestors] = []
    for number, path in enumerate(paths):
        folder = find_checkpoint(path)
        config, tensors, _ = read_checkpoint(folder)
        try:
            theirs = PolicySpec.from_json(config["policy"])
            genomes, fitness = tensors["genomes"], tensors["fitness"]
            num_parameters = theirs.layout().num_parameters
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{folder} holds no population of this version: {_reason(error)}") from None
        if genomes.ndim != 2 or not len(genomes) or genomes.shape[1] != num_parameters or len(fitness) != len(genomes):
            raise ValueError(
                f"{folder} does not fit its own description: expected genomes of {num_parameters} parameters, "
                f"got an array of shape {genomes.shape}"
            )
        if different := misfits(theirs, spec):
            raise ValueError(
                f"{folder} cannot seed scenario {scenario}: its boxlings are of another make ({', '.join(different)})"
            )
        genomes, phrases = transplant(theirs, spec, genomes, stream(seed, "transplant", number))
        parts.append(
            Ancestors(
                genomes, fitness, tensors.get("genes"), np.full(len(genomes), number),
                tuple(f"of {path}: {phrase}" for phrase in phrases),
            )
        )  # fmt: skip
    genes = [part.genes for part in parts if part.genes is not None]
    width = genes[0].shape[1] if genes else 0
    return Ancestors(
        np.concatenate([part.genomes for part in parts]),
        np.concatenate([part.fitness for part in parts]),
        np.concatenate([np.full((len(p.genomes), width), np.nan) if p.genes is None else p.genes for p in parts])
        if genes
        else None,
        np.concatenate([part.family for part in parts if part.family is not None]),
        tuple(sentence for part in parts for sentence in part.told),
    )


def _reason(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error)


def seats_for(ancestors: Ancestors, population: int) -> tuple[np.ndarray, np.ndarray]:
    """Which ancestor sits in each of P seats, (P,) int64, and who of these is a further copy, (P,) bool.

    Each family has an equal share of the seats, side by side. In its share the fittest sit, in the order in which they
    were, and copies of them, of the fittest first, where there are too few.
    """
    family = np.zeros(len(ancestors.genomes), np.int64) if ancestors.family is None else ancestors.family
    families = np.unique(family)
    if len(families) > population:
        raise ValueError(f"population must be at least the {len(families)} models that seed it, got {population}")
    fitness = np.nan_to_num(ancestors.fitness, nan=-np.inf)
    seats: list[np.ndarray] = []
    copies: list[np.ndarray] = []
    for shares, one in zip(np.array_split(np.arange(population), len(families)), families, strict=True):
        members = np.flatnonzero(family == one)
        fittest = members[np.argsort(-fitness[members], kind="stable")]
        exact = np.sort(fittest[: len(shares)])
        more = fittest[np.arange(len(exact), len(shares)) % len(fittest)]
        seats += [exact, more]
        copies += [np.zeros(len(exact), bool), np.ones(len(more), bool)]
    return np.concatenate(seats), np.concatenate(copies)


# ---- cards ----


def measure_model(
    description: Mapping[str, Any], genomes: np.ndarray, worlds: int = CARD_WORLDS, minds: LanguageAgents | None = None
) -> dict[str, Any]:
    """Success of a population on fresh worlds: by condition, as `evolution.evaluate.evaluate` gives it."""
    prepare(threads=1)
    spec = PolicySpec.from_json(description["policy"])
    policy, scenario = Policy(spec), scenarios.get(description["scenario"])
    each = -(-worlds // len(genomes))
    what = _what_varies(scenario)
    conditions = [(f"trained {what}", TRAIN, "on")]
    if COMPOSITIONS in scenario.splits:
        conditions.append((f"held-out {what}", COMPOSITIONS, "on"))
    if scenario.has_guide:
        conditions += [("trained goals, muted", TRAIN, "mute"), ("trained goals, words shuffled", TRAIN, "shuffle")]
    return {
        name: evaluate(
            policy, torch.from_numpy(genomes), scenario, split=split, channel=channel, worlds_per_boxling=each,
            hearing_radius_cells=description["hearing_radius_cells"], minds=minds,
        )
        for name, split, channel in conditions
    }  # fmt: skip


def _what_varies(scenario: Scenario) -> str:
    """What worlds of a scenario are told apart by: where nobody is told a goal, by themselves."""
    return "goals" if scenario.has_guide else "worlds"


def shares_on_card(scenario: Scenario, measures: Mapping[str, float]) -> dict[str, float]:
    """What a generation measured of success, by the names that `measure_model` has for it."""
    what = _what_varies(scenario)
    names = {
        "success": f"trained {what}",
        "success_held_out": f"held-out {what}",
        "success_muted": "trained goals, muted",
        "success_shuffled": "trained goals, words shuffled",
    }
    return {name: measures[key] for key, name in names.items() if key in measures}


def model_card(description: Mapping[str, Any], measured: Mapping[str, Any], licence: str = LICENCE) -> str:
    """A model's README, with the front matter that hubs read: what it is and was trained on, and what it achieves.

    `measured` as of `measure_model`, or plain shares by name.
    """
    name = description["scenario"].partition("#")[0]
    scenario = scenarios.get(description["scenario"])
    lines = [
        "---",
        "library_name: boxlings",
        f"license: {licence}",
        "tags:",
        *(f"- {tag}" for tag in ("boxlings", "emergent-communication", "multi-agent", "evolution")),
        "---",
        "",
        f"# Boxlings of scenario {name}",
        "",
        f"{description['population']} small neural agents"
        + (" that talk in a language of their own. " if scenario.has_guide else ". ")
        + f"Their world, `{name}`: {scenario.summary}.",
        "",
        "## Trained on",
        "",
        f"Worlds of `{name}` of the split for training, generation {description['generation']} of a run with seed "
        f"{description['seed']} and boxlings {description['version']}. "
        + (
            f"{len(scenario.meanings(TRAIN))} goals were trained on; {len(scenario.meanings(COMPOSITIONS))} never were."
            if COMPOSITIONS in scenario.splits and scenario.has_guide
            else "No data of people, and no language of theirs."
        ),
        "",
        "## Measured",
        "",
    ]
    rows = [_row_of_card(condition, found) for condition, found in measured.items()]
    if rows:
        lines += ["| worlds | success | 95 % interval | number |", "|---|---|---|---|", *rows]
        if any(isinstance(found, Mapping) for found in measured.values()):
            lines += ["", "Fresh worlds, the most probable acts and words, every boxling with every other."]
        else:
            lines += ["", "In the last generation that was judged before these boxlings were born or learned on."]
        if scenario.has_guide:
            lines += [f"The best that is possible without talk is {scenario.chance_success():.3f}."]
    else:
        lines += ["Nothing yet: no generation was judged."]
    if words := sorted(description["lexicon"], key=lambda row: -row["probability"])[:MAX_WORDS_ON_CARD]:
        lines += ["", "## What words mean", "", "The surest ones; `lexicon.csv` has all of them.", ""]
        lines += ["| word | at place | means | probability |", "|---|---|---|---|"]
        lines += [_row_of_lexicon(row) for row in words]
    lines += [
        "",
        "## Use",
        "",
        "In place of MODEL, this folder, or its name on a hub.",
        "",
        f"    boxlings eval MODEL --split {COMPOSITIONS if COMPOSITIONS in scenario.splits else TRAIN}",
        f"    boxlings run {name} --seed-from MODEL",
        "",
        "`config.json` describes the networks layer by layer, `model.safetensors` holds one row of parameters a "
        "boxling (`genomes`), `tokenizer.json` knows symbols and words. Every file is checked when it is read.",
        "",
        "## Limits",
        "",
        "These boxlings know their worlds and nothing else."
        + (" What they say means something to them alone." if scenario.has_guide else ""),
        "",
        f"Licence: {licence}.",
        "",
    ]
    return "\n".join(lines)


def _row_of_card(condition: str, found: Mapping[str, Any] | float) -> str:
    if not isinstance(found, Mapping):
        return f"| {condition} | {found:.3f} | | |"
    low, high = found["interval"]
    return f"| {condition} | {found['success']:.3f} | {low:.3f} to {high:.3f} | {found['worlds']} |"


def _row_of_lexicon(row: Mapping[str, Any]) -> str:
    place = "any" if row["position"] is None or row["position"] < 0 else row["position"] + 1
    return f"| {row['name']} | {place} | {row['attribute']} {row['value']} | {row['probability']:.2f} |"


def write_pretrained(
    checkpoint: Path, out: Path, licence: str = LICENCE, worlds: int = CARD_WORLDS, minds: LanguageAgents | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write the model of a run's checkpoint to a new folder, with a card of what it achieves; without the run's state.

    `minds` are those of its boxlings that are a language model (`evolution.minds.minds_of_checkpoint`). Returns its
    description and what was measured. ValueError where there is something at `out` already.
    """
    if out.exists() or out.is_symlink():
        raise ValueError(f"--out must be a new folder, but {out} exists already")
    description, tensors, _ = read_checkpoint(checkpoint)
    measured = measure_model(description, tensors["genomes"], worlds, minds)
    tokenizer = (checkpoint / "tokenizer.json").read_text(encoding="utf-8")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_model(
        out, description, tensors, tokenizer, model_card(description, measured, licence),
        lexicon_csv(description["lexicon"]),
    )  # fmt: skip
    return description, measured
