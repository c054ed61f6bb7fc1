"""A run from beginning to end, on disk: started, resumed, seeded from another one, and never left half-written."""

from __future__ import annotations

import _thread
import platform
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
from evolution.pretrained import (
    Ancestors,
    find_checkpoint,
    load_ancestors,
    load_population,
    model_card,
    seats_for,
    shares_on_card,
)
from evolution.records import Recordings, Tables, write_ancestors, write_episodes, write_language
from evolution.society import Society, filled_config, policy_spec
from evolution.storage import (
    SPARE,
    STATE,
    TEMPORARY,
    DamagedFile,
    RunLock,
    clean_leftovers,
    list_checkpoints,
    prune_checkpoints,
    read_checkpoint,
    read_toml,
    write_checkpoint,
    write_config_toml,
)
from language.words import lexicon_csv
from world.compiling import is_compiling

__all__ = [
    "Interrupted",
    "Report",
    "evolve",
    "find_checkpoint",
    "load_ancestors",
    "load_population",
    "made_with",
    "our_version",
    "read_config",
    "resume",
    "slug",
    "stop_request",
]


INSISTS_EVERY_SECONDS = 5.0  # who asked twice to stop: who is interrupted again while it ends leaves threads behind


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
    is_news: bool = False  # the text is to be read, and not how something goes


Listener = Callable[[Report], None]


def our_version() -> str:
    """The version of boxlings that is installed."""
    try:
        return version("boxlings")
    except PackageNotFoundError:
        return "0"


def made_with() -> dict[str, str]:
    """The versions of what the numbers of a run hang on: with others, the last bits may differ."""
    return {"python": platform.python_version()} | {name: version(name) for name in ("torch", "numpy", "numba")}


def evolve(config: RunConfig, on_generation: Listener | None = None) -> Path:
    """Evolve a population; returns the run's folder.

    ValueError for options that make no sense, and for a folder that already holds a run or is in use.
    """
    config = filled_config(config)
    check_device(config.device)
    folder = Path(config.out or f"runs/{slug(config.scenario)}-{config.seed}")
    _refuse_what_is_no_new_folder(folder)
    ancestors = _ancestors(config, on_generation)
    folder.mkdir(parents=True, exist_ok=True)
    with RunLock(folder):
        _refuse_what_is_no_new_folder(folder)  # another run may have begun, and ended, since
        clean_leftovers(folder)
        _write_options(folder, config)
        return _go_on(folder, config, None, ancestors, on_generation)


def resume(folder: str | Path, generations: int | None = None, on_generation: Listener | None = None) -> Path:
    """Continue a run where its newest whole checkpoint left it, to the bits that it would have reached unstopped.

    `generations`: a new end of the run, instead of the old one. A damaged table, and damaged options, are mended from
    their spare copies; where one reaches less far than the newest checkpoint, the run goes on from the one before.
    """
    folder = Path(folder)
    if not (folder / "config.toml").is_file():
        read_config(folder)  # which refuses it, before a lock is laid there
    with RunLock(folder):
        clean_leftovers(folder)
        config, told = _mended_options(folder)
        check_device(config.device)
        if generations is not None:
            config = replace(config, generations=generations)
        found, damages = _newest_usable(folder, int(config.checkpoint_every or 1))
        if found is None and damages:
            raise ValueError(
                f"{folder} has no undamaged checkpoint whose tables are undamaged: {'; '.join(damages)}; "
                "a whole checkpoint can seed a new run with --seed-from"
            )
        if found is None:
            # stopped before the first checkpoint: the same run from its beginning
            return _go_on(folder, config, None, _ancestors(config, on_generation), on_generation)
        done = int(found.state["generation"][0])
        told += damages + found.mended
        if damages:
            told.append(f"going on from {found.path}, of generation {done}")
        for sentence in told:
            _tell(on_generation, config, sentence)
        if generations is not None:
            if generations < done:
                raise ValueError(f"generations must be at least the {done} that are done, got {generations}")
            _write_options(folder, config)
        society = Society.restored(config, found.tensors, found.state, collects=False)
        if society.language_model != found.description.get("language_model"):
            raise ValueError(
                f"{config.language_model.lm} holds another language model than the one with which {folder} was begun"
            )
        # these are not measured in every generation
        society.lexicon = found.description["lexicon"]
        society.tokenizer = (found.path / "tokenizer.json").read_text(encoding="utf-8")
        return _go_on(folder, config, (society, found.tables, found.state), None, on_generation)


def _refuse_what_is_no_new_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"out must be a folder, got the file {folder}")
    if (folder / "config.toml").exists():
        raise ValueError(
            f"{folder} already holds a run: choose another --out, or continue it with `boxlings resume {folder}`"
        )
    # a run that was killed before its options were whole never began
    if folder.exists() and any(
        item.name != ".lock" and not item.name.startswith(TEMPORARY) for item in folder.iterdir()
    ):
        raise ValueError(f"out must be a new or an empty folder, but {folder} holds other files")


