"""A run's language model: found, loaded, and made the expert of all boxlings, or some of the boxlings.

Where it is an expert, its features of tokens lie in the genomes, and the run needs the model no more. Where it is
boxlings, checkpoints say which model they are of, and hold its parameters if it learns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evolution.config import RunConfig
from evolution.pretrained import fetch, find_checkpoint, is_hub_name
from evolution.storage import DamagedFile, read_checkpoint
from population.language_agent import LanguageAgents
from population.language_expert import token_features
from population.language_model import FOREIGN_FILES, LanguageModel, is_language_model
from population.spec import PolicySpec
from world.scenarios.base import Scenario

IN_CHECKPOINT = "lm."  # before the names of its parameters
OF_SEEDS = "of the seeds"  # in place of a folder: the features are those that the seeds have


def find_language_model(path: str | Path) -> Path:
    """The folder of a language model, here or fetched from the hub; ValueError of one sentence where there is none."""
    folder = Path(path)
    if not folder.exists() and is_hub_name(path):
        folder = fetch(str(path), FOREIGN_FILES)
    if not is_language_model(folder):
        raise ValueError(f"lm must be the folder of a language model in the format of transformers, got {path}")
    return folder


def with_models_told_apart(config: RunConfig) -> RunConfig:
    """A language model among the seeds is the run's language model; seeds that have one for an expert keep it."""
    seeds, own = [], config.language_model
    for path in config.seed_from:
        if not Path(path).is_dir() or not is_language_model(Path(path)):
            seeds.append(path)
            continue
        if own.lm not in (None, path):
            raise ValueError(f"a run has one language model, got {own.lm} and {path}")
        own = replace(own, lm=path)
    if own.lm is None and seeds:
        for path in seeds:
            try:
                theirs = read_checkpoint(find_checkpoint(path))[0]["policy"]
            except (DamagedFile, KeyError, TypeError):
                continue  # who loads the seeds says what is wrong
            if isinstance(theirs, dict) and theirs.get("lm_width"):
                own = replace(
                    own, lm=OF_SEEDS, lm_width=theirs["lm_width"], lm_frozen=bool(theirs.get("lm_is_frozen", True))
                )
    if own.lm == OF_SEEDS and (not seeds or own.lm_as != "expert"):
        raise ValueError(f"lm must be a language model's folder, got {OF_SEEDS!r} in a run that has no such seeds")
    return replace(config, seed_from=tuple(seeds), language_model=own)


def expert_features(config: RunConfig, spec: PolicySpec, scenario: Scenario) -> np.ndarray | None:
    """What the run's language model makes of every token, (tokens, lm_width); None where it is no expert."""
    path = config.language_model.lm
    if not spec.lm_width or path is None or path == OF_SEEDS:
        return None
    return token_features(LanguageModel.load(find_language_model(path)), spec, scenario)


def load_minds(config: RunConfig, spec: PolicySpec, scenario: Scenario) -> LanguageAgents | None:
    """The boxlings that the run's language model is, the last of the population; None where it is none."""
    number = config.language_model.num_boxlings
    if not number:
        return None
    model = LanguageModel.load(find_language_model(str(config.language_model.lm)))
    return LanguageAgents(model, spec, scenario, range(config.population - number, config.population))


def describe_minds(config: RunConfig) -> dict[str, Any] | None:
    """What a checkpoint's config.json says of the language model; None where there is none."""
    own = config.language_model
    if own.lm is None:
        return None
    told = {"folder": own.lm, "as": own.lm_as, "is_frozen": own.lm_frozen}
    if own.num_boxlings:
        told |= {"boxlings": own.num_boxlings, "sha256": _digest(find_language_model(own.lm))}
    return told


def minds_of_checkpoint(path: Path, spec: PolicySpec, scenario: Scenario) -> LanguageAgents | None:
    """The boxlings of a checkpoint that are a language model; None where there are none.

    ValueError where the model's folder is gone, or holds another one than it did.
    """
    description, tensors, _ = read_checkpoint(path)
    told = description.get("language_model")
    if not told or told["as"] != "agent":
        return None
    folder = find_language_model(told["folder"])
    if _digest(folder) != told["sha256"]:
        raise ValueError(f"{folder} holds another language model than the one of this checkpoint")
    population = int(description["population"])
    rows = range(population - int(told["boxlings"]), population)
    minds = LanguageAgents(LanguageModel.load(folder), spec, scenario, rows)
    restore_mind(minds, tensors)
    return minds


def mind_tensors(minds: LanguageAgents) -> dict[str, np.ndarray]:
    """The parameters of the language model, for a checkpoint."""
    return {IN_CHECKPOINT + name: each for name, each in minds.model.tensors().items()}


def restore_mind(minds: LanguageAgents, tensors: Mapping[str, np.ndarray]) -> None:
    """Take the parameters that a checkpoint holds, if it does."""
    own = {name.removeprefix(IN_CHECKPOINT): each for name, each in tensors.items() if name.startswith(IN_CHECKPOINT)}
    if own:
        minds.model.restore(own)


def _digest(folder: Path) -> str:
    """Of the parameters of a language model, in however many files."""
    whole = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        whole.update(path.read_bytes())
    return whole.hexdigest()
