"""How fast the generation loop is, how it grows with the population, and where its time goes.

    python benchmarks/loop.py --json            about three minutes
    python benchmarks/loop.py --sweep --json    half an hour, and up to 12 GB of memory

Scenario guide. Every figure comes from a process of its own with one core, or with two (`agent_steps_per_second`),
after generations that are not counted. An agent-step is a step of an agent in a world that was not over; steps that
are learned from are counted once. `--json` prints one object:

    agent_steps_per_second
        the default run (8 boxlings that learn) on two cores: `evolve`, recording into a temporary folder; a full
        measurement and a recording in four generations. The founder learns for 50 rounds instead of 1,000, uncounted
    evolution_only_agent_steps_per_second
        the same for 256 genomes of about 10,000 parameters, 16 worlds a genome, nothing learned, on one core; as in a
        run of 1,000 generations, with a full measurement and a recording in 50 of them
    evolution_only_agent_steps_per_cpu_second
        the same, where the machine has other work; what benchmarks/loop_peers.py measures of other libraries
    worlds_alone_agent_steps_per_second
        guide's worlds generated, seen and stepped without networks, per CPU second
    growth_exponent
        slope of log CPU seconds a generation against log population, 32 to 1,024 such genomes: live, select, mutate,
        save, without full measurements
    measure_growth_exponent
        the same of a full measurement, 32 to 256 genomes
    memory_bytes_per_genome
        growth of the largest resident memory of the evolution-only run from 32 to 256 genomes, for each genome more;
        full measurements included
    parameters, evolution_only_parameters
        of a genome
    parts, evolution_only_parts
        CPU seconds a generation of `live` (judging in fresh worlds), `learn`, `select` (who lives on, copies,
        mutations), `enter` (rows of tables), and, spread over the generations between two of them, `measure` (full
        measurements), `record` and `save` (tables and checkpoint); and the setting, as in a sweep
    profile, evolution_only_profile
        shares of the CPU time of a generation inside `products` (of matrices, by torch) and inside `kernels` (of
        worlds, of living and of learning, compiled); the rest is all else that torch and Python do

and, with `--sweep`, `sweep`: one object for each setting with `population`, `parameters`, `agents` (in a world),
`agent_steps` (of a generation), `agent_steps_per_cpu_second`, `bytes` (largest resident memory) and the parts as above,
evolution only: 1 to 1,024 genomes; about 10,000 to 200,000 parameters, by width, of 64 genomes; 2 to 16 agents in a
world, of 64 genomes.

Scenarios say themselves how many agents their worlds have: sokoban 1, games of words 2, guide and carry 3, forage 4.
Worlds of guide can be drawn with any number, which is what the sweep does; no option of a run sets it.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

# this folder has files named like packages, which are not meant
sys.path = [folder for folder in sys.path if not folder.endswith("benchmarks")]

SMALL_WIDTH = 16  # of tokens: a genome of about 10,000 parameters
GROWING = (32, 64, 128, 256, 512, 1024)
MEASURED_UP_TO = 256
SWEEP: list[dict[str, int]] = [
    *({"population": population} for population in (1, 4, 16, 64, 256, 1024)),
    *({"population": 64, "width": width} for width in (16, 32, 64, 128)),
    *({"population": 64, "num_agents": num_agents} for num_agents in (2, 3, 4, 8, 16)),
]
NEVER = 10**9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        name, options = arguments.child
        print(json.dumps(CHILDREN[name](**json.loads(options))))
        return
    default = child("whole_run", 2, is_evolution_only=False, num_generations=5)
    small, large = (
        child("whole_run", 1, is_evolution_only=True, num_generations=64, population=each) for each in (32, 256)
    )
    growth = child("growth", 1)
    results: dict[str, Any] = {
        "agent_steps_per_second": default["agent_steps"] / default["wall_seconds"],
        "evolution_only_agent_steps_per_second": large["agent_steps"] / large["wall_seconds"],
        "evolution_only_agent_steps_per_cpu_second": large["agent_steps"] / large["cpu_seconds"],
        "worlds_alone_agent_steps_per_second": child("worlds_alone", 1),
        "growth_exponent": slope(growth["whole"]),
        "measure_growth_exponent": slope(growth["measure"]),
        "memory_bytes_per_genome": (large["bytes"] - small["bytes"]) / (256 - 32),
        "parameters": default["parameters"],
        "evolution_only_parameters": large["parameters"],
        "parts": child("parts", 1, is_evolution_only=False),
        "evolution_only_parts": child("parts", 1, is_evolution_only=True, population=256),
        "profile": child("profile", 1, is_evolution_only=False),
        "evolution_only_profile": child("profile", 1, is_evolution_only=True, population=256),
    }
    if arguments.sweep:
        results["sweep"] = [child("parts", 1, is_evolution_only=True, **options) for options in SWEEP]
    results = rounded(results)
    if arguments.json:
        print(json.dumps(results))
        return
    for key, value in results.items():
        if isinstance(value, list):
            print(key, *(json.dumps(row) for row in value), sep="\n  ")
        elif isinstance(value, dict):
            print(f"{key.replace('_', ' ')}: " + ", ".join(f"{part} {number}" for part, number in value.items()))
        else:
            print(f"{key.replace('_', ' '):48}{value:14,}")


def child(name: str, num_cores: int, **options: Any) -> Any:
    """What a function of this file says in a process of its own, on so many cores."""
    environment = dict(os.environ)
    if num_cores == 1:
        environment |= {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--child", name, json.dumps(options)]
    process = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, preexec_fn=lambda: stay_on(num_cores)
    )
    return json.loads(process.stdout)


def stay_on(num_cores: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-num_cores:])


def slope(seconds: dict[str, float]) -> float:
    """Of log seconds against log population."""
    import numpy as np

    return float(np.polyfit(np.log([int(each) for each in seconds]), np.log(list(seconds.values())), 1)[0])


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


# ---- in a process of its own ----


def config_of(is_evolution_only: bool, population: int | None = None, width: int = SMALL_WIDTH) -> Any:
    from evolution.config import ChannelConfig, LearningConfig, PolicyConfig, RunConfig
    from evolution.society import filled_config

    config = RunConfig(scenario="guide", learning=LearningConfig(founder_rounds=50))
    if is_evolution_only:
        config = replace(
            config,
            generations=1000,
            live_worlds=16,
            channel=ChannelConfig(num_symbols=8, message_length=3),
            policy=PolicyConfig(width=width, expert_width=width // 2, query_heads=2, near_cells=5),
            learning=LearningConfig(fine_tuning=False),
        )
    return filled_config(replace(config, population=population or config.population))


def whole_run(is_evolution_only: bool, num_generations: int, population: int | None = None) -> dict[str, float]:
    """Seconds and agent-steps of so many generations of a run but the first, as the run itself writes them down."""
    from evolution.records import TIMING, read_records
    from evolution.run import Report, evolve
    from evolution.society import Society

    class EnoughError(Exception):
        pass

    def stop(report: Report) -> None:
        if report.generation >= num_generations:
            raise EnoughError

    config = config_of(is_evolution_only, population)
    with tempfile.TemporaryDirectory() as folder:
        # as often recorded as measured, so that a few generations hold the right share of both, or a little more
        config = replace(config, out=f"{folder}/run", record_every=config.measure_every)
        with contextlib.suppress(EnoughError):
            evolve(config, on_generation=stop)
        rows = read_records(f"{config.out}/timing.parquet", TIMING).to_pylist()
        totals = {
            name: sum(row["value"] for row in rows if row["name"] == name and row["generation"] > 0)
            for name in ("wall_seconds", "cpu_seconds", "agent_steps")
        }
    parameters = Society(config, is_restored=True).layout.num_parameters
    return totals | {"parameters": parameters, "bytes": peak_bytes()}


def peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Stopwatch:
    """CPU seconds by part, of the generation at hand."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def timed(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            started = time.process_time()
            result = work(*arguments)
            self.seconds[part] = self.seconds.get(part, 0.0) + time.process_time() - started
            return result

        return call


