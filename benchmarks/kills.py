"""Runs killed again and again, and whether anything of them was lost.

    python benchmarks/kills.py --kills 100 --json

Runs of three scenarios are killed by SIGKILL, each several times, at random moments or in the first save after one, and
resumed until they are done;
then every file of theirs is compared with that of a run that nobody killed, seconds apart. `--json` prints one object:
`kills`; `in_a_save`, kills that left an unfinished file behind; `in_childhood`, kills before the first checkpoint;
`runs` that were compared, in all `files_compared`, and the `differences` found, by name; `seconds_to_start` and
`seconds_to_resume`, from the start of a process to the end of its first generation, medians, the founder's childhood
left out; `resume_costs_seconds`, their difference. Exit status 1 if anything differs.
"""

# ruff: noqa: E402 - paths come before what they are for

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

# this folder has a world.py too, which is not meant
sys.path = [folder for folder in sys.path if not folder.endswith("benchmarks")]

from evolution.config import ChannelConfig, LearningConfig, PolicyConfig, RunConfig
from evolution.run import Report, evolve, resume
from evolution.storage import REPLACED, SPARE, TEMPORARY

SCENARIOS = ("guide", "describe", "sokoban")
KILLS_A_RUN = 6
NOT_REPEATED = {"timing.parquet", ".lock", "config.toml"}  # seconds; the lock; the folder's own name
FORK = multiprocessing.get_context("fork")  # a child has all imports behind it


def config_of(scenario: str, folder: Path) -> RunConfig:
    """A run of seconds, in which all that is saved is saved often."""
    sees = scenario != "describe"
    return RunConfig(
        scenario=scenario, out=str(folder), population=4, generations=6, live_worlds=2,
        measure_every=2, record_every=1, record_megabytes=0.05, recorded_episodes=2, checkpoint_every=1,
        channel=ChannelConfig(message_length=3, num_symbols=8),
        policy=PolicyConfig(
            width=12, expert_width=8, conv_channels=2 * sees, near_cells=3 * sees, query_heads=1 * sees
        ),
        learning=LearningConfig(
            founder_rounds=10, language_rounds=2, language_batch=8, acting_rounds=1, acting_worlds=2, epochs=1
        ),
    )  # fmt: skip


def go_on(scenario: str, folder: Path) -> None:
    """Start the run, or go on with it, to its end."""
    if (folder / "config.toml").exists():
        resume(folder)
    else:
        evolve(config_of(scenario, folder))
    (folder / ".done").touch()


def files_of(folder: Path) -> dict[str, str]:
    """Every file that the same seed repeats to the bit, with its digest."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in NOT_REPEATED | {".done"} and path.parent.name != SPARE
    }


def is_saving(folder: Path) -> bool:
    """Whether an unfinished file lies in the run's folder."""
    names = (name for _, folders, files in os.walk(folder) for name in folders + files)
    return any(name.startswith((TEMPORARY, REPLACED)) for name in names)


def kill_once(scenario: str, folder: Path, seconds: float, in_a_save: bool = False) -> bool:
    """Let a process work on the run for so long, or from then on until it saves; whether it had to be killed."""
    process = FORK.Process(target=go_on, args=(scenario, folder))
    process.start()
    process.join(seconds)
    while in_a_save and process.is_alive() and not is_saving(folder):
        pass
    if process.is_alive():
        os.kill(int(process.pid or 0), signal.SIGKILL)
    process.join()
    if process.exitcode not in (0, -signal.SIGKILL):
        raise RuntimeError(f"{folder} did not go on: status {process.exitcode}")
    return process.exitcode != 0


def seconds_of_processes(scenario: str, folder: Path) -> tuple[float, float]:
    """Seconds to the first generation of a new process that starts a run, and of one that goes on with it."""
    found = []
    for _ in range(2):
        command = [sys.executable, __file__, "--one-generation", scenario, str(folder)]
        started = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        ended, childhood = map(float, done.stdout.split())
        found.append(ended - started - childhood)
    return found[0], found[1]


def one_generation(scenario: str, folder: Path) -> None:
    """Start or go on with a run until a generation is over; print when that was, and how long childhood took."""
    began, childhood = time.monotonic(), 0.0

    def listen(report: Report) -> None:
        nonlocal childhood
        if report.text:
            childhood = time.monotonic() - began
            return
        print(time.monotonic(), childhood, flush=True)
        os._exit(0)

    if (folder / "config.toml").exists():
        resume(folder, on_generation=listen)
    else:
        evolve(config_of(scenario, folder), listen)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one-generation", nargs=2, metavar=("SCENARIO", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one_generation:
        scenario, given = arguments.one_generation
        one_generation(scenario, Path(given))
        return 0
    rng = random.Random(arguments.seed)
    found = {"kills": 0, "in_a_save": 0, "in_childhood": 0, "runs": 0, "files_compared": 0}
    differences: list[str] = []
    with tempfile.TemporaryDirectory() as room:
        whole, seconds = {}, {}
        for scenario in SCENARIOS:
            folder = Path(room, scenario)
            for _ in range(2):  # the first one may have to wait for kernels
                shutil.rmtree(folder, ignore_errors=True)
                started = time.monotonic()
                kill_once(scenario, folder, 600)
                seconds[scenario] = time.monotonic() - started
            whole[scenario] = files_of(folder)
        while found["kills"] < arguments.kills:
            scenario = SCENARIOS[found["runs"] % len(SCENARIOS)]
            folder = Path(room, f"killed-{found['runs']}")
            # a new run each time would only ever be killed at its beginning
            for _ in range(KILLS_A_RUN):
                if found["kills"] == arguments.kills or (folder / ".done").exists():
                    break
                delay, aims = rng.uniform(0, seconds[scenario] / 2), rng.random() < 0.5
                was_killed = kill_once(scenario, folder, delay, aims)
                found["kills"] += was_killed
                if was_killed:
                    found["in_a_save"] += is_saving(folder)
                    found["in_childhood"] += not any(folder.glob("checkpoints/[0-9]*"))
            kill_once(scenario, folder, 600)
            files = files_of(folder)
            found["runs"] += 1
            found["files_compared"] += len(files)
            names = sorted(files.keys() | whole[scenario].keys())
            differences += [f"{scenario}: {name}" for name in names if files.get(name) != whole[scenario].get(name)]
            shutil.rmtree(folder)
        timed = [seconds_of_processes(scenario, Path(room, f"timed-{scenario}")) for scenario in SCENARIOS]
    starts, resumes = (median(pair[k] for pair in timed) for k in range(2))
    result = {
        **found,
        "differences": differences,
        "seconds_to_start": round(starts, 2),
        "seconds_to_resume": round(resumes, 2),
        "resume_costs_seconds": round(resumes - starts, 2),
    }
    if arguments.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name.replace('_', ' '):22} {value}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
