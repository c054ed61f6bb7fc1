"""What language comes of a run, and at what cost: several seeds of one game, all of them reported.

    python benchmarks/language.py --game describe --attributes 3 --values 6 --seeds 6 --json

Runs `boxlings run GAME --seed N` for each seed (a run that is finished already is taken as it is, with the CPU time
that it took then) and studies the language of its last population. Further options of `boxlings run` come after `--`.
`--json` prints one object with a list over seeds for each of

    train, held_out       share of meanings named right in every attribute by all others; held out: combinations that
                          were never trained on
    muted, shuffled, replaced
                          the same, of trained meanings, when nothing is heard, or the words for another meaning, or the
                          same words for all
    strangers, familiar   success of pairs that never learned together, and of pairs that did
    topsim, posdis, bosdis
                          see language.measures; of all meanings, trained and held out, mean over boxlings
    agreement             share of pairs of boxlings that say the same
    learnability          area under the curve of newborns that listen to each boxling, in [0, 1]
    positive_listening    bits by which beliefs move when the words are those for another meaning
    unique_messages, message_length
    cpu_seconds           of the whole run: start of the process, learning, judging, recording, saving

and, beside the lists, `game`, `chance` and `seeds`. In worlds of scenarios that are not decided by answers, `worlds`,
`worlds_held_out`, `worlds_muted` and `worlds_shuffled` are shares of worlds won.
"""

# ruff: noqa: E402 - paths come before what they are for

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

# this folder has a world.py too, which is not meant
sys.path = [folder for folder in sys.path if not folder.endswith("benchmarks")]

import torch

from evolution.language_study import study_language
from evolution.machine import prepare
from evolution.run import load_population, slug
from language.measures import mean_interval
from population.policy import Policy
from world import scenarios

SPENT = "cpu-seconds.txt"  # beside the run's own files
SHORT = {
    "success": "train", "topographic_similarity": "topsim", "positional_disentanglement": "posdis",
    "bag_of_symbols_disentanglement": "bosdis",
}  # fmt: skip
COLUMNS = (
    "success", "held_out", "muted", "shuffled", "replaced", "familiar", "strangers", "topographic_similarity",
    "positional_disentanglement", "bag_of_symbols_disentanglement", "agreement", "learnability", "positive_listening",
    "unique_messages", "message_length",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--game", default="describe", help="a scenario in which somebody guides")
    parser.add_argument("--attributes", type=int, help="of describe and refer")
    parser.add_argument("--values", type=int, help="of each attribute")
    parser.add_argument("--candidates", type=int, help="of refer")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/language"), help="folder of the runs")
    parser.add_argument("--name", help="of the runs, where options differ; default: the game's")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("options", nargs="*", help="after --: further options of `boxlings run`")
    arguments = parser.parse_args()
    game = game_of(arguments)
    rows = []
    for seed in range(arguments.seeds):
        folder = arguments.out / f"{arguments.name or slug(game).replace(':', '-')}-{seed}"
        cpu_seconds = finish(folder, game, seed, arguments.options)
        rows.append(measure(folder, game) | {"cpu_seconds": cpu_seconds})
    results: dict[str, Any] = {"game": game, "chance": scenarios.get(game).chance_success()}
    results |= {"seeds": list(range(arguments.seeds)), "options": arguments.options}
    results |= {name: [row[name] for row in rows] for name in rows[0]}
    if arguments.json:
        print(json.dumps(results))
        return
    print("| seed | " + " | ".join(name.replace("_", " ") for name in rows[0]) + " |")
    print("|---" * (len(rows[0]) + 1) + "|")
    for seed, row in enumerate(rows):
        print(f"| {seed} | " + " | ".join(in_words(value) for value in row.values()) + " |")
    if len(rows) > 1:
        intervals = []
        for name in rows[0]:
            values = [row[name] for row in rows]
            low, high = mean_interval([float("nan") if value is None else value for value in values])
            intervals.append("" if low != low else f"{in_words(low)} to {in_words(high)}")
        print("| 95 % of mean | " + " | ".join(intervals) + " |")


def game_of(arguments: argparse.Namespace) -> str:
    """The scenario's full name."""
    parts = [arguments.game]
    if (arguments.attributes is None) != (arguments.values is None):
        raise SystemExit("--attributes and --values go together")
    if arguments.attributes is not None:
        parts.append(f"{arguments.attributes}x{arguments.values}")
    if arguments.candidates is not None:
        parts += [] if len(parts) > 1 else ["3x6"]
        parts.append(str(arguments.candidates))
    try:
        return scenarios.get(":".join(parts)).name
    except ValueError as error:
        raise SystemExit(str(error)) from error


def finish(folder: Path, game: str, seed: int, options: list[str]) -> float:
    """Run this seed unless it is finished; returns the CPU seconds that it took."""
    if (folder / SPENT).exists():
        seconds, _, given = (folder / SPENT).read_text().strip().partition(" ")
        if given != " ".join(options):
            raise SystemExit(f"{folder} was run with other options ({given or 'none'}): choose another --name or --out")
        return float(seconds)
    if folder.exists():
        raise SystemExit(f"{folder} holds a run that was not finished: delete it, or choose another --name or --out")
    command = [sys.executable, "-m", "boxlings", "run", game, "--seed", str(seed), "--out", str(folder)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*command, "--no-pictures", *options], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    (folder / SPENT).write_text(f"{spent:.2f} {' '.join(options)}\n")
    return spent


def measure(folder: Path, game: str) -> dict[str, Any]:
    """One row of the table."""
    prepare(1)
    _, spec, genomes = load_population(folder)
    scenario = scenarios.get(game)
    found = study_language(Policy(spec), torch.from_numpy(genomes), scenario, seed=1)
    row = {SHORT.get(name, name): found.get(name) for name in COLUMNS}
    if not scenario.is_decided_by_answers:
        for name, options in (
            ("worlds", []), ("worlds_held_out", ["--split", "held-out"]), ("worlds_muted", ["--channel", "mute"]),
            ("worlds_shuffled", ["--channel", "shuffle"]),
        ):  # fmt: skip
            command = [sys.executable, "-m", "boxlings", "eval", str(folder), "--json", "--seed", "123", *options]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            row[name] = json.loads(done.stdout)["success"]
    return row


def in_words(value: float | None) -> str:
    if value is None:
        return "undefined"
    return f"{value:.0f}" if abs(value) >= 20 else f"{value:.3f}"


if __name__ == "__main__":
    main()
