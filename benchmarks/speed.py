"""How fast the parts are: worlds alone, boxlings living in them, learning, and the whole loop.

    python benchmarks/speed.py --json

Medians of several repetitions on one thread. `--json` prints one object with, all per second: `worlds_generated`,
`world_agent_steps` (walking, pushing and 7 x 7 views, no policy), `live_agent_steps` (policy and worlds, no learning),
`learn_agent_steps` (one update from a rollout, per agent-step in it), `language_rounds` (of the population), and
`loop_agent_steps` (a whole generation); beside them `population` and `parameters`.
"""

# ruff: noqa: E402 - paths come before what they are for

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np

# this folder has a world.py too, which is not meant
sys.path = [folder for folder in sys.path if not folder.endswith("benchmarks")]

from evolution.chance import stream, torch_stream
from evolution.config import LearningConfig, RunConfig
from evolution.machine import prepare
from evolution.society import Society


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--population", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    prepare(1)
    config = RunConfig(
        scenario="guide", population=arguments.population, learning=LearningConfig(founder_rounds=1, advised_until=0.0)
    )
    society = Society(config)
    rng, generator = stream(0, "benchmark"), torch_stream(0, "benchmark")
    scenario = society.scenario

    def seconds(work: Callable[[], object]) -> float:
        work()
        times = []
        for _ in range(arguments.repetitions):
            started = time.perf_counter()
            work()
            times.append(time.perf_counter() - started)
        return median(times)

    numbers = np.arange(4096)
    actions = rng.integers(0, 5, (len(numbers), scenario.num_agents)).astype(np.int8)

    def walk() -> None:
        worlds = scenario.generate(numbers, "train")
        started.append(time.perf_counter())
        for _ in range(scenario.num_steps):
            scenario.observe(worlds)
            scenario.advance(worlds, actions, None)
            worlds.is_over[:] = False  # go on after the first push, so that every step counts
        ended.append(time.perf_counter())

    started: list[float] = []
    ended: list[float] = []
    results: dict[str, float] = {
        "worlds_generated": len(numbers) / seconds(lambda: scenario.generate(numbers, "train"))
    }
    seconds(walk)
    walking = median(end - start for start, end in zip(started[1:], ended[1:], strict=True))
    results["world_agent_steps"] = actions.size * scenario.num_steps / walking
    rollout = society._rollout(rng, generator)
    results["live_agent_steps"] = rollout.lived_steps / seconds(lambda: society._rollout(rng, generator))
    results["learn_agent_steps"] = rollout.lived_steps / seconds(lambda: society._acting_round(rollout, 1.0))
    results["language_rounds"] = 1 / seconds(
        lambda: society._language_round(
            society.genomes, society.optimiser, 1 % arguments.population, 128, 0.5, 0.0, 1.0, rng, generator
        )
    )
    steps: list[int] = []
    loop = seconds(lambda: (society.step(), steps.append(society.agent_steps)))
    results["loop_agent_steps"] = median(steps[1:]) / loop
    results = {name: float(f"{value:.3g}") for name, value in results.items()}
    results |= {"population": arguments.population, "parameters": society.layout.num_parameters}
    if arguments.json:
        print(json.dumps(results))
    else:
        for name, value in results.items():
            print(f"{name.replace('_', ' '):22} {value:14,.0f}")


if __name__ == "__main__":
    main()
