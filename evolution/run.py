"""A run from beginning to end, on disk: started, resumed, seeded from another one, and never left half-written."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from evolution.config import RunConfig
from evolution.machine import check_device
from evolution.records import Tables, write_episodes, write_language
from evolution.society import Ancestors, Society, filled_config, policy_spec
from evolution.storage import (
    RunLock,
    clean_leftovers,
    list_checkpoints,
    newest_valid_checkpoint,
    prune_checkpoints,
    read_checkpoint,
    read_toml,
    write_checkpoint,
    write_config_toml,
)
from language.words import lexicon_csv
from population.spec import PolicySpec


class Interrupted(Exception):  # noqa: N818 - not an error: the user asked for it
    """The run was stopped by the user, and saved."""


@dataclass(frozen=True)
class Report:
    """What `on_generation` is told."""

    generation: int
    num_generations: int
    measures: dict[str, float]
    agent_steps_per_second: float
    text: str = ""  # while something else than a generation goes on


Listener = Callable[[Report], None]


def our_version() -> str:
    """The version of boxlings that is installed."""
    try:
        return version("boxlings")
    except PackageNotFoundError:
        return "0"


def evolve(config: RunConfig, on_generation: Listener | None = None) -> Path:
    """Evolve a population; returns the run's folder.

    ValueError for options that make no sense, and for a folder that already holds a run or is in use.
    """
    config = filled_config(config)
    check_device(config.device)
    folder = Path(config.out or f"runs/{slug(config.scenario)}-{config.seed}")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"out must be a folder, got the file {folder}")
    if (folder / "config.toml").exists():
        raise ValueError(
            f"{folder} already holds a run: choose another --out, or continue it with `boxlings resume {folder}`"
        )
    if folder.exists() and any(item.name != ".lock" for item in folder.iterdir()):
        raise ValueError(f"out must be a new or an empty folder, but {folder} holds other files")
    ancestors = load_ancestors(config.seed_from, policy_spec(config), config.scenario) if config.seed_from else None
    folder.mkdir(parents=True, exist_ok=True)
    with RunLock(folder):
        write_config_toml(folder / "config.toml", {"version": our_version(), **config.options()})
        return _go_on(folder, config, None, ancestors, on_generation)


def resume(folder: str | Path, generations: int | None = None, on_generation: Listener | None = None) -> Path:
    """Continue a run where its newest whole checkpoint left it, to the bits that it would have reached unstopped.

    `generations`: a new end of the run, instead of the old one.
    """
    folder = Path(folder)
    config = read_config(folder)
    check_device(config.device)
    if generations is not None:
        config = replace(config, generations=generations)
    with RunLock(folder):
        clean_leftovers(folder)
        path, warnings = newest_valid_checkpoint(folder / "checkpoints")
        if path is None:
            if list_checkpoints(folder / "checkpoints"):
                raise ValueError(f"{folder} has no undamaged checkpoint: {' '.join(warnings)}")
            # stopped before the first checkpoint: the same run from its beginning
            ancestors = None
            if config.seed_from:
                ancestors = load_ancestors(config.seed_from, policy_spec(config), config.scenario)
            return _go_on(folder, config, None, ancestors, on_generation)
        for warning in warnings:
            _tell(on_generation, config, warning)
        description, tensors, state = read_checkpoint(path)
        done = int(state["generation"][0])
        if generations is not None:
            if generations < done:
                raise ValueError(f"generations must be at least the {done} that are done, got {generations}")
            Tables.load(folder, done - 1)  # a damaged table is refused before anything is written
            write_config_toml(folder / "config.toml", {"version": our_version(), **config.options()})
        society = Society.restored(config, tensors, state, collects=False)
        # these are not measured in every generation
        society.lexicon = description["lexicon"]
        society.tokenizer = (path / "tokenizer.json").read_text(encoding="utf-8")
        return _go_on(folder, config, society, None, on_generation)


def read_config(folder: Path) -> RunConfig:
    """The options of a run; ValueError if the folder holds none."""
    if not (folder / "config.toml").is_file():
        raise ValueError(f"{folder} is no run folder: it has no config.toml")
    options = read_toml(folder / "config.toml")
    options.pop("version", None)
    return RunConfig.from_options(options)


def find_checkpoint(path: str | Path) -> Path:
    """A checkpoint folder itself, or the newest whole one of a run folder; ValueError if there is none."""
    path = Path(path)
    if (path / "checkpoints").is_dir() or (path / "config.toml").is_file():
        newest, warnings = newest_valid_checkpoint(path / "checkpoints")
        if newest is None:
            raise ValueError(" ".join(warnings) or f"{path} has no checkpoint yet")
        return newest
    if (path / "config.json").is_file():
        return path
    raise ValueError(f"expected a run or a checkpoint folder (with config.toml or config.json), got {path}")


def load_ancestors(path: str, spec: PolicySpec, scenario: str) -> Ancestors:
    """The boxlings of a checkpoint, to seed a population of networks of these sizes with."""
    folder = find_checkpoint(path)
    config, tensors, _ = read_checkpoint(folder)
    theirs = config["policy"]
    ours = spec.to_json()
    if theirs != ours:
        different = [
            f"{key} {theirs.get(key)} instead of {value}" for key, value in ours.items() if theirs.get(key) != value
        ]
        raise ValueError(
            f"{folder} cannot seed scenario {scenario}: its boxlings are of another make ({', '.join(different)})"
        )
    return Ancestors(tensors["genomes"], tensors["fitness"], tensors.get("genes"))


def load_population(path: str | Path) -> tuple[dict[str, Any], PolicySpec, np.ndarray]:
    """A checkpoint's description, the sizes of its networks, and its genomes (P, parameters)."""
    config, tensors, _ = read_checkpoint(find_checkpoint(path))
    return config, PolicySpec.from_json(config["policy"]), tensors["genomes"]


