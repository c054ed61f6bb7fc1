"""The front door: the `boxlings` command, and the few names that a script needs.

    from boxlings import RunConfig, evolve, load_run

    run = load_run(evolve(RunConfig(scenario="guide", out="runs/first", seed=1)))
    print(run.generations.loc[0:, "success"])

`evolve` prints nothing and returns the folder of the run: all that happened lies there, and what a script
wants to know of it is a question to `load_run`. Everything heavy (torch, numba, mesa, pyarrow) is imported
when it is used, so that `import boxlings` and `boxlings --help` are quick.

The options of a run are the fields of `RunConfig` and its parts, with their comments as help: an option is
written in one place. Results go to stdout, all else to stderr. Exit status: 0 done, 2 wrong input, 130
interrupted and saved, 1 anything else.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import inspect
import json
import math
import os
import re
import shutil
import signal
import sys
import threading
import time
import typing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, is_dataclass, replace
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evolution.arms import ARMS
from evolution.config import (
    DEFAULTS,
    ChannelConfig,
    LearningConfig,
    PolicyConfig,
    RunConfig,
    SelectionConfig,
    check_strategy_name,
)
from world.splits import SPLITS

if TYPE_CHECKING:
    from torch import Tensor

    from analysis.run import Run, load_run
    from evolution.run import Interrupted, Report, evolve, resume
    from evolution.society import Society
    from evolution.study import Progress as StudyProgress
    from population.language_agent import LanguageAgents
    from population.policy import Policy
    from population.spec import PolicySpec
    from world.scenarios.base import Scenario

__all__ = [
    "ChannelConfig",
    "Interrupted",
    "LearningConfig",
    "PolicyConfig",
    "Report",
    "RunConfig",
    "SelectionConfig",
    "Society",
    "evolve",
    "load_run",
    "resume",
]

_WHERE = {
    "Interrupted": "evolution.run",
    "Report": "evolution.run",
    "Society": "evolution.society",
    "evolve": "evolution.run",
    "load_run": "analysis.run",
    "resume": "evolution.run",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'boxlings' has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


# ---- the command ----

_WRONG_PATH = (
    errno.ENOENT, errno.EEXIST, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY,
    errno.EROFS, errno.ENAMETOOLONG,
)  # fmt: skip


class _Stopped(Exception):  # noqa: N818 - the user asked for it
    """The work was interrupted; the message says how to go on."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line and return its exit status."""
    is_main = threading.current_thread() is threading.main_thread()
    # whoever ends us means the same as Ctrl-C
    before = signal.signal(signal.SIGTERM, signal.default_int_handler) if is_main else None
    try:
        options = _parse(list(sys.argv[1:] if arguments is None else arguments))
        status = options.command(options)
        sys.stdout.flush()
        return status
    except _Stopped as stop:
        return _tell(stop, 130)
    except KeyboardInterrupt:
        return _tell("interrupted; a run goes on from its newest checkpoint with `boxlings resume DIR`", 130)
    except BrokenPipeError:  # whoever read our output has seen enough; nothing more can be written
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except ValueError as error:  # wrong options, damaged files, folders in use
        return _tell(error, 2)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sentence = "; ".join([f"{where}{error.strerror or error}", *getattr(error, "__notes__", [])])
        return _tell(sentence, 2 if error.errno in _WRONG_PATH else 1)
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _tell(sentence: object, status: int) -> int:
    print(f"boxlings: {_one_line(sentence)}", file=sys.stderr)
    return status


def _one_line(text: object) -> str:
    return " ".join(str(text).split())


def _run_config(options: argparse.Namespace) -> RunConfig:
    """The options of a run among all that was given."""
    return RunConfig().with_options(
        {name.removeprefix(_OPTION): value for name, value in vars(options).items() if name.startswith(_OPTION)}
    )


def _run(options: argparse.Namespace) -> int:
    """Evolve a population in a new run folder."""
    config = _run_config(options)

    def work(listener: _Progress) -> Path:
        from evolution.run import evolve

        return evolve(config, listener)

    return _live_through(work, options)


def _resume(options: argparse.Namespace) -> int:
    """Continue a run from its newest whole checkpoint."""

    def work(listener: _Progress) -> Path:
        from evolution.run import resume

        return resume(options.folder, options.generations, listener)

    return _live_through(work, options)


_WORLDS = 2048  # to measure a success in
_PUZZLES = 100
_PAIR_WORLDS = 64  # of every guide with every builder


def _eval(options: argparse.Namespace) -> int:
    """Play fresh worlds with a population and tell its success, or solve puzzles."""
    if options.puzzles is not None:
        return _eval_puzzles(options)
    if options.ways is not None:
        raise ValueError(f"--ways goes with --puzzles SET, got {options.ways!r} without it")
    if options.folder is None:
        raise ValueError("expected a run or a checkpoint folder, or --puzzles SET, got neither")
    import torch

    from evolution.evaluate import evaluate, pair_matrix, strangers
    from evolution.machine import prepare
    from population.policy import Policy

    description, spec, genomes, scenario, minds = _population(options.folder)
    if minds is not None and (options.pairs or options.language):
        given = "--pairs" if options.pairs else "--language"
        raise ValueError(f"some of these boxlings are a language model, so there is no telling of {given}")
    scenario.check_split(options.split)
    if options.pairs and not scenario.has_guide:
        raise ValueError(f"scenario {scenario.name} has no guides, so there are no pairs to tell apart: got --pairs")
    if options.language and not scenario.has_guide:
        raise ValueError(f"scenario {scenario.name} has no guides, so there is no language: got --language")
    prepare(threads=1)
    policy, boxlings = Policy(spec), torch.from_numpy(genomes)
    circumstances = {
        "split": options.split,
        "channel": options.channel,
        "hearing_radius_cells": description["hearing_radius_cells"],
        "seed": options.seed,
        **({} if minds is None else {"minds": minds}),
    }
    per_boxling = math.ceil((options.worlds or _WORLDS) / len(genomes))
    found = evaluate(policy, boxlings, scenario, worlds_per_boxling=per_boxling, **circumstances)
    found["generation"] = description["generation"]
    low, high = found["interval"]
    lines = [
        f"{found['scenario']}, split {found['split']}, channel {found['channel']}: success "
        f"{found['success']:.3f} (95 % interval {low:.3f} to {high:.3f}) over {found['worlds']} worlds",
        f"generation {found['generation']}, {found['boxlings']} boxlings"
        + (f", understanding {found['understanding']:.3f}" if scenario.has_guide else ""),
    ]
    if found["without_talk"] is not None:
        solved = (
            f"{found['bits_per_solved']:,.0f} a solved one" if found["bits_per_solved"] is not None else "none solved"
        )
        lines.append(
            f"{found['bits_heard']:.0f} bits heard a world, {solved}; of trained worlds at best "
            f"{found['without_talk']:.3f} without talk, {found['silent_vote']:.3f} by a silent vote"
        )
    if options.pairs:
        matrix = pair_matrix(policy, boxlings, scenario, worlds_per_pair=_PAIR_WORLDS, **circumstances)
        found |= {"pairs": matrix.tolist(), "worlds_per_pair": _PAIR_WORLDS, **strangers(matrix)}
        lines += ["success of every guide (row) with every builder (column):"]
        lines += ["  ".join(f"{value:.2f}" for value in row) for row in matrix]
        familiar, strange = _number(found["familiar"]), _number(found["strangers"])
        lines += [f"mean of familiar pairs: {familiar}; of strangers: {strange}"]
    if options.language:
        lines += _language(policy, boxlings, scenario, found, options.seed)
    return _print(found, lines, options)