def _write_options(folder: Path, config: RunConfig) -> None:
    options = {"version": our_version(), **config.options(), "made_with": made_with()}
    write_config_toml(folder / "config.toml", options)
    (folder / SPARE).mkdir(exist_ok=True)
    write_config_toml(folder / SPARE / "config.toml", options)


def _mended_options(folder: Path) -> tuple[RunConfig, list[str]]:
    """The options of a run, if need be from their spare copy, of which the sentence tells."""
    try:
        return read_config(folder), []
    except DamagedFile as damage:
        try:
            config = read_config(folder / SPARE)
        except ValueError:
            raise damage from None
    _write_options(folder, config)
    return config, [f"{folder / 'config.toml'} was damaged, and is mended from its spare copy"]


@dataclass(frozen=True)
class _Usable:
    """A checkpoint that a run can go on from."""

    path: Path
    description: dict[str, Any]
    tensors: dict[str, np.ndarray]
    state: dict[str, np.ndarray]
    tables: Tables
    mended: list[str]  # a sentence for each table that was


def _newest_usable(folder: Path, checkpoint_every: int) -> tuple[_Usable | None, list[str]]:
    """The newest whole checkpoint that the tables reach, and a sentence for each damage that makes others useless."""
    damages: dict[str, None] = {}
    for path in reversed(list_checkpoints(folder / "checkpoints")):
        try:
            description, tensors, state = read_checkpoint(path)
            if not state:
                raise DamagedFile(f"{path} is a model alone, without {STATE}: a run cannot go on from it")
            tables, mended = Tables.load(folder, int(state["generation"][0]) - 1, checkpoint_every)
        except DamagedFile as damage:
            damages[str(damage)] = None
        else:
            return _Usable(path, description, tensors, state, tables, mended), list(damages)
    return None, list(damages)


def read_config(folder: Path) -> RunConfig:
    """The options of a run; ValueError if the folder holds none."""
    if not (folder / "config.toml").is_file():
        raise ValueError(f"{folder} is no run folder: it has no config.toml")
    options = read_toml(folder / "config.toml")
    for told in ("version", "made_with"):
        options.pop(told, None)
    return RunConfig.from_options(options)


def _ancestors(config: RunConfig, listener: Listener | None) -> Ancestors | None:
    """Whom a run is seeded with, if with anybody; what does not fit is told."""
    if not config.seed_from:
        return None
    ancestors = load_ancestors(config.seed_from, policy_spec(config), config.scenario, config.seed)
    seats_for(ancestors, config.population)  # too few seats are refused before anything is written
    for sentence in ancestors.told:
        _tell(listener, config, sentence, is_news=True)
    return ancestors


def _tell(listener: Listener | None, config: RunConfig, text: str, generation: int = 0, is_news: bool = False) -> None:
    if listener is not None:
        listener(Report(generation, int(config.generations or 0), {}, float("nan"), text, is_news))


def _go_on(
    folder: Path,
    config: RunConfig,
    restored: tuple[Society, Tables, dict[str, np.ndarray]] | None,
    ancestors: Ancestors | None,
    listener: Listener | None,
) -> Path:
    """Run the remaining generations. Tables first, checkpoint last: a checkpoint vouches for all that came before."""
    society: Society | None = None

    def tell_stop() -> None:
        if society is not None:  # before, it does not take long
            text = "stopping after this generation; Ctrl-C again stops at once, and loses it"
            _tell(listener, config, text, society.generation)

    with stop_request(tell_stop) as is_asked_to_stop, _advice(folder):
        every = {"episodes": int(config.record_every or 1), "languages": int(config.measure_every or 1)}
        recordings = Recordings(folder, config.record_megabytes * 1e6, every)
        if restored is None:

            def tell_childhood(_share: float, text: str) -> None:
                if is_asked_to_stop():
                    raise Interrupted(f"stopped before the first generation; go on with `boxlings resume {folder}`")
                _tell(listener, config, text)

            tables = Tables(folder, int(config.checkpoint_every or 1))
            started_cpu = time.process_time()
            society = Society(config, ancestors, tell_childhood, collects=False)
            if society.childhood:
                tables.add_timing(-1, {"cpu_seconds": time.process_time() - started_cpu})
            for year, measures in enumerate(society.childhood):
                tables.add_measures(year - len(society.childhood), measures)
            _save(folder, society, tables, recordings)
        else:
            society, tables, state = restored
            _prune(folder / "checkpoints", config, tables)  # if it was stopped before it could
            if "recordings.room" in state:  # not in runs of older versions
                recordings.restore(state)
        while society.generation < society.num_generations:
            started, started_cpu = time.perf_counter(), time.process_time()
            generation = society.generation
            society.step()
            _enter(society, tables, recordings, generation)
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
            is_stopping = is_asked_to_stop()  # asked once: who asks later is heard after the next generation
            if _is_due(society.generation, config) or is_stopping:
                _save(folder, society, tables, recordings)
            if listener is not None:
                listener(Report(generation + 1, society.num_generations, society.measures, society.agent_steps / wall))
            if is_stopping:
                raise Interrupted(
                    f"stopped and saved after generation {society.generation} of {society.num_generations}; "
                    f"go on with `boxlings resume {folder}`"
                )
        society.step()  # the last population is judged as well; nothing of it changes by that
        _enter(society, tables, recordings, society.generation)
        tables.write()
        _write_ancestors(folder, society)
        if listener is not None:
            listener(Report(society.generation, society.num_generations, society.measures, float("nan")))
        if is_asked_to_stop():
            raise Interrupted(f"stopped when the run was whole; draw its pictures with `boxlings plot {folder}`")
    return folder