def _tell(listener: Listener | None, config: RunConfig, text: str, generation: int = 0) -> None:
    if listener is not None:
        listener(Report(generation, int(config.generations or 0), {}, float("nan"), text))


def _go_on(
    folder: Path,
    config: RunConfig,
    society: Society | None,
    ancestors: Ancestors | None,
    listener: Listener | None,
) -> Path:
    """Run the remaining generations. Tables first, checkpoint last: a checkpoint vouches for all that came before."""

    def tell_stop() -> None:
        if society is not None:  # before, it does not take long
            text = "stopping after this generation; Ctrl-C again stops at once, and loses it"
            _tell(listener, config, text, society.generation)

    with stop_request(tell_stop) as is_asked_to_stop:
        if society is None:

            def tell_childhood(_share: float, text: str) -> None:
                if is_asked_to_stop():
                    raise Interrupted(f"stopped before the first generation; go on with `boxlings resume {folder}`")
                _tell(listener, config, text)

            tables = Tables(folder)
            started_cpu = time.process_time()
            society = Society(config, ancestors, tell_childhood, collects=False)
            if society.childhood:
                tables.add_timing(-1, {"cpu_seconds": time.process_time() - started_cpu})
            for year, measures in enumerate(society.childhood):
                tables.add_measures(year - len(society.childhood), measures)
            _save(folder, society, tables)
        else:
            tables = Tables.load(folder, society.generation - 1)
        while society.generation < society.num_generations:
            started, started_cpu = time.perf_counter(), time.process_time()
            generation = society.generation
            society.step()
            _enter(folder, society, tables, generation)
            wall = max(time.perf_counter() - started, 1e-9)
            tables.add_timing(
                generation,
                {
                    "wall_seconds": wall,
                    "cpu_seconds": time.process_time() - started_cpu,
                    "agent_steps": float(society.agent_steps),
                    "agent_steps_per_second": society.agent_steps / wall,
                },
            )
            is_end = society.generation == society.num_generations
            is_stopping = is_asked_to_stop()  # asked once: who asks later is heard after the next generation
            if is_end or society.generation % config.checkpoint_every == 0 or is_stopping:
                _save(folder, society, tables)
            if listener is not None:
                listener(Report(generation + 1, society.num_generations, society.measures, society.agent_steps / wall))
            if is_stopping:
                raise Interrupted(
                    f"stopped and saved after generation {society.generation} of {society.num_generations}; "
                    f"go on with `boxlings resume {folder}`"
                )
        society.step()  # the last population is judged as well; nothing of it changes by that
        _enter(folder, society, tables, society.generation)
        tables.write()
        if listener is not None:
            listener(Report(society.generation, society.num_generations, society.measures, float("nan")))
    return folder


def _enter(folder: Path, society: Society, tables: Tables, generation: int) -> None:
    """What was measured in a generation goes into the tables, its recording to disk."""
    tables.add_measures(generation, society.measures)
    tables.add_boxlings(society.boxling_rows)
    if society.episode_rows:
        (folder / "episodes").mkdir(exist_ok=True)
        write_episodes(folder / "episodes" / f"{generation:06d}.parquet", society.episode_rows)
    if society.spoken:
        (folder / "languages").mkdir(exist_ok=True)
        path = folder / "languages" / f"{generation:06d}.parquet"
        write_language(path, generation, society.speakers, society.spoken)


def _save(folder: Path, society: Society, tables: Tables) -> None:
    """Tables, then the checkpoint, then old checkpoints make place; the fittest one stays."""
    tables.write()
    config = society.config
    checkpoints = folder / "checkpoints"
    description = {
        "model_type": "boxlings",
        "version": our_version(),
        "scenario": society.scenario.name,
        "generation": society.generation,
        "population": config.population,
        "seed": config.seed,
        "attributes": [
            {"name": attribute.name, "values": list(attribute.values)} for attribute in society.scenario.attributes
        ],
        "hearing_radius_cells": config.channel.hearing_radius_cells,
        "policy": society.policy.spec.to_json(),
        "layers": [
            {"name": layer.name, "shape": list(layer.shape), "part": layer.part} for layer in society.layout.layers
        ],
        "lexicon": society.lexicon,
    }
    write_checkpoint(
        checkpoints,
        society.generation,
        description,
        society.tensors(),
        society.state(),
        society.tokenizer,
        lexicon_csv=lexicon_csv(society.lexicon),
    )
    prune_checkpoints(checkpoints, config.keep_checkpoints, also=_best_generation(tables))


def _best_generation(tables: Tables) -> set[int]:
    """The generation of the highest mean fitness so far; its row describes the checkpoint of the same number."""
    rows = tables.table("generations").to_pylist()
    fitness = {row["generation"]: row["value"] for row in rows if row["name"] == "fitness_mean"}
    finite = {generation: value for generation, value in fitness.items() if value == value}
    return {max(finite, key=lambda generation: (finite[generation], generation))} if finite else set()


@contextmanager
def stop_request(tell: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a wish that is granted after the generation; the second one interrupts at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def ask(_signal: int, _frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        tell()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def slug(scenario: str) -> str:
    """A scenario's name as that of a folder.

    >>> slug("guide"), slug("sokoban:levels/000.txt#0123456789ab")
    ('guide', 'sokoban-000')
    """
    kind, _, argument = scenario.partition("#")[0].partition(":")
    return f"{kind}-{Path(argument).stem}" if argument else kind