def _language(policy: Policy, boxlings: Tensor, scenario: Scenario, found: dict[str, Any], seed: int) -> list[str]:
    """Everything that can be measured of a population's language, into `found`; returns it as lines."""
    from evolution.language_study import study_language

    found["language"] = measured = study_language(policy, boxlings, scenario, seed=seed)
    lines = ["language, by first words:"]
    for name, value in measured.items():
        if isinstance(value, (int, float)) or value is None:
            lines.append(f"  {name.replace('_', ' '):28} {'undefined' if value is None else f'{value:.4g}'}")
    return lines


def _plot(options: argparse.Namespace) -> int:
    """Draw the figures of a run."""
    from analysis.figures import write_plots
    from analysis.run import load_run

    others = [load_run(folder) for folder in options.beside]
    paths = [str(path) for path in write_plots(load_run(options.folder), others, options.format)]
    return _print({"figures": paths}, paths, options)


def _report(options: argparse.Namespace) -> int:
    """Write a web page about a run, or about several side by side."""
    from analysis.comparison import write_comparison
    from analysis.report import write_report
    from analysis.run import load_run

    runs = [load_run(folder) for folder in options.folders]
    if len(runs) == 1:
        path = write_report(runs[0], options.out)
    else:
        path = write_comparison(runs, options.out or runs[0].folder.resolve().parent / "comparison.html")
    return _print({"report": str(path), "runs": len(runs)}, [path], options)


def _export(options: argparse.Namespace) -> int:
    """Write a run's data for other programs."""
    from analysis import export
    from analysis.run import load_run

    if options.best and options.to:
        raise ValueError(f"--best writes a model, so it goes without --to, got --to {options.to}")
    if options.licence and not options.best:
        raise ValueError("--licence is that of a model, so it goes with --best")
    run = load_run(options.folder)
    to = "model" if options.best else options.to or "parquet"
    out = Path(options.out or run.folder / "export" / to)
    found: dict[str, Any] = {"run": str(run.folder), "format": to}
    if options.best:
        model, lines = _write_model(export.best_checkpoint(run), out, options.licence)
        found |= model
    elif to == "minari":
        root, name, num_episodes = export.write_minari(run, out)
        found |= {"dataset": name, "root": str(root), "episodes": num_episodes}
        lines = [f"{name}: {num_episodes} episodes; load it with MINARI_DATASETS_PATH={root}"]
    elif to == "tensorboard":
        lines = [str(export.write_events(run, out))]
        found["files"] = lines
    else:
        lines = [str(path) for path in export.write_tables(run, out, to)]
        found["files"] = lines
    return _print(found, lines, options)


def _write_model(checkpoint: Path, out: Path, licence: str | None) -> tuple[dict[str, Any], list[str]]:
    """Write the model of a checkpoint with its card; returns what there is to tell of it, and that in lines."""
    from evolution.pretrained import LICENCE, write_pretrained

    *_, minds = _population(str(checkpoint))
    description, measured = write_pretrained(checkpoint, out, licence or LICENCE, minds=minds)
    found = {
        "model": str(out),
        "scenario": description["scenario"],
        "seed": description["seed"],
        "generation": description["generation"],
        "boxlings": description["population"],
        "measured": measured,
    }
    lines = [
        f"{out}: generation {description['generation']}; success on fresh worlds:",
        *(f"  {name:<30} {each['success']:.3f}" for name, each in measured.items()),
        f"use it with `boxlings run {description['scenario']} --seed-from {out}`",
    ]
    return found, lines


def _watch(options: argparse.Namespace) -> int:
    """Follow a run while another process goes on with it."""

    def on_change(run: Run) -> None:
        from analysis.export import write_events

        if options.tensorboard:
            write_events(run, options.tensorboard)

    try:
        from analysis.watch import watch  # which takes a moment, in which somebody may think better of it

        run = watch(options.folder, options.every, is_once=options.once, on_change=on_change)
    except KeyboardInterrupt:
        raise _Stopped("stopped watching; the run is left alone") from None
    for sentence in run.state.missing:
        _tell(sentence, 0)
    return 0


def _lineage(options: argparse.Namespace) -> int:
    """Tell from whom a boxling descends, and which clans there are."""
    import numpy as np

    from analysis.run import load_run
    from population.lineage import NO_FATHER

    run = load_run(options.folder)
    lineage, lives = run.lineage, run.boxlings
    last = lives[lives["generation"] == lives["generation"].max()]
    boxling = options.boxling
    if boxling is None:  # the fittest of the last generation
        boxling = int(last["boxling"].iloc[int(np.argmax(last["fitness"].fillna(-math.inf)))])
    fitness = lives.drop_duplicates("boxling", keep="last").set_index("boxling")["fitness"]
    births = [lineage.birth(each) for each in lineage.ancestors(boxling)]
    line = [
        {**asdict(birth), "fitness": float(fitness[birth.boxling])}  # as it was judged last
        for birth in births
    ]
    founders, clan_of = np.unique(lineage.clans(), return_inverse=True)
    sizes = np.bincount(clan_of)
    living = np.bincount(clan_of[np.isin(lineage.boxlings, last["boxling"])], minlength=len(founders))
    clans = [
        {"founder": int(founder), "boxlings": int(size), "living": int(alive)}
        for founder, size, alive in zip(founders, sizes, living, strict=True)
    ]
    lines = [
        f"boxling {birth.boxling}, {birth.origin}, born in generation {birth.birth_generation}"
        + (f" with father {birth.father}" if birth.father != NO_FATHER else "")
        + f", fitness {fitness[birth.boxling]:.3f}"
        for birth in births
    ]
    lines += [
        f"clan of boxling {clan['founder']}: {clan['boxlings']} born, {clan['living']} in the last generation"
        for clan in clans
    ]
    return _print({"boxling": boxling, "line": line, "clans": clans}, lines, options)


def _replay(options: argparse.Namespace) -> int:
    """Show what was recorded, or check it against the simulator."""
    from analysis.replay import film, reels_of, to_gif, to_html, to_mp4, to_terminal
    from analysis.run import load_run

    to = options.to or "terminal"
    if options.verify and (options.to or options.out or options.grid or options.ancestors):
        raise ValueError("--verify goes without --to, --out, --grid and --ancestors: it shows nothing, it compares")
    if to == "terminal" and not options.verify and (options.out or options.json):
        given = "--out" if options.out else "--json"
        raise ValueError(f"{given} goes with --to gif, mp4 or html, got --to terminal")
    if options.grid and to not in ("gif", "mp4"):
        raise ValueError(f"--grid goes with --to gif or --to mp4, got --to {to}")
    if options.boxling is not None and not options.ancestors:
        raise ValueError("--boxling goes with --ancestors, got it alone")
    if options.ancestors and (options.generation is not None or options.episode is not None):
        raise ValueError("--ancestors chooses the episodes, so it goes without --generation and --episode")
    run = load_run(options.folder)
    if options.verify:
        return _verify(run, options)
    if options.ancestors:
        rows, titles, name = _ancestors(run, options)
    elif to == "terminal":
        reels = reels_of(run)
        row = run.episode(options.generation, options.episode)
        at = run.generation_numbers.index(row["generation"])
        place = [each["episode"] for each in reels[at].load()].index(row["episode"])
        to_terminal(reels, at, place)
        return 0
    else:
        rows = _recorded(run, options)
        ending = "" if options.episode is None else f"-{options.episode}"
        titles, name = [], f"replay-{rows[0]['generation']:06d}{ending}{'-grid' if options.grid else ''}"
    if to == "terminal":
        from analysis.terminal import Reel

        to_terminal([Reel(name, lambda: rows, titles)])
        return 0
    path = Path(options.out or run.folder / "plots" / f"{name}.{to}")
    if not options.out:
        path.parent.mkdir(exist_ok=True)
    if to == "html":
        to_html(path, rows, titles)
    else:
        shown = film(rows, titles=titles, in_grid=options.grid or options.ancestors)
        {"gif": to_gif, "mp4": to_mp4}[to](path, shown)
    return _print({"replay": str(path), "episodes": len(rows)}, [path], options)


