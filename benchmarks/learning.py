"""What a default run learns, and at what cost: several seeds of one scenario, all of them reported.

    python benchmarks/learning.py --scenario guide --seeds 3 --json

Runs `boxlings run SCENARIO --seed N` for each seed (a run that is finished already is taken as it is) and evaluates the
last population on fresh worlds that it never saw. `--json` prints one object with a list over seeds for each of:
`train`, `held_out`, `muted`, `shuffled` (shares of worlds solved), `understanding_held_out`, `familiar`, `strangers`
(mean success of pairs that learned together, and that never did), `topographic_similarity`, `cpu_seconds` (of the whole
run: learning, judging, measuring and recording), the other splits of the scenario by their names, and `seeds`. Where
nobody guides there is only what has nothing to do with words. `--figure FILE` draws the learning curves.
"""

# ruff: noqa: E402 - paths come before what they are for

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

# this folder has a world.py too, which is not meant
sys.path = [folder for folder in sys.path if not folder.endswith("benchmarks")]

from analysis.run import Run, load_run
from evolution.run import read_config
from world import scenarios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="guide")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/learning"), help="folder of the runs")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--figure", type=Path, help="PNG of the learning curves")
    parser.add_argument("options", nargs="*", help="after --: further options of `boxlings run`")
    arguments = parser.parse_args()
    runs = [finished_run(arguments.out, arguments.scenario, seed, arguments.options) for seed in range(arguments.seeds)]
    results: dict[str, object] = {"scenario": arguments.scenario, "seeds": list(range(arguments.seeds))}
    rows = [measure(run) for run in runs]
    results |= {name: [row[name] for row in rows] for name in rows[0]}
    if arguments.figure:
        draw(runs, arguments.scenario, arguments.figure)
    if arguments.json:
        print(json.dumps(results))
        return
    names = list(rows[0])
    print("| seed | " + " | ".join(name.replace("_", " ") for name in names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for seed, row in enumerate(rows):
        values = [f"{row[name]:.0f}" if name == "cpu_seconds" else f"{row[name]:.3f}" for name in names]
        print(f"| {seed} | " + " | ".join(values) + " |")


def finished_run(folder: Path, scenario: str, seed: int, options: list[str]) -> Run:
    """The run of this seed, started or gone on with as needed."""
    out = folder / f"{scenario}-{seed}"
    command = [sys.executable, "-m", "boxlings"]
    if (out / "config.toml").exists():
        command += ["resume", str(out), "--no-pictures"]
    else:
        command += ["run", scenario, "--seed", str(seed), "--out", str(out), "--no-pictures", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return load_run(out)


def boxlings_eval(run: Run, *options: str) -> dict:
    """What `boxlings eval` says of a run's last population."""
    command = [sys.executable, "-m", "boxlings", "eval", str(run.folder), "--json", "--seed", "123", *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(run: Run) -> dict[str, float]:
    """One row of the table."""
    scenario = scenarios.get(read_config(run.folder).scenario)
    held_out = boxlings_eval(run, "--split", "held-out")
    others = {split.replace("-", "_"): boxlings_eval(run, "--split", split)["success"] for split in scenario.splits[2:]}
    spent = {"cpu_seconds": float(cpu_seconds(run).iloc[-1])}
    if not scenario.has_guide:
        return {"train": boxlings_eval(run)["success"], "held_out": held_out["success"], **others, **spent}
    pairs = boxlings_eval(run, "--pairs")
    return {
        "train": pairs["success"],
        "held_out": held_out["success"],
        **others,
        "muted": boxlings_eval(run, "--channel", "mute")["success"],
        "shuffled": boxlings_eval(run, "--channel", "shuffle")["success"],
        "understanding_held_out": held_out["understanding"],
        "familiar": pairs["familiar"],
        "strangers": pairs["strangers"],
        "topographic_similarity": float(run.generations["topographic_similarity"].dropna().iloc[-1]),
        **spent,
    }


def cpu_seconds(run: Run):
    """CPU seconds spent until the beginning of each generation, indexed by it."""
    spent = run.timing[run.timing["name"] == "cpu_seconds"].set_index("generation")["value"].cumsum()
    spent.index = spent.index + 1
    return spent


def draw(runs: list[Run], scenario: str, path: Path) -> None:
    """Success on trained and on held-out goals, and muted, against CPU minutes: every seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 4.0), dpi=150, layout="constrained")
    ax = figure.subplots()
    styles = {
        "success": ("#0072B2", "trained goals"),
        "success_held_out": ("#009E73", "held-out goals"),
        "success_shuffled": ("#E69F00", "words shuffled"),
        "success_muted": ("#D55E00", "muted"),
    }
    for name, (colour, label) in styles.items():
        for index, run in enumerate(runs):
            if name not in run.generations:
                continue  # where nobody guides, nobody talks
            values = run.generations[name].dropna()
            values = values[values.index >= 0]
            minutes = np.interp(values.index, cpu_seconds(run).index, cpu_seconds(run) / 60)
            ax.plot(minutes, values, color=colour, linewidth=1.4, label=label if index == 0 else None)
    chance = scenarios.get(scenario).chance_success()
    if chance < 1:
        ax.axhline(chance, color="#777777", linestyle=":", label="best without talk")
    ax.set(xlabel="CPU time (minutes)", ylabel="worlds solved (share)", ylim=(-0.03, 1.03))
    ax.set_title(f"Scenario {scenario}: every seed of {len(runs)}", loc="left", fontsize=11, fontweight="bold")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="#E6E6E6")
    figure.legend(frameon=False, fontsize=9, loc="outside right center")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    main()