class Loop:
    """A society whose generations are taken one at a time: plain, fully measured, or recorded."""

    def __init__(self, config: Any, folder: Path, num_agents: int | None = None) -> None:
        from evolution import run
        from evolution.machine import prepare
        from evolution.records import Recordings, Tables
        from evolution.society import Society

        prepare(config.threads)
        folder.mkdir()
        self.config, self.folder, self.watch = config, folder, Stopwatch()
        self.society = Society(config)
        self.society.generation = 1  # the first one is always measured
        if num_agents is not None:
            self.society.scenario = copy.copy(self.society.scenario)
            self.society.scenario.num_agents = num_agents
        self.tables = Tables(folder)
        self.recordings = Recordings(folder, config.record_megabytes * 1e6, {"episodes": 1, "languages": 1})
        for part, name in (("live", "judge"), ("select", "_replace"), ("learn", "_fine_tune")):
            setattr(self.society, name, self.watch.timed(part, getattr(self.society, name)))
        self.enter = self.watch.timed("enter", run._enter)
        self.save = self.watch.timed("save", run._save)

    def generation(self, measure_every: int = NEVER, record_every: int = NEVER) -> dict[str, float]:
        """CPU seconds of its parts; a measurement or recording counts as `live` and `enter`."""
        society = self.society
        society.config = replace(self.config, measure_every=measure_every, record_every=record_every)
        self.watch.seconds = {}
        number = society.generation
        society.step()
        self.enter(society, self.tables, self.recordings, number)
        return dict(self.watch.seconds)

    def warm_up(self) -> None:
        self.generation(1, 1)

    def plain(self, times: int = 5) -> dict[str, float]:
        """Medians of plain generations; saving is spread over those between two checkpoints."""
        seconds = [self.generation() for _ in range(times)]
        found = {part: median(each[part] for each in seconds) for part in seconds[0]}
        saves = []
        for _ in range(3):
            self.watch.seconds = {}
            self.save(self.folder, self.society, self.tables, self.recordings)
            saves.append(self.watch.seconds["save"])
        return found | {"save": median(saves) / self.config.checkpoint_every}