def _ancestors(run: Run, options: argparse.Namespace) -> tuple[list[dict], list[str], str]:
    """Episodes of the line of a boxling, oldest first, what they are called, and a name for all of them."""
    from analysis.ancestors import ancestors_told, evenly
    from analysis.film import MAX_IN_GRID

    line = ancestors_told(run, options.boxling)
    if not line:
        raise ValueError(f"{run.folder} has no boxlings, so there are no ancestors to show")
    lost = [str(each.boxling) for each in line if each.episode is None]
    if lost:
        _tell(f"no episode was kept of {', '.join(lost)}", 0)
    family = [each for each in reversed(line) if each.episode is not None]
    if not family:
        raise ValueError(f"no episode was kept of boxling {line[0].boxling} or of its ancestors")
    shown = evenly(family, MAX_IN_GRID) if options.to in ("gif", "mp4") else family
    if len(shown) < len(family):
        _tell(f"{len(family) - len(shown)} of {len(family)} ancestors are left out, so that all can be seen", 0)
    rows = [each.episode for each in shown if each.episode is not None]
    return rows, [each.title for each in shown], f"ancestors-{line[0].boxling}"


def _verify(run: Run, options: argparse.Namespace) -> int:
    """Simulate recorded episodes again; status 1 if any differs from what was recorded."""
    from analysis.replay import verify_episode, verify_run

    if options.generation is None and options.episode is None:
        for generation in run.generation_numbers:
            run.episodes(generation)  # a damaged file is wrong input, not a difference
        num_episodes, problems = verify_run(run)
    else:
        rows = _recorded(run, options)
        num_episodes = len(rows)
        problems = [f"episode {row['episode']}: {problem}" for row in rows for problem in verify_episode(row)]
    if not num_episodes:
        raise ValueError(f"{run.folder} has no recorded episodes to verify")
    counted = f"{num_episodes} episode{'' if num_episodes == 1 else 's'}"
    _print({"episodes": num_episodes, "problems": problems}, problems or [f"{counted}, all exact"], options)
    return 1 if problems else 0


def _recorded(run: Run, options: argparse.Namespace) -> list[dict]:
    """The episodes that were asked for: one, or all of a generation."""
    if options.episode is None:
        return run.episodes(options.generation)
    return [run.episode(options.generation, options.episode)]


_OF_MINDS = ("--puzzles", "--rounds", "--tasks")  # options of `pretrain puzzles`


def _pretrain_puzzles(options: argparse.Namespace) -> int:
    """Teach a mind which step comes next in generated puzzles."""
    from evolution.learn_puzzles import PuzzleTraining, train_mind, write_mind
    from evolution.machine import prepare
    from world.puzzles.tasks import read_tasks

    wrong = [name for name in ("generations", "steps") if getattr(options, name) is not None]
    if wrong or options.kind != "policy":
        given = f"--{wrong[0]}" if wrong else f"--as {options.kind}"
        raise ValueError(
            f"puzzles are learned by a mind of its own, which takes {', '.join(_OF_MINDS)} and --seed, got {given}"
        )
    if os.path.lexists(options.out):
        raise ValueError(f"--out must be a new folder, but {options.out} exists already")
    training = PuzzleTraining(seed=options.seed)
    if options.puzzles is not None:
        training = replace(training, num_puzzles=options.puzzles)
    if options.rounds is not None:
        training = replace(training, rounds=options.rounds)
    if options.tasks is not None:
        tasks, refused = read_tasks(options.tasks)
        if refused:
            raise ValueError(refused[0])
        training = replace(training, tasks=tuple(tasks))
    prepare(threads=1)
    with _progress("nothing was written") as progress:
        mind, found = train_mind(training, progress.tell_share)
    write_mind(options.out, mind, found)
    first = found["next_step"]
    searched = [
        f"round {k}: its search solved {told['solved']:,} of {told['searched']:,} new ones, and it learned from these"
        for k, told in enumerate(found["rounds"], 1)
    ]
    lines = [
        f"{options.out}: learned from {found['puzzles']:,} puzzles; of new ones the right step is its first in "
        f"{first['top_1']:.3f} and among its first five in {first['top_5']:.3f} of the cases",
        *searched,
        f"use it with `boxlings solve FILE --mind {options.out}`, or `boxlings eval --puzzles held-out {options.out}`",
    ]
    return _print(found | {"folder": options.out}, lines, options)


def _pretrain(options: argparse.Namespace) -> int:
    """Train a founder by learning alone, a small language model of worlds, or a mind for puzzles."""
    if options.scenario == "puzzles":
        return _pretrain_puzzles(options)
    for flag in _OF_MINDS:
        if getattr(options, flag[2:]) is not None:
            raise ValueError(f"{flag} goes with `boxlings pretrain puzzles`, got {options.scenario}")
    if options.kind != "policy":
        if options.generations is not None:
            raise ValueError(f"--generations goes with --as policy, got --as {options.kind}")
        return _pretrain_language(options)
    if options.steps is not None:
        raise ValueError("--steps goes with --as lm or --as vlm, got --as policy")
    return _pretrain_policy(options)


def _pretrain_language(options: argparse.Namespace) -> int:
    """Teach a small language model to tell what becomes of worlds."""
    from evolution.pretrain_language import ORDERS, UNIFORM_BITS, LanguageTraining, pretrain_language

    training = LanguageTraining(options.scenario, seed=options.seed, has_eyes=options.kind == "vlm")
    if options.steps is not None:
        training = replace(training, steps=options.steps)
    with _progress("nothing was written") as progress:
        found = pretrain_language(training, options.out, progress.tell_share)
    lines = [f"{options.out}: {found['parameters']:,} parameters; bits a token, of worlds that it was never told of:"]
    without = "" if options.kind == "lm" else f"{'no picture':>12}"
    lines.append(f"  {'':10}{'model':>8}{without}" + "".join(f"{f'{n}-gram':>9}" for n in ORDERS) + f"{'uniform':>9}")
    for kind, one in found["held_out"].items():
        cells = f"{one['model']['bits']:8.3f}"
        cells += "" if options.kind == "lm" else f"{one['without_picture']['bits']:12.3f}"
        cells += "".join(f"{one[f'{n}-gram']['bits']:9.3f}" for n in ORDERS)
        lines.append(f"  {kind:10}{cells}" + ("" if kind == "scenes" else f"{UNIFORM_BITS:9.3f}"))
    lines.append(f"use it with `boxlings run {options.scenario} --seed-from {options.out}`")
    return _print(found, lines, options)


