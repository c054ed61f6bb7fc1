"""A study from beginning to end, on disk: several arms, each with the same seeds and the same means.

    STUDY/study.toml        what was asked for, and the generations that each arm got
    STUDY/ARM/SEED/         ordinary run folders, and in them final.parquet: how good the last population is

Every run is a process of its own with one thread. A study that was stopped goes on where it was: finished runs are
taken as they are, and begun ones are resumed. What a study says is read from it by `analysis.study`.

    python -m evolution.study costs|run < asked.json        is one such process
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from evolution.arms import Costs, StudyConfig, affordable
from evolution.config import RunConfig
from evolution.evaluate import evaluate, pair_matrix, strangers
from evolution.machine import check_device, prepare
from evolution.records import GENERATIONS, TIMING, read_records
from evolution.run import Interrupted, Report, evolve, load_population, our_version, read_config, resume, stop_request
from evolution.society import Society, filled_config
from evolution.storage import (
    DamagedFile,
    RunLock,
    clean_leftovers,
    list_checkpoints,
    read_toml,
    write_config_toml,
    write_table,
)
from population.policy import Policy
from world import scenarios

SHORT_CHILDHOODS = (20, 100)  # rounds; what they cost tells what a long one does
CALIBRATION_SHARE = 0.05  # of the budget, for which generations are measured
FEWEST_CALIBRATION_SECONDS = 5.0  # what a generation costs hangs on how a population fares: a few do not tell
_FEWEST_CALIBRATED, _MOST_CALIBRATED = 4, 1000  # generations; the first, in which a process warms up, does not count
_MEASURED, _RECORDED = 2, 3  # every so many of these generations
_ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMBA")}
_GLANCE_SECONDS = 0.1  # between looks at the processes


@dataclass(frozen=True)
class Progress:
    """What `on_progress` is told."""

    text: str
    share: float  # of the study that is done, [0, 1]
    is_news: bool  # to be told once; otherwise it is how things stand


Listener = Callable[[Progress], None]


def run_study(
    study: StudyConfig, folder: str | Path, *, processes: int | None = None, on_progress: Listener | None = None
) -> list[str]:
    """Carry out a study, or what is left of it; returns a sentence for each run that failed.

    `processes` at once, by default as many as there are cores. ValueError for options that make no sense, and for a
    folder that holds something else; Interrupted when the user stops it, with all runs saved.
    """
    folder = Path(folder)
    tell = on_progress or (lambda progress: None)
    processes = processes or os.cpu_count() or 1
    if processes < 1:
        raise ValueError(f"processes must be at least 1, got {processes}")
    study = replace(study, run=replace(study.run, scenario=scenarios.get(study.run.scenario).name))
    check_device(study.run.device)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"out must be a folder, got the file {folder}")
    is_begun = (folder / "study.toml").is_file()
    if is_begun:
        refuse_other_options(folder, study)
    elif folder.exists() and any(item.name != ".lock" for item in folder.iterdir()):
        raise ValueError(f"out must be a study, a new or an empty folder, but {folder} holds other files")
    if study.run.language_model.num_boxlings:
        raise ValueError("a study compares boxlings: expected lm_as expert, got agent")
    filled = {arm: filled_config(study.of_arm(arm)) for arm in study.arms}
    for arm, config in filled.items():
        for other in study.arms[: study.arms.index(arm)]:
            if filled[other] == config:
                raise ValueError(f"arms {other} and {arm} are the same with these options: leave out one of them")
    with RunLock(folder):
        clean_leftovers(folder)
        if not is_begun:
            begin(study, folder, filled, processes, tell)
        jobs = [
            Job(f"{arm}, seed {config.seed}", "run", config, {"worlds": study.worlds})
            for arm, config in planned_runs(folder)
        ]
        return [f"{job.name}: {job.error}" for job in carry_out(jobs, processes, tell) if job.error]


def refuse_other_options(folder: Path, study: StudyConfig) -> None:
    """ValueError, with the first difference, unless the folder holds this very study."""

    def flat(options: dict[str, Any]) -> dict[str, Any]:
        inner = {name: flat(value) for name, value in options.items() if isinstance(value, dict)}
        plain = {name: value for name, value in options.items() if name not in inner}
        return plain | {key: value for part in inner.values() for key, value in part.items()}

    asked, theirs = flat(study.asked()), read_toml(folder / "study.toml")
    theirs = flat({name: value for name, value in theirs.items() if name not in ("version", "plan")})
    for name in [*asked, *theirs]:
        if (asked.get(name), theirs.get(name)) == ([], None):  # as older studies say it
            continue
        if asked.get(name) != theirs.get(name):
            raise ValueError(
                f"{folder} holds a study with {_said(name, theirs.get(name))}, got {_said(name, asked.get(name))}: "
                "go on with its own options, or choose another --out"
            )


def _said(name: str, value: Any) -> str:
    if value is None:
        return f"no {name}"
    return f"{name} {','.join(value) if isinstance(value, list) else value}"


def begin(study: StudyConfig, folder: Path, filled: dict[str, RunConfig], processes: int, tell: Listener) -> None:
    """Find out how many generations each arm gets, and write the study's file."""
    plan: dict[str, dict[str, Any]] = {}
    if study.cpu_seconds is None:
        configs = {arm: replace(config, generations=study.generations) for arm, config in filled.items()}
    else:
        options = {"for_seconds": max(FEWEST_CALIBRATION_SECONDS, CALIBRATION_SHARE * study.cpu_seconds)}
        jobs = [Job(f"what {arm} costs", "costs", config, options) for arm, config in filled.items()]
        carry_out(jobs, processes, tell)
        configs = {}
        for (arm, config), job in zip(filled.items(), jobs, strict=True):
            if job.error:
                raise ValueError(f"arm {arm} cannot be run: {job.error}")
            costs = Costs(**json.loads(job.output))
            try:
                configs[arm] = affordable(config, study.run, costs, study.cpu_seconds)
            except ValueError as error:
                raise ValueError(f"{error} for arm {arm}") from None
            plan[arm] = {**asdict(costs), "expected_cpu_seconds": costs.of(configs[arm])}
    for arm, config in configs.items():
        names = ("generations", "measure_every", "record_every", "checkpoint_every")
        plan[arm] = {name: getattr(config, name) for name in names} | plan.get(arm, {})
        tell(Progress(f"{arm}: {config.generations} generations a run", 0.0, True))
    write_config_toml(folder / "study.toml", {"version": our_version(), **study.asked(), "plan": plan})