def parts(
    is_evolution_only: bool, population: int | None = None, width: int = SMALL_WIDTH, num_agents: int | None = None
) -> dict[str, float]:
    config = config_of(is_evolution_only, population, width)
    with tempfile.TemporaryDirectory() as folder:
        loop = warm_loop(config, Path(folder), num_agents)
        seconds = loop.plain()
        steps = loop.society.agent_steps
        whole = sum(seconds.values()) - seconds["save"]
        measured = sum(loop.generation(measure_every=1).values())
        recorded = sum(loop.generation(record_every=1).values())
    seconds["measure"] = max(0.0, measured - whole) / config.measure_every
    seconds["record"] = max(0.0, recorded - whole) / config.record_every
    society = loop.society
    return {
        "population": config.population,
        "parameters": society.layout.num_parameters,
        "agents": society.scenario.num_agents,
        "agent_steps": steps,
        "agent_steps_per_cpu_second": steps / sum(seconds.values()),
        "bytes": peak_bytes(),
        **seconds,
    }


def warm_loop(config: Any, folder: Path, num_agents: int | None = None) -> Loop:
    """A loop that has taken a generation, with all that compiles compiled: in a small population, which is quicker."""
    if config.population > 32:
        Loop(replace(config, population=32), folder / "small", num_agents).warm_up()
    loop = Loop(config, folder / "run", num_agents)
    if config.population <= 32:
        loop.warm_up()
    loop.generation()
    return loop


def growth() -> dict[str, dict[int, float]]:
    """CPU seconds of a plain generation, and of a full measurement, by population."""
    whole, measure = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        Loop(config_of(True, GROWING[0]), Path(folder, "small")).warm_up()
        for population in GROWING:
            loop = Loop(config_of(True, population), Path(folder, str(population)))
            loop.generation()
            whole[population] = sum(loop.plain().values())
            if population <= MEASURED_UP_TO:
                measure[population] = sum(loop.generation(measure_every=1).values()) - whole[population]
    return {"whole": whole, "measure": measure}


def profile(is_evolution_only: bool, population: int | None = None) -> dict[str, float]:
    """Shares of the CPU time of plain generations inside matrix products and inside compiled kernels."""
    import torch

    def run(loop: Loop) -> float:
        started = time.process_time()
        for _ in range(3):
            loop.generation()
        return time.process_time() - started

    with tempfile.TemporaryDirectory() as folder:
        loop = warm_loop(config_of(is_evolution_only, population), Path(folder))
        kernels = Stopwatch()
        with timed_kernels(kernels):
            seconds = run(loop)  # without the profiler, which costs about as much as a small operation does
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], acc_events=True) as profiler:
            run(loop)
    products = sum(
        each.self_cpu_time_total * 1e-6
        for each in profiler.key_averages()
        if each.key in ("aten::bmm", "aten::baddbmm", "aten::mm", "aten::addmm", "aten::dot", "aten::convolution")
    )
    return {"products": products / seconds, "kernels": kernels.seconds.get("kernels", 0.0) / seconds}


@contextlib.contextmanager
def timed_kernels(watch: Stopwatch) -> Iterator[None]:
    """While this lasts, `watch` counts what Python calls of our compiled functions; they must be compiled by then."""
    from numba.core.dispatcher import Dispatcher

    changed = []
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").partition(".")[0] in ("world", "population", "evolution", "language"):
            for name, value in list(vars(module).items()):
                if isinstance(value, Dispatcher):
                    changed.append((module, name, value))
                    setattr(module, name, watch.timed("kernels", value))
    try:
        yield
    finally:
        for module, name, value in changed:
            setattr(module, name, value)


def worlds_alone() -> float:
    """Agent-steps per CPU second; all agents walk at random, and no world is over."""
    import numpy as np

    from world import scenarios

    guide = scenarios.get("guide")
    numbers = np.arange(4096)
    acts = np.random.default_rng(0).integers(0, 5, (guide.num_steps, len(numbers), guide.num_agents)).astype(np.int8)

    def rate() -> float:
        started = time.process_time()
        worlds = guide.generate(numbers, "train")
        for act in acts:
            guide.observe(worlds)
            guide.advance(worlds, act, None)
            worlds.is_over[:] = False  # go on after the first push, so that every step counts
        return acts.size / (time.process_time() - started)

    rate()
    return median(rate() for _ in range(5))


CHILDREN: dict[str, Callable[..., Any]] = {
    "whole_run": whole_run,
    "parts": parts,
    "growth": growth,
    "profile": profile,
    "worlds_alone": worlds_alone,
}

if __name__ == "__main__":
    main()