def _pretrain_policy(options: argparse.Namespace) -> int:
    """Train two copies of a founder by learning alone, and keep the best checkpoint."""
    from analysis.export import best_checkpoint
    from analysis.run import load_run
    from evolution.run import evolve, read_config, resume
    from evolution.society import filled_config

    out = Path(options.out)
    if os.path.lexists(out):
        raise ValueError(f"--out must be a new folder, but {out} exists already")
    training = out.with_name(f".{out.name}.pretraining")
    config = filled_config(
        RunConfig(
            scenario=options.scenario,
            out=str(training),
            seed=options.seed,
            generations=options.generations,
            population=2,
            # twice the worlds that each of a whole population learns from; checkpoints are told apart by more
            live_worlds=128,
            recorded_episodes=0,
            keep_checkpoints=1,
            selection=SelectionConfig(strategy="none", mutation=False),
            learning=LearningConfig(acting_worlds=32),
        )
    )
    is_begun = (training / "config.toml").is_file()
    if is_begun and read_config(training) != config:
        raise ValueError(
            f"{training} holds an unfinished training with other options: delete it or choose another --out"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with _progress("go on with the same command") as progress:
        if is_begun:
            resume(training, on_generation=progress)
        else:
            evolve(config, progress)
    best = best_checkpoint(load_run(training))
    model, lines = _write_model(best, out, None)
    shutil.rmtree(training)
    trained = next(iter(model["measured"].values()))  # the first condition
    told = {"checkpoint": model["model"], "success": trained["success"], "understanding": trained["understanding"]}
    return _print(model | told, lines, options)


def _study(options: argparse.Namespace) -> int:
    """Run several arms with several seeds, or what is left of them, and compare them."""
    from analysis.study import load_study, off_budget, write_study
    from evolution.arms import StudyConfig
    from evolution.study import run_study

    study = StudyConfig(
        run=_run_config(options),
        arms=tuple(options.arms.split(",")),
        seeds=options.seeds,
        cpu_seconds=options.cpu_seconds,
        generations=options.generations,
        worlds=options.worlds,
    )
    folder = Path(options.out)
    try:
        with _progress("go on with the same command") as progress:
            failed = run_study(study, folder, processes=options.processes, on_progress=progress.tell_study)
    except KeyboardInterrupt:
        raise _Stopped("interrupted; go on with the same command") from None
    found = load_study(folder)
    summary, paths = write_study(found)
    warnings = off_budget(found)
    for sentence in [*failed, *warnings]:
        _tell(sentence, 0)
    names = [name for name in ("success", "success_held_out", "success_muted", "strangers") if name in found.measures]
    lines = [
        "mean over seeds, with its 95 % bootstrap interval:",
        f"  {'':20}" + "".join(f"{name:>24}" for name in names),
    ]
    own = summary[summary["compared_to"] == ""].set_index(["arm", "measure"])
    for arm in study.arms:
        cells = [own.loc[(arm, name)] for name in names if (arm, name) in own.index]
        told = [f"{cell['mean']:.3f} [{cell['low']:.3f}, {cell['high']:.3f}]" for cell in cells]
        lines.append(f"  {arm:20}" + "".join(f"{cell:>24}" for cell in told or ["no finished run"]))
    result = {
        "study": str(folder),
        "scenario": found.config.run.scenario,
        "generations": {arm: found.plan[arm]["generations"] for arm in study.arms},
        "table": found.table.to_dict("records"),
        "summary": summary.to_dict("records"),
        "files": [str(path) for path in paths],
        "failed": failed,
        "warnings": warnings,
    }
    _print(result, [*lines, *paths], options)
    return 1 if failed else 0


def _scenarios(options: argparse.Namespace) -> int:
    """Tell what scenarios there are, each with a picture of its world number 0."""
    import numpy as np
    from rich.console import Console
    from rich.markup import escape

    from analysis.story import Frame
    from analysis.terminal import blocks
    from world import scenarios
    from world.recording import scene_of
    from world.splits import COMPOSITIONS, TRAIN

    described = []
    console = Console(highlight=False)
    for sentence in scenarios.broken():
        _tell(sentence, 0)
    for scenario in map(scenarios.get, scenarios.names()):
        known = scenario.splits  # of a single attribute nothing can be held out
        goals = {split: len(scenario.meanings(split)) if split in known else 0 for split in (TRAIN, COMPOSITIONS)}
        described.append(
            {
                "name": scenario.name,
                "summary": scenario.summary,
                "attributes": {attribute.name: list(attribute.values) for attribute in scenario.attributes},
                "agents": scenario.num_agents,
                "steps": scenario.num_steps,
                "goals": goals,
                "splits": list(scenario.splits),
                "variants": list(scenario.variants),
                "chance": scenario.chance_success(),
            }
        )
        if options.json:
            continue
        console.print(f"[bold]{scenario.name}[/bold]: {escape(scenario.summary)}")
        agents = f"{scenario.num_agents} agents" if scenario.num_agents > 1 else "one agent"
        console.print(f"{agents}, at most {scenario.num_steps} steps", style="dim")
        for attribute in scenario.attributes:
            console.print(f"  {attribute.name}: {', '.join(attribute.values)}")
        if scenario.has_guide:
            console.print(
                f"  {goals[TRAIN]} goals to train on, {goals[COMPOSITIONS]} held out; "
                f"without talk at best {scenario.chance_success():.3f}"
            )
        console.print(f"  splits: {', '.join(scenario.splits)}")
        if scenario.variants:
            console.print(f"  also: {', '.join(scenario.variants)}")
        frame = Frame(0, scene_of(scenario.generate(np.array([0]), "train"), 0), (), (), ())
        console.print(blocks(frame, has_colour=console.color_system is not None))
    return _print({"scenarios": described}, [], options)


def _puzzles(options: argparse.Namespace) -> int:
    """Write generated puzzles to files."""
    from analysis.puzzles import write_puzzles

    with _progress("start again with a new folder") as progress:
        found = write_puzzles(
            options.to, options.count, options.split, options.first, options.per_file, progress.tell_share
        )
    refused = ", ".join(f"{number:,} {reason}" for reason, number in found["refused"].items())
    depths = ", ".join(f"{number:,} of {depth}" for depth, number in found["depths"].items())
    lines = [
        f"{found['puzzles']:,} puzzles of split {found['split']} in {found['folder']}, by steps: {depths}",
        f"programs: {refused}",
    ]
    return _print(found, lines, options)


def _solve(options: argparse.Namespace) -> int:
    """Solve the tasks of a file."""
    from analysis.puzzles import draw_all, lines_of, solve_all, submission_of, summary
    from evolution.storage import write_bytes
    from world.puzzles.tasks import read_tasks

    # before any search, that none is in vain
    if options.submission and not Path(options.submission).absolute().parent.is_dir():
        raise ValueError(f"--submission must be a file in a folder that there is, got {options.submission}")
    if options.draw and os.path.lexists(options.draw) and not Path(options.draw).is_dir():
        raise ValueError(f"--draw must be a folder, but {options.draw} is something else")
    tasks, refused = read_tasks(options.file)
    for sentence in refused:
        _tell(sentence, 0)
    mind = _puzzle_mind(options.mind)
    with _progress("nothing was written") as progress:
        solved = solve_all(tasks, options.seconds, mind, progress.tell_share)
    found = summary(solved) | {"refused": refused, "results": [one.row() for one in solved]}
    lines = [line for one in solved for line in lines_of(one)]
    if options.submission:
        write_bytes(options.submission, json.dumps(submission_of(solved)).encode())
        lines.append(f"answers: {options.submission}")
    if options.draw:
        lines.append(f"pictures: {len(draw_all(solved, options.draw))} in {options.draw}")
    _print(found, [*lines, _puzzle_line(found)], options)
    return 2 if refused else 0


def _puzzle_line(found: dict[str, Any]) -> str:
    judged = found["judged"]
    at = ", ".join(f"@{k} {found[f'solved_at_{k}']}" for k in (1, 2, 3))
    return (
        f"{found['tasks']} tasks, {judged} of them with known answers, solved {at}; "
        f"{found['cpu_seconds_per_task']:.2f} CPU s a task, {found['median_nodes']:,.0f} pictures (median)"
    )


def _puzzle_mind(folder: str | None) -> Any:
    if folder is None:
        return None
    from evolution.learn_puzzles import read_mind
    from evolution.machine import prepare

    prepare(threads=1)
    return read_mind(folder)


def _eval_puzzles(options: argparse.Namespace) -> int:
    """Tell how many puzzles of a set are solved before and after training."""
    from analysis.puzzles import WAYS, compare, solve_all, summary
    from world.puzzles.generator import puzzles
    from world.puzzles.tasks import read_tasks

    others = {"--split": "train", "--channel": "on", "--pairs": False, "--language": False}
    for flag, usual in others.items():
        if getattr(options, flag[2:]) != usual:
            raise ValueError(f"{flag} is about populations, and does not go with --puzzles")
    ways = options.ways.split(",") if options.ways else []
    for way in ways:
        if way not in WAYS:
            raise ValueError(f"--ways must be some of {', '.join(WAYS)}, got {way!r}")
        if way != "plain" and options.folder is None:
            raise ValueError(f"the way {way!r} needs a mind, as `boxlings eval MIND --puzzles SET`, got none")
    refused: list[str] = []
    if options.puzzles in SPLITS:
        count = options.worlds or _PUZZLES
        first = options.seed * count
        tasks = [puzzle.task for puzzle in puzzles(range(first, first + count), options.puzzles)]
    else:
        tasks, refused = read_tasks(options.puzzles)
        for sentence in refused:
            _tell(sentence, 0)
    if "misled" in ways and len(tasks) < 2:  # before the other ways take their time
        raise ValueError(f"the way 'misled' needs two puzzles or more, so that one's hint misleads, got {len(tasks)}")
    found: dict[str, Any] = {"puzzles": options.puzzles, "seconds": options.seconds, "refused": refused}
    lines = []
    mind = _puzzle_mind(options.folder)
    solved = {}
    with _progress("nothing was written") as progress:
        for name, way in (("before", "plain"), ("after", "ordered")):
            if name == "after" and mind is None:
                continue
            solved[way] = solve_all(tasks, options.seconds, mind, progress.tell_share, way)
            found[name] = summary(solved[way])
            lines.append(f"{name} training: {_puzzle_line(found[name])}")
        for way in ways:
            if way not in solved:
                solved[way] = solve_all(tasks, options.seconds, mind, progress.tell_share, way)
                lines.append(f"{WAYS[way]}: {_puzzle_line(summary(solved[way]))}")
    if mind is not None:
        from population.puzzle_mind import HINT_BITS

        found["ways"] = {way: summary(some) for way, some in solved.items()}
        found["hint_bits"] = HINT_BITS
        found |= (against := compare(solved["plain"], solved["ordered"]))
        if against["times_fewer_nodes"]:
            lines.append(
                f"of {against['solved_by_both']} solved before and after: {against['nodes_before']:,} pictures before, "
                f"{against['nodes_after']:,} after, {against['times_fewer_nodes']:.1f} times fewer"
            )
    _print(found, lines, options)
    return 2 if refused else 0


_SHELLS = ("bash", "zsh", "tcsh")


def _completion(options: argparse.Namespace) -> int:
    """Print a script that completes the command line."""
    import shtab

    print(shtab.complete(_parser()[0], shell=options.shell))
    return 0


# ---- what commands share ----


def _live_through(work: Callable[[_Progress], Path], options: argparse.Namespace) -> int:
    """Do the work of a run, draw its pictures, print how it ended."""
    with _progress() as progress:
        folder = work(progress)
    from analysis.run import load_run
    from world import scenarios

    run = load_run(folder)
    try:
        pictures = {} if options.no_pictures else _draw(run)
    except KeyboardInterrupt:
        raise _Stopped(f"the run is whole, only its pictures are missing: `boxlings plot {folder}`") from None
    except Exception as error:  # whatever it is, the run is on disk, and its numbers are still to be told
        _tell(f"the run is whole, but its pictures could not be drawn ({type(error).__name__}: {error})", 0)
        pictures = {}
    last = run.generations.iloc[-1]
    told = {name: float(last.get(name, math.nan)) for name, _ in _TOLD}
    num_worlds = int(run.config["live_worlds"]) * int(run.config["population"])
    found = {
        "run": str(folder),
        "scenario": run.config["scenario"],
        "seed": run.config["seed"],
        "generation": int(run.generations.index[-1]),
        "population": run.config["population"],
        "worlds": num_worlds,
        **told,
        "figures": pictures.get("figures"),
        "replay": pictures.get("replay"),
        "report": pictures.get("report"),
    }
    lines = [
        f"{found['scenario']}, generation {found['generation']}, {found['population']} boxlings; "
        f"success over {num_worlds} worlds:"
    ]
    # where nobody guides there is no talk to tell of
    talks = scenarios.get(run.config["scenario"]).has_guide
    for name, label in _TOLD if talks else (("success", "success"), ("success_held_out", "held-out worlds")):
        lines.append(f"  {label:<18} {_number(told[name])}")
    lines += [f"run      {folder}"]
    if pictures:
        lines += [f"figures  {folder / 'plots'}/*.png", f"report   {pictures['report']}"]
    if pictures.get("replay"):
        lines += [f"replay   {pictures['replay']}"]
    return _print(found, lines, options)


_TOLD = (
    ("success", "talking"),
    ("success_muted", "muted"),
    ("success_shuffled", "words shuffled"),
    ("success_held_out", "held-out goals"),
    ("chance", "best without talk"),
)


def _draw(run: Run) -> dict[str, Any]:
    """Figures, replay and report of a run; the paths of what was drawn."""
    from analysis.figures import write_plots
    from analysis.replay import film, to_gif
    from analysis.report import write_report

    drawn: dict[str, Any] = {"figures": [str(path) for path in write_plots(run)], "replay": None}
    if run.generation_numbers:
        drawn["replay"] = str(to_gif(run.folder / "plots" / "replay.gif", film(run.episodes())))
    drawn["report"] = str(write_report(run))
    return drawn


def _population(path: str) -> tuple[dict[str, Any], PolicySpec, Any, Scenario, LanguageAgents | None]:
    """A checkpoint's description, network sizes, genomes, scenario, and boxlings that are a language model.

    ValueError if these do not fit.
    """
    from evolution.minds import minds_of_checkpoint
    from evolution.run import find_checkpoint, load_population
    from evolution.storage import list_checkpoints
    from world import scenarios

    folder = find_checkpoint(path)
    if folder != Path(path):
        for newer in list_checkpoints(folder.parent):
            if int(newer.name) > int(folder.name):
                _tell(f"{newer} is damaged, so the checkpoint before it is used", 0)
    try:
        description, spec, genomes = load_population(folder)
        scenario = scenarios.get(description["scenario"])
        _ = description["generation"], description["hearing_radius_cells"]
    except (KeyError, TypeError) as error:  # whole, but not as our runs describe a population
        raise ValueError(f"{folder} holds no population of this version: {error} in config.json") from None
    asked = (scenario.attribute_sizes, scenario.num_actions, scenario.num_looks, scenario.view_shape)
    got = (spec.attribute_sizes, spec.num_actions, spec.num_looks, spec.view_shape)
    if asked != got:
        raise ValueError(f"{folder} does not fit scenario {scenario.name}: expected sizes {asked}, got {got}")
    num_parameters = spec.layout().num_parameters
    if genomes.ndim != 2 or not len(genomes) or genomes.shape[1] != num_parameters:
        raise ValueError(
            f"{folder} does not fit its own description: expected genomes of {num_parameters} parameters, "
            f"got an array of shape {genomes.shape}"
        )
    return description, spec, genomes, scenario, minds_of_checkpoint(folder, spec, scenario)


def _print(found: dict[str, Any], lines: Sequence[object], options: argparse.Namespace) -> int:
    """The result on stdout: one JSON object if asked for, otherwise lines. Returns the status, 0."""
    if options.json:
        print(json.dumps(_without_nan(found)))
    else:
        for line in lines:
            print(line)
    return 0


def _without_nan(value: Any) -> Any:
    """JSON has no nan: what was not measured is null."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float | None) -> str:
    return "not measured" if value is None or math.isnan(value) else f"{value:.3f}"


# ---- progress ----


@contextmanager
def _progress(how_to_go_on: str | None = None) -> Iterator[_Progress]:
    """A listener for a run; an interruption is told, with `how_to_go_on` in place of the run's own advice."""
    from evolution.run import Interrupted

    progress = _Progress()
    try:
        yield progress
    except Interrupted as stop:
        raise _Stopped(f"stopped; {how_to_go_on}" if how_to_go_on else str(stop)) from None
    finally:
        progress.close()


class _Progress:
    """Tells on stderr how a run goes: one live line in a terminal, elsewhere a line each tenth of the run."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        from world import compiling

        self.console = Console(stderr=True, highlight=False)
        self.live: Live | None = None
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self.live = Live(console=self.console, transient=True, redirect_stdout=False)
            self.live.start()
        self.began: tuple[float, int] | None = None  # seconds on the clock, generations done by then
        self.tenth = -1  # of the run, last told
        self.text = ""  # last told, without its numbers
        self.measures: dict[str, float] = {}  # the newest of each: some are not measured every generation
        self.told_before = compiling.show
        compiling.show = self._tell_compiling

    def __call__(self, report: Report) -> None:
        if report.is_news:
            self._print(report.text)
            return
        if report.text:
            self._tell_text(report.text)
            self.began = (time.monotonic(), report.generation)
            return
        if math.isnan(report.agent_steps_per_second):
            return  # the last judgement: its numbers are the result
        line = self._line(report)
        tenth = 10 * report.generation // report.num_generations
        if self.live is not None:
            self._show(line, report.generation / report.num_generations)
        elif tenth > self.tenth:
            self._print(line)
        self.tenth = tenth

    def tell_share(self, share: float, text: str) -> None:
        """The same of other work: how far it is."""
        if self.live is not None:
            self._show(text, share)
        else:
            self._tell_text(text)

    def tell_study(self, progress: StudyProgress) -> None:
        """The same of a study: news as lines, how things stand as the live line."""
        if progress.is_news:
            self._print(progress.text)
        elif self.live is not None:
            self._show(progress.text, progress.share)

    def close(self) -> None:
        """End the live line; who waits for kernels later is told as before."""
        from world import compiling

        compiling.show = self.told_before
        if self.live is not None:
            self.live.stop()

    def _tell_compiling(self, text: str) -> None:
        if self.live is not None:
            self._show(text or "going on", 0.0)
        elif text and self.text != "compiling":
            self._print("compiling kernels, once after an installation: this takes up to half a minute")
            self.text = "compiling"

    def _tell_text(self, text: str) -> None:
        what = re.sub(r"[\d.]+", "", text)
        if what != self.text:
            self._print(text)
        elif self.live is not None:
            self._show(text, 0.0)
        self.text = what

    def _line(self, report: Report) -> str:
        now = time.monotonic()
        if self.began is None:  # a resumed run: we do not know when this generation began
            self.began = (now, report.generation)
        done = report.generation - self.began[1]
        left = (report.num_generations - report.generation) * (now - self.began[0]) / max(done, 1)
        self.measures |= report.measures
        told = [f"generation {report.generation}/{report.num_generations}"]
        for name, label in (
            ("fitness_mean", "fitness"),
            ("success", "success"),
            ("understanding", "understanding"),
            ("symbols_in_use", "symbols"),
        ):
            if name in self.measures:  # where nobody guides, nobody understands and no symbols are in use
                told.append(f"{label} {self.measures[name]:.2f}")
        told.append(f"{report.agent_steps_per_second:,.0f} agent-steps/s")
        if done:
            told.append(f"{timedelta(seconds=round(left))} left")
        return "  ".join(told)

    def _show(self, line: str, share: float) -> None:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        row = Table.grid(padding=(0, 1))
        row.add_row(ProgressBar(1.0, share, width=12), Text(line, no_wrap=True, overflow="ellipsis"))
        assert self.live is not None
        self.live.update(row, refresh=True)

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False, soft_wrap=True)


# ---- the command line ----


class _Parser(argparse.ArgumentParser):
    """argparse, but a mistake is one sentence: what was expected, and what came."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, **options})

    def error(self, message: str) -> typing.NoReturn:
        message = message.removeprefix("argument ")
        message = message.replace("expected one argument", "expected a value, got none")
        message = message.replace("ignored explicit argument", "expected no value, got")
        if (missing := message.removeprefix("the following arguments are required: ")) != message:
            message = f"expected {missing}, got none"
        raise ValueError(f"{message} (see `{self.prog} --help`)")

    def refuse(self, unknown: str) -> typing.NoReturn:
        """Tell of an argument that nobody takes."""
        if not unknown.startswith("-"):
            self.error(f"expected no further argument, got {unknown!r:.60}")
        flag = unknown.partition("=")[0]
        known = [string for action in self._actions for string in action.option_strings]
        self.error(f"there is no option {flag:.60}{_did_you_mean(flag, known)}")


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser, commands = _parser()
    if not arguments:
        raise ValueError(f"expected a command ({', '.join(commands)}), got none (see `boxlings --help`)")
    if not arguments[0].startswith("-") and arguments[0] not in commands:
        raise ValueError(
            f"expected a command ({', '.join(commands)}), got {arguments[0]!r:.60}"
            f"{_did_you_mean(arguments[0], commands)}"
        )
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        command = commands.get(arguments[0], parser)
        command.refuse(unknown[0])
    return options


def _did_you_mean(text: str, known: typing.Iterable[str]) -> str:
    close = get_close_matches(text, list(known), n=1)
    return f", did you mean {close[0]}?" if close else ""


def _parser() -> tuple[_Parser, dict[str, _Parser]]:
    """The parser of the command line, and the parser of each command."""
    parser = _Parser(
        prog="boxlings",
        description="Small neural agents share worlds of coloured boxes, learn to talk, and live or die by "
        "what they achieve.",
        epilog="`boxlings COMMAND --help` tells more. From a script: from boxlings import RunConfig, evolve, load_run",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    kinds = parser.add_subparsers(metavar="COMMAND", parser_class=_Parser)
    commands: dict[str, _Parser] = {}

    def command(name: str, carry_out: Callable[[argparse.Namespace], int], text: str) -> _Parser:
        commands[name] = kinds.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        commands[name].set_defaults(command=carry_out)
        return commands[name]

    def generations(parser: _Parser, text: str) -> None:
        parser.add_argument("--generations", type=_whole, metavar="N", help=text)

    def no_pictures(parser: _Parser) -> None:
        text = "leave out the figures, the replay and the report at the end"
        parser.add_argument("--no-pictures", action="store_true", help=text)

    run = command("run", _run, "evolve a population in a new run folder")
    run.usage = "boxlings run [SCENARIO] [--out PATH] [--seed N] [--generations N] [--population N] ..."
    no_pictures(run)
    _add_json(run)
    _add_run_options(run)

    resume = command("resume", _resume, "continue a run from its newest whole checkpoint")
    resume.add_argument("folder", metavar="DIR", help="the run's folder")
    generations(resume, "a new end of the run, in place of the old one")
    no_pictures(resume)
    _add_json(resume)

    evaluate = command("eval", _eval, "measure the success of a population on fresh worlds")
    text = "a run, for its newest checkpoint, or a checkpoint folder"
    evaluate.add_argument("folder", metavar="DIR|CKPT", nargs="?", help=f"{text}; with --puzzles a trained mind")
    text = "what was trained on, or what never was: goals, worlds, sizes, shapes or laws (default: train)"
    _add_choice(evaluate, "--split", SPLITS, text, default="train")
    text = "mute: nothing is heard; shuffle: the words of another world are heard (default: on)"
    _add_choice(evaluate, "--channel", ("on", "mute", "shuffle"), text, default="on")
    text = f"worlds in all, rounded up to the same number for every boxling (default: {_WORLDS}; {_PUZZLES} puzzles)"
    evaluate.add_argument("--worlds", type=_at_least(1), metavar="N", help=text)
    text = "which worlds (default: 0)"
    evaluate.add_argument("--seed", type=_at_least(0), default=0, metavar="N", help=text)
    text = "also the success of every guide with every builder, of familiar pairs and of strangers"
    evaluate.add_argument("--pairs", action="store_true", help=text)
    text = "also the language: its structure, what words cause, who understands it, how fast newborns learn it"
    evaluate.add_argument("--language", action="store_true", help=text)
    text = "solve puzzles instead, before and after training: a split of generated ones (--worlds many), or a file"
    evaluate.add_argument("--puzzles", metavar="SET", help=f"{text} of ARC tasks")
    text = "with --puzzles, other ways of solving them: imagined and alone; hinted, deaf and misled"
    evaluate.add_argument("--ways", metavar="NAME,...", help=text)
    _add_seconds(evaluate)
    _add_json(evaluate)

    text = "draw DIR/plots/*.png: fitness, vocabulary, lineage, experts, lexicon, words"
    plot = command("plot", _plot, text)
    plot.add_argument("folder", metavar="DIR", help="the run's folder")
    _add_choice(plot, "--format", ("png", "svg"), "of the files (default: png)", default="png")
    text = "other runs of the scenario, whose languages are compared with this one's: plots/language-distance.png"
    plot.add_argument("--beside", nargs="+", default=[], metavar="OTHER", help=text)
    _add_json(plot)

    text = "write one self-contained page with figures and replays, or with several runs side by side"
    report = command("report", _report, text)
    text = "the run's folder; of several runs, those with the same options are seeds of one group"
    report.add_argument("folders", nargs="+", metavar="DIR", help=text)
    text = "the page (default: DIR/report.html; of several runs comparison.html beside the first)"
    report.add_argument("--out", metavar="FILE", help=text)
    _add_json(report)

    replay = command("replay", _replay, "show recorded episodes, or check them against the simulator")
    replay.add_argument("folder", metavar="DIR", help="the run's folder")
    replay.add_argument("--generation", type=_whole, metavar="G", help="(default: the last recorded one)")
    text = "(default: the first one in a terminal, all elsewhere)"
    replay.add_argument("--episode", type=_whole, metavar="K", help=text)
    text = "where it is shown (default: terminal, where keys lead on and back)"
    _add_choice(replay, "--to", ("terminal", "gif", "mp4", "html"), text)
    text = "of --to gif, mp4 and html (default: DIR/plots/replay-GENERATION.gif, .mp4 or .html)"
    replay.add_argument("--out", metavar="FILE", help=text)
    text = "the episodes side by side, in place of one after the other"
    replay.add_argument("--grid", action="store_true", help=text)
    text = "the line of ancestors of the fittest of the last generation, an episode each; side by side in films"
    replay.add_argument("--ancestors", action="store_true", help=text)
    text = "with --ancestors: of another one, living or dead"
    replay.add_argument("--boxling", type=_whole, metavar="ID", help=text)
    text = "simulate again and compare: all episodes, or those of --generation and --episode"
    replay.add_argument("--verify", action="store_true", help=text)
    _add_json(replay)

    watch = command("watch", _watch, "follow a run in the terminal while it goes on elsewhere")
    watch.add_argument("folder", metavar="DIR", help="the run's folder")
    text = "seconds between two looks (default: 1)"
    watch.add_argument("--every", type=_fraction, default=1.0, metavar="X", help=text)
    watch.add_argument("--once", action="store_true", help="show how it is now, and end")
    text = "also keep the measures up to date there, as TensorBoard events"
    watch.add_argument("--tensorboard", metavar="FOLDER", help=text)

    export = command("export", _export, "write a run's data for other programs: tables, episodes, events")
    export.add_argument("folder", metavar="DIR", help="the run's folder")
    text = "csv and parquet: a file a table; minari: recorded episodes; tensorboard: measures (default: parquet)"
    _add_choice(export, "--to", ("csv", "parquet", "minari", "tensorboard"), text)
    text = "the fittest checkpoint as a model, with a card of what it achieves, in a new folder (DIR/export/model)"
    export.add_argument("--best", action="store_true", help=text)
    text = "with --best: of the model, for its card (default: apache-2.0)"
    export.add_argument("--licence", "--license", metavar="NAME", help=text)
    text = "a folder, in which older files of these names are replaced (default: DIR/export/FORMAT)"
    export.add_argument("--out", metavar="FOLDER", help=text)
    _add_json(export)

    text = "tell from whom the fittest boxling of the last generation descends, and which clans there are"
    lineage = command("lineage", _lineage, text)
    lineage.add_argument("folder", metavar="DIR", help="the run's folder")
    lineage.add_argument("--boxling", type=_whole, metavar="ID", help="another one, living or dead")
    _add_json(lineage)

    text = "train a founder by learning only, or a language model, for the --seed-from of later runs"
    pretrain = command("pretrain", _pretrain, text)
    pretrain.add_argument("scenario", metavar="SCENARIO", help="see `boxlings scenarios`; or puzzles, for a mind")
    text = "policy: boxlings; lm: a small language model of worlds; vlm: one that sees pictures (default: policy)"
    _add_choice(pretrain, "--as", ("policy", "lm", "vlm"), text, default="policy", dest="kind")
    pretrain.add_argument("--out", required=True, metavar="FOLDER", help="the new model's folder")
    text = "of language models: batches that they learn from (default: 2000)"
    pretrain.add_argument("--steps", type=_at_least(1), metavar="N", help=text)
    text = "generated puzzles that a mind for puzzles learns from (default: 60000)"
    pretrain.add_argument("--puzzles", type=_at_least(1), metavar="N", help=text)
    text = "of a mind for puzzles: rounds in which it learns from what its own search solves (default: 1)"
    pretrain.add_argument("--rounds", type=_at_least(0), metavar="N", help=text)
    text = "of a mind for puzzles: tasks of yours that its search is asked to solve too, a file or a folder"
    pretrain.add_argument("--tasks", metavar="FILE", help=text)
    pretrain.add_argument("--seed", type=_at_least(0), default=0, metavar="N", help="(default: 0)")
    generations(pretrain, f"({_default_in_words('generations', None)})")
    _add_json(pretrain)

    text = "write generated puzzles, with what is known of each, as files of ARC tasks"
    made = command("puzzles", _puzzles, text)
    made.add_argument("--count", type=_at_least(1), required=True, metavar="N", help="how many")
    made.add_argument("--to", required=True, metavar="FOLDER", help="a new folder for them")
    text = "what minds are trained on, or what is held out of it (default: train)"
    _add_choice(made, "--split", SPLITS, text, default="train")
    made.add_argument("--first", type=_at_least(0), default=0, metavar="N", help="number of the first (default: 0)")
    text = "puzzles a file (default: 10000); with 1 a file is a task, and has its name"
    made.add_argument("--per-file", type=_at_least(1), default=10_000, metavar="N", help=text)
    _add_json(made)

    solve = command("solve", _solve, "find programs for ARC tasks, and tell and draw what they do")
    solve.add_argument("file", metavar="FILE", help="a file of one task or of many, or a folder of such files")
    _add_seconds(solve)
    text = "a mind trained with `boxlings pretrain puzzles`, which orders the search"
    solve.add_argument("--mind", metavar="FOLDER", help=text)
    solve.add_argument("--draw", metavar="FOLDER", help="draw each task, its answer and the truth as PNG")
    solve.add_argument("--submission", metavar="FILE", help="write the two best answers as ARC Prize takes them")
    _add_json(solve)

    study = command("study", _study, "compare arms, ways to run, by several seeds that may all spend the same")
    study.usage = (
        "boxlings study [SCENARIO] --out DIR (--cpu-seconds X | --generations N) [--seeds N] [--arms NAME,...] ..."
    )
    study.formatter_class = argparse.RawDescriptionHelpFormatter
    study.epilog = "\n".join(["arms:", *(f"  {arm.name:20}{arm.summary}" for arm in ARMS.values())])
    text = "the study's folder; one that was stopped goes on with the same command"
    study.add_argument("--out", required=True, metavar="DIR", help=text)
    text = f"ways to run, the first is what others are compared with (default: {','.join(ARMS)})"
    study.add_argument("--arms", default=",".join(ARMS), metavar="NAME,...", help=text)
    text = "runs of each arm, with seeds 0, 1, ... (default: 5)"
    study.add_argument("--seeds", type=_at_least(1), default=5, metavar="N", help=text)
    text = "that every run may spend; how many generations that pays for is measured first"
    study.add_argument("--cpu-seconds", type=_fraction, metavar="X", help=text)
    generations(study, "of every run, in place of --cpu-seconds")
    text = "in which each last population is judged (default: 2048)"
    study.add_argument("--worlds", type=_at_least(1), default=2048, metavar="N", help=text)
    text = "runs at once, with one thread each (default: as many as there are cores)"
    study.add_argument("--processes", type=_at_least(1), metavar="N", help=text)
    _add_json(study)
    _add_run_options(study, leaving_out=("out", "seed", "generations", "threads"))

    text = "print what completes commands and options with the tab key, for a shell to read"
    completion = command("completion", _completion, text)
    completion.add_argument("shell", type=_one_of(_SHELLS), metavar="|".join(_SHELLS))
    completion.epilog = "for bash: boxlings completion bash > ~/.local/share/bash-completion/completions/boxlings"

    _add_json(command("scenarios", _scenarios, "tell what scenarios there are, with a picture of each"))
    return parser, commands


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"boxlings {version('boxlings')}")
        parser.exit()


def _add_seconds(parser: _Parser) -> None:
    parser.add_argument("--seconds", type=_above_zero, default=2.0, metavar="X", help="of CPU a puzzle (default: 2)")


def _add_json(parser: _Parser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def _add_choice(group: Any, flag: str, names: tuple[str, ...], text: str, **options: Any) -> None:
    group.add_argument(flag, type=_one_of(names), metavar="|".join(names), help=text, **options)


_OPTION = "config."  # how the names of parsed options begin that are a run's


def _add_run_options(parser: _Parser, leaving_out: tuple[str, ...] = ()) -> None:
    """A flag for every field of RunConfig and of its parts; what is not given is left to RunConfig."""
    text = f"see `boxlings scenarios` (default: {RunConfig.scenario})"
    parser.add_argument(f"{_OPTION}scenario", nargs="?", default=RunConfig.scenario, metavar="SCENARIO", help=text)
    kinds = typing.get_type_hints(RunConfig)
    parts = [name for name, kind in kinds.items() if is_dataclass(kind)]
    _add_flags(parser, RunConfig, leaving_out=("scenario", *parts, *leaving_out))
    for name in parts:
        group = parser.add_argument_group(name, _one_line(inspect.getdoc(kinds[name])))
        _add_flags(group, kinds[name])


def _add_flags(group: Any, part: Any, leaving_out: tuple[str, ...] = ()) -> None:
    """A flag for every other field of a dataclass, with its comment as help."""
    kinds, comments = typing.get_type_hints(part), _comments(part)
    for field in fields(part):
        if field.name in leaving_out:
            continue
        kind = kinds[field.name]
        possible = (kind, *typing.get_args(kind))  # kind may be a union with None
        flag = f"--{field.name.replace('_', '-')}"
        default = _default_in_words(field.name, field.default)
        text = f"{comments.get(field.name, '')} {default and f'({default})'}".strip().replace("%", "%%")
        shared: dict[str, Any] = {"dest": f"{_OPTION}{field.name}", "default": argparse.SUPPRESS}
        if kind is bool:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, help=text, **shared)
        elif typing.get_origin(kind) is tuple:
            metavar = "PATH" if field.name == "seed_from" else "NAME"
            group.add_argument(flag, action="append", metavar=metavar, help=f"{text}; may be given again", **shared)
        elif field.name == "strategy":  # of your own, too
            names = "|".join(typing.get_args(kind))
            group.add_argument(flag, type=_strategy, metavar=names, help=text, **shared)
        elif typing.get_origin(kind) is typing.Literal:
            _add_choice(group, flag, typing.get_args(kind), text, **shared)
        elif int in possible:
            group.add_argument(flag, type=_whole, metavar="N", help=text, **shared)
        elif float in possible:
            group.add_argument(flag, type=_fraction, metavar="X", help=text, **shared)
        else:
            group.add_argument(flag, metavar="PATH", help=text, **shared)


def _default_in_words(name: str, default: object) -> str:
    """What help says of an option's default; "" where there is none.

    >>> _default_in_words("population", 8), _default_in_words("mutation", True)
    ('default: 8', 'default: on')
    >>> _default_in_words("out", None)
    ''
    """
    if default == ():
        return ""
    if default is None:
        of_scenario = {scenario: options[name] for scenario, options in DEFAULTS.items() if name in options}
        values = set(of_scenario.values())
        if len(values) < 2:
            return f"default: {values.pop()}" if values else ""
        usual = max(of_scenario.values(), key=list(of_scenario.values()).count)
        others = "".join(f", {value} in {scenario}" for scenario, value in of_scenario.items() if value != usual)
        return f"default: {usual}{others}"
    return f"default: {'on' if default is True else 'off' if default is False else default}"


def _comments(kind: Any) -> dict[str, str]:
    """What the comment behind each field of a dataclass says."""
    try:
        source = inspect.getsource(kind)
    except OSError:  # installed without sources: help is shorter, all else works
        return {}
    return dict(re.findall(r"^    (\w+): .*?  # (.*)$", source, re.MULTILINE))


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r:.60}") from None


def _strategy(text: str) -> str:
    try:
        check_strategy_name(text)
    except ValueError as error:
        sentence = str(error).replace("strategy must be one of", "expected one of")
        raise argparse.ArgumentTypeError(sentence) from None
    return text


def _at_least(low: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        value = _whole(text)
        if value < low:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {low}, got {value}")
        return value

    return convert


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r:.60}")
    return value


def _above_zero(text: str) -> float:
    value = _fraction(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r:.60}")
    return value


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"expected one of {', '.join(names)}, got {text!r:.60}")
        return text

    return convert


if __name__ == "__main__":
    sys.exit(main())