@contextmanager
def _advice(folder: Path) -> Iterator[None]:
    """Add to an OSError, such as that of a full disk, how the run goes on."""
    try:
        yield
    except OSError as error:
        error.add_note(f"when that is mended, go on with `boxlings resume {folder}`")
        raise


def _enter(society: Society, tables: Tables, recordings: Recordings, generation: int) -> None:
    """What was measured in a generation goes into the tables, its recording to disk."""
    tables.add_measures(generation, society.measures)
    tables.add_boxlings(society.boxling_rows)
    fitness, is_last = society.measures["fitness_mean"], generation == society.num_generations
    if society.episode_rows:
        rows = society.episode_rows
        recordings.add("episodes", generation, fitness, lambda path: write_episodes(path, rows), is_last)
    if society.spoken:
        speakers, spoken = society.speakers, society.spoken
        recordings.add(
            "languages", generation, fitness, lambda path: write_language(path, generation, speakers, spoken), is_last
        )


def _is_due(generation: int, config: RunConfig) -> bool:
    """Whether a run that nobody stops saves when this generation begins."""
    return generation % int(config.checkpoint_every or 1) == 0 or generation == config.generations


def _save(folder: Path, society: Society, tables: Tables, recordings: Recordings) -> None:
    """Tables, then the checkpoint, then old checkpoints make place; the fittest one stays."""
    tables.write()
    _write_ancestors(folder, society)
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
    if society.language_model:
        description["language_model"] = society.language_model
    write_checkpoint(
        checkpoints,
        society.generation,
        description,
        society.tensors(),
        society.state() | recordings.state(),
        society.tokenizer,
        model_card(description, shares_on_card(society.scenario, society.measures)),
        lexicon_csv(society.lexicon),
    )
    _prune(checkpoints, config, tables)


def _prune(checkpoints: Path, config: RunConfig, tables: Tables) -> None:
    """Old checkpoints make place."""
    # those of an interruption go, so that in the end the same ones are there as if there had been none
    due = [int(path.name) for path in list_checkpoints(checkpoints) if _is_due(int(path.name), config)]
    fittest = {tables.fittest[1]} if tables.fittest else set()
    prune_checkpoints(checkpoints, 1, also={*due[-config.keep_checkpoints :], *fittest})


def _write_ancestors(folder: Path, society: Society) -> None:
    """An episode of everybody who lives, and of all whom they descend from, for whoever watches a family."""
    if society.remembered is not None:
        write_ancestors(folder / "ancestors.parquet", society.remembered.rows(society.scenario.name))


@contextmanager
def stop_request(tell: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a wish that is granted after the generation; the second one interrupts at once."""
    asked, left = threading.Event(), threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def ask(_signal: int, _frame: object) -> None:
        if asked.is_set():
            if not insists.is_alive() and not left.is_set():
                insists.start()
            if is_compiling():
                return
            raise KeyboardInterrupt
        asked.set()
        tell()

    def insist() -> None:
        # a kernel was compiled just then, or code that looks up the type of a value swallowed what was raised
        while not left.wait(INSISTS_EVERY_SECONDS):
            _thread.interrupt_main(signal.SIGINT)

    insists = threading.Thread(target=insist, daemon=True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        left.set()
        for number, handler in before.items():
            signal.signal(number, handler)


def slug(scenario: str) -> str:
    """A scenario's name as that of a folder.

    >>> slug("guide"), slug("sokoban:levels/000.txt#0123456789ab")
    ('guide', 'sokoban-000')
    """
    kind, _, argument = scenario.partition("#")[0].partition(":")
    return f"{kind}-{Path(argument).stem}" if argument else kind