def read_study(folder: str | Path) -> tuple[StudyConfig, dict[str, dict[str, Any]]]:
    """A study as it was asked for, and its plan by arm; ValueError if the folder holds none."""
    folder = Path(folder)
    if not (folder / "study.toml").is_file():
        raise ValueError(f"{folder} is no study: it has no study.toml")
    options = read_toml(folder / "study.toml")
    plan = options.pop("plan")
    del options["version"]
    run = RunConfig.from_options(options.pop("run"))
    return StudyConfig(run=run, **options | {"arms": tuple(options["arms"])}), plan


def planned_runs(folder: str | Path) -> list[tuple[str, RunConfig]]:
    """All runs of a study as (arm, options), `out` being the run's folder: all arms with seed 0, then all with 1 ..."""
    study, plan = read_study(folder)
    runs = []
    for seed in range(study.seeds):
        for arm in study.arms:
            names = ("generations", "measure_every", "record_every", "checkpoint_every")
            own = {name: plan[arm][name] for name in names}
            out = str(Path(folder) / arm / str(seed))
            runs.append((arm, replace(filled_config(study.of_arm(arm)), seed=seed, out=out, **own)))
    return runs


# ---- processes ----


@dataclass
class Job:
    """One process, from what it is asked to what came of it."""

    name: str
    task: str  # costs or run
    config: RunConfig
    options: dict[str, Any] = field(default_factory=dict)  # of `run_one` or of `measured_costs`
    is_told_to_stop: bool = False
    output: str = ""
    error: str = ""
    process: subprocess.Popen[bytes] | None = None
    files: tuple[IO[bytes], ...] = field(default=(), repr=False)

    def start(self) -> None:
        """Begin, deaf to the Ctrl-C of the terminal: whoever started it passes that on."""
        here = str(Path(__file__).parents[1])
        paths = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
        self.files = (tempfile.TemporaryFile(), tempfile.TemporaryFile())  # noqa: SIM115 - closed when it is over
        self.process = subprocess.Popen(
            [sys.executable, "-m", "evolution.study", self.task],
            stdin=subprocess.PIPE, stdout=self.files[0], stderr=self.files[1], start_new_session=True,
            env={**os.environ, **_ONE_THREAD, "PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
        assert self.process.stdin is not None
        with self.process.stdin as stdin:
            stdin.write(json.dumps({"config": self.config.options(), "options": self.options}).encode())

    def is_over(self) -> bool:
        """Whether the process has ended; then `output` or `error` says how."""
        assert self.process is not None
        status = self.process.poll()
        if status is None:
            return False
        texts = []
        for file in self.files:
            with file:
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
        self.output = texts[0]
        if status:
            told = texts[1].strip().splitlines()
            self.error = told[-1] if told and status > 0 else f"its process ended with status {status}"
        return True

    def signal(self, number: int) -> None:
        """Send a signal, if there is still somebody to get it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    @property
    def share(self) -> float:
        """How much of it is done, as its checkpoints tell."""
        if self.task != "run":
            return 0.0
        done = list_checkpoints(Path(str(self.config.out)) / "checkpoints")
        return int(done[-1].name) / int(self.config.generations or 1) if done else 0.0


def carry_out(jobs: Sequence[Job], processes: int, tell: Listener) -> Sequence[Job]:
    """Let jobs run, so many at once, and return them; those that failed have an `error`.

    After a Ctrl-C all are asked to save and stop, and then Interrupted says so; after a second one they are killed.
    """
    waiting = [job for job in jobs if job.task != "run" or not is_finished(job.config)]
    running: list[Job] = []
    num_done = len(jobs) - len(waiting)

    def stand() -> float:
        return (num_done + sum(job.share for job in running)) / max(1, len(jobs))

    def tell_stop() -> None:
        text = "stopping after these generations; Ctrl-C again stops at once, and loses them"
        tell(Progress(text, stand(), True))

    try:
        with stop_request(tell_stop) as is_asked_to_stop:
            while running or (waiting and not is_asked_to_stop()):
                while waiting and len(running) < processes and not is_asked_to_stop():
                    job = waiting.pop(0)
                    job.start()
                    running.append(job)
                for job in running:
                    if is_asked_to_stop() and not job.is_told_to_stop:
                        job.signal(signal.SIGINT)
                        job.is_told_to_stop = True
                time.sleep(_GLANCE_SECONDS)
                for job in [job for job in running if job.is_over()]:
                    running.remove(job)
                    num_done += not job.error
                    if not is_asked_to_stop():
                        tell(Progress(f"{job.name}: {job.error or 'done'}", stand(), True))
                names = "; ".join(f"{job.name} ({job.share:.0%})" if job.share else job.name for job in running)
                tell(Progress(f"{num_done} of {len(jobs)} done, running: {names}", stand(), False))
            # a wish that came when everything was over has stopped nothing
            if waiting or any(job.is_told_to_stop and job.error for job in jobs):
                raise Interrupted("stopped and saved; go on with the same command")
    finally:
        for job in running:
            job.signal(signal.SIGKILL)  # no file is ever left half-written
    return jobs


# ---- one process: a run ----


def is_finished(config: RunConfig) -> bool:
    """Whether this run of a study is over, and its last population judged."""
    path = Path(str(config.out)) / "final.parquet"
    try:
        return path.is_file() and pc.max(read_records(path, GENERATIONS)["generation"]).as_py() == config.generations
    except DamagedFile:
        return False  # it is written again


def run_one(config: RunConfig, worlds: int) -> None:
    """Start or go on with a run, and judge its last population; Interrupted when whoever asked for it is gone."""
    folder = Path(str(config.out))
    parent = os.getppid()

    def watch(_report: Report) -> None:
        if os.getppid() != parent:
            raise Interrupted("the study has ended")

    if (folder / "config.toml").is_file():
        if replace(read_config(folder), out=config.out) != config:  # a study may be moved
            raise ValueError(
                f"{folder} holds a run with other options than the study's: remove it to have it run again"
            )
        resume(folder, on_generation=watch)
    else:
        evolve(config, watch)
    write_table(folder / "final.parquet", final_table(folder, worlds))


def final_table(folder: Path, worlds: int) -> pa.Table:
    """`final_measures` as a table with the columns of GENERATIONS, the generation being the last one."""
    generation = load_population(folder)[0]["generation"]
    rows = [
        {"generation": generation, "name": name, "value": value}
        for name, value in final_measures(folder, worlds).items()
    ]
    return pa.Table.from_pylist(rows, schema=GENERATIONS)


def final_measures(folder: str | Path, worlds: int) -> dict[str, float]:
    """How good the last population of a run is, on the worlds, and by the names, by which its generations are measured.

    The same worlds for every run, and those of `boxlings eval`: `success`, `success_held_out`, `success_muted`,
    `success_shuffled`, `understanding`, `understanding_held_out`, and `familiar` and `strangers`, mean success of pairs
    that learn together and of pairs that never do. What a scenario does not have is left out.
    """
    description, spec, genomes = load_population(folder)
    scenario, policy, boxlings = scenarios.get(description["scenario"]), Policy(spec), torch.from_numpy(genomes)
    circumstances = {"hearing_radius_cells": description["hearing_radius_cells"], "seed": 0}
    measures = {}
    for ending, split, channel in (
        ("", "train", "on"), ("_held_out", "held-out", "on"), ("_muted", "train", "mute"),
        ("_shuffled", "train", "shuffle"),
    ):  # fmt: skip
        if split not in scenario.splits or (channel != "on" and not scenario.has_guide):
            continue
        found = evaluate(
            policy, boxlings, scenario, split=split, channel=channel,
            worlds_per_boxling=math.ceil(worlds / len(genomes)), **circumstances,
        )  # fmt: skip
        measures[f"success{ending}"] = found["success"]
        if scenario.has_guide and channel == "on":
            measures[f"understanding{ending}"] = found["understanding"]
    if scenario.has_guide:
        # a 32nd for each pair: 64 of 2048, as `boxlings eval --pairs` has it
        matrix = pair_matrix(policy, boxlings, scenario, worlds_per_pair=math.ceil(worlds / 32), **circumstances)
        measures |= {name: value for name, value in strangers(matrix).items() if value is not None}
    return measures


# ---- one process: what an arm costs ----


def measured_costs(config: RunConfig, for_seconds: float) -> Costs:
    """What the parts of a run with these options cost, by a short one of so many CPU seconds in a temporary place.

    Childhoods are measured by two short ones, as their rounds cost the same each, generations by the least squares of
    those that are measured, recorded, both or neither.
    """
    rounds = int(config.learning.founder_rounds or 0)
    short = min(rounds, SHORT_CHILDHOODS[0])
    started = math.inf

    def enough(report: Report) -> None:
        nonlocal started
        if report.generation == 1 and not report.text:
            started = time.process_time()
        if report.generation >= _FEWEST_CALIBRATED and time.process_time() - started > for_seconds:
            raise _Enough

    with tempfile.TemporaryDirectory(prefix="boxlings-") as place:
        brief = replace(
            config,
            out=str(Path(place) / "run"),
            generations=_MOST_CALIBRATED,
            measure_every=_MEASURED,
            record_every=_RECORDED,
            checkpoint_every=1,
            learning=replace(config.learning, founder_rounds=short),
        )
        with suppress(_Enough):  # all that was measured so far is on disk
            evolve(brief, enough)
        timing = read_records(Path(place) / "run" / "timing.parquet", TIMING).to_pylist()
    seconds = {row["generation"]: row["value"] for row in timing if row["name"] == "cpu_seconds"}
    numbers = np.array([generation for generation in seconds if generation > 0])
    parts = np.stack([np.ones(len(numbers)), numbers % _MEASURED == 0, numbers % _RECORDED == 0], axis=1)
    found = np.linalg.lstsq(parts, np.array([seconds[int(number)] for number in numbers]), rcond=None)[0]
    each, measuring, recording = (max(0.0, float(value)) for value in found)
    start = 0.0
    if -1 in seconds:  # there is a childhood
        lengths = sorted({min(rounds, length) for length in SHORT_CHILDHOODS})
        took = [_childhood_seconds(config, length) for length in lengths]
        start = took[-1]
        if len(took) == 2:
            start += (rounds - lengths[-1]) * max(0.0, (took[1] - took[0]) / (lengths[1] - lengths[0]))
    return Costs(start, each, measuring, recording)


class _Enough(Exception):  # noqa: N818 - what was to be measured is measured
    """The short run has told what it was for."""


def _childhood_seconds(config: RunConfig, rounds: int) -> float:
    started = time.process_time()
    Society(replace(config, learning=replace(config.learning, founder_rounds=rounds)))
    return time.process_time() - started


def main() -> int:
    """One process of a study; the sentence of an error is the last line on stderr."""
    try:
        asked = json.load(sys.stdin)
        config = RunConfig.from_options(asked["config"])
        prepare(threads=1)
        if sys.argv[1] == "costs":
            print(json.dumps(asdict(measured_costs(config, **asked["options"]))))
        else:
            run_one(config, **asked["options"])
    except (Interrupted, KeyboardInterrupt):
        return 130
    except (ValueError, OSError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
