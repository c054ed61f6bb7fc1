"""The command, from outside: all it can do on a tiny run, all wrong input, Ctrl-C; the same from a script."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import importlib.metadata
import json
import math
import multiprocessing
import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
import typing
from pathlib import Path

import numpy as np
import pytest

import boxlings
from analysis.run import load_run
from evolution.arms import ARMS
from evolution.config import DEFAULTS
from evolution.records import write_episodes
from evolution.run import Report, read_config
from evolution.storage import (
    MODEL_FILES,
    RunLock,
    newest_valid_checkpoint,
    read_checkpoint,
    read_toml,
    write_checkpoint,
    write_config_toml,
)
from language.words import word_tokenizer
from tests.evolution.conftest import FullDisk
from world import compiling

ROOT = Path(__file__).parents[1]
POPULATION, GENERATIONS = 4, 2
TINY = [
    "--population", str(POPULATION), "--generations", str(GENERATIONS), "--founder-rounds", "20",
    "--language-rounds", "2", "--language-batch", "16", "--acting-rounds", "1", "--acting-worlds", "2",
    "--live-worlds", "2", "--measure-every", "1", "--record-every", "1", "--recorded-episodes", "2",
]  # fmt: skip
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
FIGURES = (
    "fitness", "success", "vocabulary", "experts", "lineage", "family-tree", "lexicon", "words", "word-lives",
    "dialects",
)  # fmt: skip


def command_line(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "boxlings", *map(str, arguments)]


def in_a_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it."""
    return subprocess.run(command_line(*arguments), env=ENVIRONMENT, capture_output=True, text=True, timeout=300)


def fingerprint(folder: Path) -> dict[str, str]:
    """Every file below a folder, and the digest of its bytes."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def assert_refused(status: int, out: str, err: str, *parts: str) -> None:
    """Status 2, nothing on stdout, one sentence on stderr that has these parts."""
    assert status == 2, err
    assert out == ""
    assert err.startswith("boxlings: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert ". " not in err  # one sentence, not two
    for part in parts:
        assert part in err


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A run by the command, with pictures; tests must not change it."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    done = in_a_process("run", "guide", "--out", folder, "--seed", 3, *TINY)
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.fixture(scope="session")
def folder(finished) -> Path:
    return finished[0]


@pytest.fixture
def copy(folder, tmp_path) -> Path:
    """The same run, to be damaged."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


@pytest.fixture
def call(capsys):
    """The command within this process: quicker, and just as good where no process is at stake."""

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = boxlings.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return status, out, err

    return call


# ---- what is quick ----


def test_help_and_wrong_options_need_nothing_heavy():
    code = """
import sys, boxlings
for command in "run resume eval plot report replay lineage pretrain study scenarios".split() + [None]:
    try:
        boxlings.main([command, "--help"] if command else ["--help"])
    except SystemExit as end:
        assert end.code == 0
assert boxlings.main(["run", "--nonsense"]) == 2
assert boxlings.RunConfig(seed=1).seed == 1
heavy = {"torch", "numba", "mesa", "pyarrow", "pandas", "matplotlib", "numpy", "scipy"} & set(sys.modules)
print("heavy:", sorted(heavy))
"""
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.stdout.endswith("heavy: []\n"), done.stderr


def test_help_tells_meaning_and_default_of_options(capsys):
    with pytest.raises(SystemExit):
        boxlings.main(["run", "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert "--no-mutation copies of the best are mutated; off: they are exact (default: on)" in words
    assert "--population N boxlings, P (default: 8)" in words
    length = {name: options["message_length"] for name, options in DEFAULTS.items()}
    assert length == {
        "guide": 4, "carry": 4, "forage": 4, "sokoban": 1, "name": 6, "describe": 4, "refer": 4, "ask": 1,
        "committee": 6, "relay": 4,
    }  # fmt: skip
    assert "L, symbols in a message (default: 4, 1 in sokoban, 1 in ask, 6 in committee, 6 in name)" in words
    assert "--device cpu|cuda" in words


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit):
        boxlings.main(["--version"])
    assert capsys.readouterr().out == f"boxlings {importlib.metadata.version('boxlings')}\n"


def test_the_installed_command_is_this_one():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="boxlings")
    assert script.value == "boxlings:main"


class Caught(Exception):  # noqa: N818
    """Carries the options that reached `evolve`."""


def config_of(monkeypatch, *arguments: str) -> boxlings.RunConfig:
    """The configuration that `boxlings run ...` hands to `evolve`."""

    def catch(config, listener):
        raise Caught(config)

    monkeypatch.setattr("evolution.run.evolve", catch)
    with pytest.raises(Caught) as caught:
        boxlings.main(["run", *arguments])
    return caught.value.args[0]


def test_options_that_are_not_given_are_left_to_the_configuration(monkeypatch):
    assert config_of(monkeypatch) == boxlings.RunConfig()


def test_every_option_of_the_configuration_has_a_flag_that_reaches_it(monkeypatch):
    def other(value: object, kind: object) -> tuple[list[str], object]:
        """How to set a flag of this kind to something else than this value."""
        if kind is bool:
            return [], not value
        if typing.get_origin(kind) is typing.Literal:
            choice = next(name for name in typing.get_args(kind) if name != value)
            return [choice], choice
        if float in (kind, *typing.get_args(kind)):
            return ["0.375"], 0.375
        if int in (kind, *typing.get_args(kind)):
            return ["7"], 7
        return ["here"], "here"

    def check(owner: type, part: str | None) -> int:
        checked = 0
        for field in dataclasses.fields(owner):
            kind = typing.get_type_hints(owner)[field.name]
            if dataclasses.is_dataclass(kind):
                checked += check(kind, field.name)
                continue
            words, value = other(field.default, kind)
            flag = "--" + ("no-" if value is False else "") + field.name.replace("_", "-")
            given = words if field.name == "scenario" else [flag, *words]
            config = config_of(monkeypatch, *given)
            expected = dataclasses.replace(
                getattr(boxlings.RunConfig(), part) if part else boxlings.RunConfig(), **{field.name: value}
            )
            assert (getattr(config, part) if part else config) == expected
            checked += 1
        return checked

    assert check(boxlings.RunConfig, None) > 45


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ("", ["expected a command", "got none"]),
        ("rn guide", ["expected a command", "got 'rn'", "did you mean run?"]),
        ("--nonsense", ["no option --nonsense"]),
        ("run --populatoin 3", ["no option --populatoin", "did you mean --population?"]),
        ("run --pop 3", ["no option --pop"]),
        ("run guide name", ["expected no further argument, got 'name'"]),
        ("run --population three", ["--population: expected a whole number, got 'three'"]),
        ("run --population 2.5", ["--population: expected a whole number, got '2.5'"]),
        ("run --population", ["--population: expected a value, got none"]),
        ("run --population 0", ["population must be at least 1, got 0"]),
        ("run --seed -1", ["seed must be at least 0, got -1"]),
        ("run --learning-rate nan", ["--learning-rate: expected a number, got 'nan'"]),
        ("run --discount 1.5", ["discount must be in [0, 1], got 1.5"]),
        ("run --device gpu", ["--device: expected one of cpu, cuda, got 'gpu'"]),
        ("run --no-mutation=yes", ["--no-mutation: expected no value, got 'yes'"]),
        ("run --strategy luck", ["--strategy: expected one of truncation, tournament, age, ", "got 'luck'"]),
        ("run --tournament-size 1", ["tournament_size must be at least 2, got 1"]),
        ("run --revalidated-elites 9", ["revalidated_elites must be at most the population 8, got 9"]),
        ("resume", ["expected DIR, got none"]),
        (
            "eval x --split test",
            ["--split: expected one of train, held-out, held-out-seeds, ", "got 'test'"],
        ),
        ("eval x --channel off", ["--channel: expected one of on, mute, shuffle, got 'off'"]),
        ("eval x --worlds 0", ["--worlds: expected a whole number of at least 1, got 0"]),
        ("replay x --to pdf", ["--to: expected one of terminal, gif, mp4, html, got 'pdf'"]),
        ("replay x --out y.gif", ["--out goes with --to gif, mp4 or html, got --to terminal"]),
        ("replay x --json", ["--json goes with --to gif, mp4 or html, got --to terminal"]),
        ("replay x --verify --to gif", ["--verify goes without --to"]),
        ("replay x --grid", ["--grid goes with --to gif or --to mp4, got --to terminal"]),
        ("replay x --boxling 3", ["--boxling goes with --ancestors"]),
        ("replay x --ancestors --episode 3", ["--ancestors chooses the episodes"]),
        ("plot x --format pdf", ["--format: expected one of png, svg, got 'pdf'"]),
        ("pretrain guide", ["expected --out, got none"]),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(arguments, parts, call):
    assert_refused(*call(*arguments.split()), *parts)


LEVELS = """
; 0
#####
#@$.#
#####

; 1
######
#.$ @#
#  $.#
######
""" + "\n".join(f"; {k}\n#####{'#' * k}\n#@ $.{' ' * k}#\n#####{'#' * k}#\n" for k in range(8))

MORE = ("carry", "ask:2,3,3", "forage:competitive", "sokoban", "describe:2x4", "refer:2x4:3")


@pytest.mark.parametrize(
    "scenario",
    ["relay", "sokoban:FILE", "committee", *(pytest.param(name, marks=pytest.mark.slow) for name in MORE)],
)
def test_every_scenario_is_run_recorded_drawn_and_measured(scenario, call, tmp_path):
    (tmp_path / "levels.txt").write_text(LEVELS, encoding="utf-8")
    scenario = scenario.replace("FILE", str(tmp_path / "levels.txt"))
    folder = tmp_path / "run"
    is_blind = scenario.startswith(("describe", "refer", "ask"))
    if is_blind:
        told = "conv_channels, near_cells and query_heads must be 0 where there is nothing to see"
        assert_refused(*call("run", scenario, "--out", folder, *TINY, "--conv-channels", 3), told)
    status, out, err = call("run", scenario, "--out", folder, "--seed", 1, *TINY)
    assert status == 0, err
    assert ("words shuffled" in out) == (not scenario.startswith("sokoban"))
    assert (folder / "plots" / "replay.gif").stat().st_size > 1000
    status, out, err = call("replay", folder, "--verify")
    assert status == 0, err
    assert out == f"{6 + len(load_run(folder).remembered)} episodes, all exact\n"
    status, out, err = call("eval", folder, "--split", "held-out", "--worlds", 8, "--json")
    assert status == 0, err
    assert json.loads(out)["scenario"].partition("#")[0] == scenario
    status, out, err = call("replay", folder)
    assert (" says " in out) == (not scenario.startswith("sokoban"))
    if scenario.startswith("sokoban"):
        assert "named the goal" not in (folder / "report.html").read_text(encoding="utf-8")
        assert_refused(*call("eval", folder, "--pairs"), "has no guides, so there are no pairs to tell apart")
        assert_refused(*call("eval", folder, "--language"), "has no guides, so there is no language: got --language")
    if scenario == "forage:competitive":
        assert call("eval", folder, "--split", "held-out-families", "--worlds", 8)[0] == 0
    if "levels.txt" in scenario:
        assert_refused(*call("eval", folder, "--split", "held-out-families"), "must be one of train, held-out,")
        (tmp_path / "levels.txt").write_text(LEVELS.replace("#@$.#", "#@ $.#"), encoding="utf-8")
        assert_refused(*call("resume", folder, "--generations", 3), "have changed: expected those with the hash")
        (tmp_path / "levels.txt").unlink()
        assert_refused(*call("eval", folder), "cannot read the level file")


@pytest.mark.parametrize("command", ["resume", "eval", "plot", "report", "replay", "lineage"])
def test_a_missing_folder_and_one_without_a_run_are_refused(command, call, tmp_path):
    assert_refused(*call(command, tmp_path / "nowhere"), "nowhere")
    assert_refused(*call(command, tmp_path), str(tmp_path))
    assert list(tmp_path.iterdir()) == []


# ---- a run ----


def test_run_ends_with_a_table_and_the_places_of_figures_and_replay(finished):
    folder, done = finished
    last = load_run(folder).generations.iloc[-1]
    lines = done.stdout.splitlines()
    for label, name in (
        ("talking", "success"),
        ("muted", "success_muted"),
        ("words shuffled", "success_shuffled"),
        ("held-out goals", "success_held_out"),
        ("best without talk", "chance"),
    ):
        (line,) = (line for line in lines if line.strip().startswith(label))
        assert float(line.split()[-1]) == pytest.approx(last[name], abs=0.0005)
    assert f"figures  {folder / 'plots'}/*.png" in lines
    names = {path.name for path in (folder / "plots").iterdir()}
    assert names == {f"{figure}.png" for figure in FIGURES} | {"replay.gif"}
    for what in ("plots/replay.gif", "report.html"):
        assert any(line.endswith(str(folder / what)) for line in lines)
        assert (folder / what).stat().st_size > 1000


def test_run_writes_its_options_and_tells_its_progress_on_stderr(finished):
    folder, done = finished
    config = read_config(folder)
    assert (config.seed, config.population, config.learning.founder_rounds) == (3, POPULATION, 20)
    # the first command on a machine waits for kernels, and says so
    lines = [line for line in done.stderr.splitlines() if not line.startswith("compiling kernels")]
    assert [line.split("  ")[0] for line in lines[1:]] == ["generation 1/2", "generation 2/2"]
    for word in ("fitness", "success", "understanding", "symbols", "agent-steps/s", "left"):
        assert word in lines[1]
    assert "\x1b" not in done.stderr + done.stdout


def reports(num_generations: int) -> list[Report]:
    """What a listener is told of a run: the founder's childhood, the generations, the last judgement."""
    texts = [f"the founder learns to talk (surprise {i / 10:.2f} bits)" for i in range(30)]
    measures = {"fitness_mean": 0.25, "success": 0.5, "understanding": 0.75}
    told = [Report(0, num_generations, {}, math.nan, text) for text in texts]
    for generation in range(1, num_generations + 1):
        symbols = {"symbols_in_use": 7.0} if generation == 1 else {}
        told.append(Report(generation, num_generations, measures | symbols, 1234.5))
    return [*told, Report(num_generations, num_generations, measures, math.nan)]


def test_progress_without_a_terminal_is_a_line_each_tenth_of_the_run(capsys):
    with boxlings._progress() as progress:
        for report in reports(100):
            progress(report)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == "the founder learns to talk (surprise 0.00 bits)"
    assert len(lines) == 12
    told = "generation 50/100  fitness 0.25  success 0.50  understanding 0.75  symbols 7.00"
    assert lines[6].startswith(told + "  1,23")
    assert lines[6].endswith(" left")


def test_progress_in_a_terminal_is_one_live_line(capsys, monkeypatch):
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "150"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    with boxlings._progress() as progress:
        for report in reports(20):
            progress(report)
    out, err = capsys.readouterr()
    assert out == ""
    assert "generation 7/20  fitness 0.25  success 0.50  understanding 0.75  symbols 7.00" in err
    assert err.count("\n") <= 3  # one for the first text, and the line itself is rewritten in place
    assert err.rstrip().endswith("\x1b[2K")  # and gone at the end


def test_resume_goes_on_and_prints_one_object(copy):
    done = in_a_process("resume", copy, "--generations", GENERATIONS + 1, "--no-pictures", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    last = load_run(copy).generations.iloc[-1]
    assert found["generation"] == GENERATIONS + 1
    assert found["worlds"] == 2 * POPULATION
    assert [found[name] for name in ("figures", "replay", "report")] == [None] * 3
    for name in ("success", "success_muted", "success_shuffled", "success_held_out", "chance"):
        assert found[name] == pytest.approx(last[name])
    assert (found["run"], found["scenario"], found["seed"]) == (str(copy), "guide", 3)
    assert done.stdout.count("\n") == 1


def test_a_new_end_before_what_is_done_is_refused(copy, call):
    before = fingerprint(copy)
    assert_refused(*call("resume", copy, "--generations", 1), "at least the 2 that are done, got 1")
    assert fingerprint(copy) == before


def test_a_run_is_seeded_with_the_survivors_of_another(folder, tmp_path, call):
    out = tmp_path / "heirs"
    given = ["--seed-from", folder, *TINY, "--generations", 1, "--population", 6, "--no-pictures", "--json"]
    status, printed, _ = call("run", "--out", out, *given)
    assert status == 0
    assert json.loads(printed)["population"] == 6
    first = load_run(out).boxlings.query("generation == 0")
    assert first["origin"].tolist() == ["seed"] * 6
    _, theirs, _ = read_checkpoint(folder / "checkpoints" / f"{GENERATIONS:06d}")
    _, ours, _ = read_checkpoint(out / "checkpoints" / "000000")
    best = int(np.nanargmax(theirs["fitness"]))  # nan: born since they were judged
    np.testing.assert_array_equal(ours["genomes"][:POPULATION], theirs["genomes"])  # all, as they sat
    nearest = np.abs(theirs["genomes"] - ours["genomes"][POPULATION]).sum(axis=1).argmin()
    assert nearest == best  # whose copy comes first


def test_a_failure_in_pictures_loses_nothing(copy, call, monkeypatch):
    def fail(run):
        raise RuntimeError("no ink")

    monkeypatch.setattr("analysis.figures.write_plots", fail)
    status, out, err = call("resume", copy, "--json")
    assert status == 0
    assert json.loads(out)["figures"] is None
    assert err.splitlines()[-1].startswith("boxlings: the run is whole, but its pictures could not be drawn")
    assert "no ink" in err


def test_an_interruption_while_drawing_says_that_the_run_is_whole(copy, call, monkeypatch):
    def interrupt(run):
        raise KeyboardInterrupt

    monkeypatch.setattr("analysis.figures.write_plots", interrupt)
    status, out, err = call("resume", copy)
    assert (status, out) == (130, "")
    assert "the run is whole" in err.splitlines()[-1]


@pytest.mark.skipif(os.name == "nt", reason="signals of other systems")
def test_ctrl_c_saves_and_resume_finishes(tmp_path):
    folder = tmp_path / "run"
    arguments = command_line("run", "--out", folder, *TINY, "--generations", 1000, "--no-pictures", "--json")
    with subprocess.Popen(
        arguments, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(folder / "checkpoints" / "000002", process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert out == ""
    newest, warnings = newest_valid_checkpoint(folder / "checkpoints")
    assert newest is not None
    assert warnings == []
    done = int(newest.name)
    assert done >= 2
    assert err.splitlines()[-1] == (
        f"boxlings: stopped and saved after generation {done} of 1000; go on with `boxlings resume {folder}`"
    )
    resumed = in_a_process("resume", folder, "--generations", done + 1, "--no-pictures", "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["generation"] == done + 1
    # years of the founder's childhood have negative numbers
    assert [i for i in load_run(folder).generations.index if i >= 0] == list(range(done + 2))


@pytest.mark.skipif(os.name == "nt", reason="signals of other systems")
def test_ctrl_c_in_the_founders_childhood_leaves_a_run_that_can_be_resumed(tmp_path):
    folder = tmp_path / "run"
    arguments = command_line("run", "--out", folder, *TINY, "--founder-rounds", 10**6)
    with subprocess.Popen(arguments, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("founder" in process.stderr.readline() for _ in range(2))  # the first may be about kernels
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert err.splitlines()[-1].endswith(f"go on with `boxlings resume {folder}`")
    assert read_config(folder).learning.founder_rounds == 10**6


@pytest.mark.skipif(os.name == "nt", reason="signals of other systems")
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_who_asks_twice_is_obeyed_at_once(tmp_path, number):
    folder = tmp_path / "run"
    slow = [*TINY, "--founder-rounds", 1, "--language-rounds", 10**6]  # a generation of hours
    with subprocess.Popen(
        command_line("run", "--out", folder, *slow), env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            wait_for(folder / "checkpoints" / "000000", process)
            process.send_signal(number)
            # beneath what else is told, such as that kernels are compiled
            assert any("stops at once" in process.stderr.readline() for _ in range(12))
            process.send_signal(number)
            _, err = process.communicate(timeout=300)
        finally:
            process.kill()  # of hours, where anything above failed
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("boxlings: interrupted; a run goes on from its newest checkpoint")
    assert newest_valid_checkpoint(folder / "checkpoints") == (folder / "checkpoints" / "000000", [])


def forked(told: Path, *arguments: object) -> multiprocessing.process.BaseProcess:
    """The command in a process of its own that has all imports behind it; what it tells goes to the file `told`."""

    def work() -> None:
        with told.open("w") as sys.stdout, told.open("a") as sys.stderr:
            status = boxlings.main([str(argument) for argument in arguments])
        os._exit(status)

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    return process


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes of other systems")
def test_of_two_processes_on_a_folder_one_is_refused(tmp_path):
    folder = tmp_path / "run"
    begun: list[multiprocessing.process.BaseProcess] = []

    def one_of(num_processes: int, command: list[object], *parts: str) -> multiprocessing.process.BaseProcess:
        """Start processes, wait until all but one are refused, and return that one."""
        told = [tmp_path / f"{len(begun) + k}" for k in range(num_processes)]
        processes = [forked(path, *command) for path in told]
        begun.extend(processes)
        end = time.monotonic() + 300
        while sum(process.is_alive() for process in processes) > 1 and time.monotonic() < end:
            time.sleep(0.02)
        for process, path in zip(processes, told, strict=True):
            if not process.is_alive():
                text = path.read_text()
                assert (process.exitcode, text.count("\n")) == (2, 1), text
                assert any(part in text for part in parts)
        (left,) = (process for process in processes if process.is_alive())
        return left

    try:
        endless = ["run", "--out", folder, *TINY, "--generations", 10**5, "--no-pictures"]
        first = one_of(3, endless, "is in use by another process", "already holds a run", "holds other files")
        end = time.monotonic() + 300
        while not (folder / "checkpoints" / "000000").exists() and time.monotonic() < end:
            time.sleep(0.02)
        refusal = forked(tmp_path / "refusal", "resume", folder)
        refusal.join(300)
        assert refusal.exitcode == 2
        assert (tmp_path / "refusal").read_text().startswith(f"boxlings: {folder} is in use by another process")
        first.kill()
        first.join()
        one_of(2, ["resume", folder], "is in use by another process")
    finally:
        for process in begun:
            process.kill()
            process.join()
    assert newest_valid_checkpoint(folder / "checkpoints")[1] == []


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Return when there is such a file or folder; AssertionError if the process ends before."""
    end = time.monotonic() + 300
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


# ---- study ----

STUDY = [
    "study", "describe:2x3", *TINY, "--seeds", "1", "--arms", "evolution+learning,evolution", "--worlds", "16",
    "--processes", "2",
]  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="signals of other systems")
@pytest.mark.slow
def test_ctrl_c_stops_a_study_and_the_same_command_goes_on(tmp_path):
    cheap = ["--arms", "evolution+learning", "--generations", "30", "--measure-every", "40", "--record-every", "40"]
    arguments = [*STUDY, *cheap, "--out", str(tmp_path / "study"), "--json"]
    with subprocess.Popen(
        command_line(*arguments), env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(tmp_path / "study" / "evolution+learning" / "0" / "checkpoints" / "000002", process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert out == ""
    assert err.splitlines()[-1] == "boxlings: stopped; go on with the same command"
    stopped, _ = newest_valid_checkpoint(tmp_path / "study" / "evolution+learning" / "0" / "checkpoints")
    assert stopped is not None
    assert 2 <= int(stopped.name) < 30
    resumed = in_a_process(*arguments)
    assert resumed.returncode == 0, resumed.stderr
    found = json.loads(resumed.stdout)
    assert found["generations"] == {"evolution+learning": 30}
    assert found["failed"] == []
    assert all(Path(path).is_file() for path in found["files"])
    assert {(row["arm"], row["seed"]) for row in found["table"]} == {("evolution+learning", 0)}


def test_a_study_with_failed_runs_tells_them_and_ends_with_status_1(tmp_path, call, monkeypatch):
    """The failed run is one of a study of which nothing has been run yet."""
    from evolution.study import Job

    def fail(job: Job) -> None:
        job.error = "no space left"

    monkeypatch.setattr(Job, "start", fail)
    monkeypatch.setattr(Job, "is_over", lambda job: True)
    status, out, err = call(*STUDY, "--out", tmp_path / "study")
    assert status == 1
    assert "boxlings: evolution, seed 0: no space left\n" in err
    assert out.count("no finished run") == 2
    assert (tmp_path / "study" / "study.png").is_file()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--generations", "3", "--arms", "magic"], "arms must be some of evolution+learning"),
        (["--generations", "3", "--cpu-seconds", "3"], "either cpu_seconds or generations, got both"),
        (["--generations", "3", "--seed", "3"], "there is no option --seed, did you mean --seeds?"),
        (["--generations", "3", "--seeds", "0"], "--seeds: expected a whole number of at least 1, got 0"),
    ],
)
def test_wrong_options_of_a_study_are_refused(options, sentence, tmp_path, call):
    arguments = ["study", "name", "--out", tmp_path / "study", *options]
    assert_refused(*call(*arguments), sentence)
    assert not (tmp_path / "study").exists()


def test_help_of_studies_lists_the_arms(capsys):
    with pytest.raises(SystemExit):
        boxlings.main(["study", "--help"])
    out = capsys.readouterr().out
    for arm in ARMS.values():
        assert f"\n  {arm.name:20}{arm.summary}\n" in out


# ---- eval ----


def test_eval_prints_one_object(folder):
    circumstances = ("--split", "held-out", "--channel", "shuffle", "--worlds", 10)
    done = in_a_process("eval", folder, *circumstances, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {
        "scenario", "split", "channel", "success", "worlds", "interval",
        "understanding", "boxlings", "generation", "bits_heard", "bits_per_solved", "without_talk", "silent_vote",
    }  # fmt: skip
    assert (found["scenario"], found["split"], found["channel"]) == ("guide", "held-out", "shuffle")
    assert (found["generation"], found["boxlings"]) == (GENERATIONS, POPULATION)
    assert found["worlds"] == 12  # as many for every boxling
    low, high = found["interval"]
    assert 0 <= low <= found["success"] <= high <= 1
    assert 0 <= found["understanding"] <= 1
    assert done.stdout.count("\n") == 1


def test_eval_takes_a_checkpoint_and_repeats_itself(folder, call):
    checkpoint = folder / "checkpoints" / "000001"
    given = ("eval", checkpoint, "--worlds", 64, "--json")
    first = call(*given)
    assert json.loads(first[1])["generation"] == 1
    assert call(*given) == first
    many = ("eval", checkpoint, "--worlds", 1024, "--json")
    others = [json.loads(call(*many, "--seed", seed)[1]) for seed in (1, 2, 3)]
    assert len({found["understanding"] for found in others}) > 1


def test_eval_studies_the_language_when_asked(folder, call):
    given = ("eval", folder, "--worlds", 16, "--language", "--json")
    status, out, err = call(*given)
    assert status == 0, err
    language = json.loads(out)["language"]
    assert {"held_out", "muted", "shuffled", "replaced", "strangers", "topographic_similarity", "learnability"} <= set(
        language
    )
    assert language["boxlings"] == POPULATION
    assert call(*given)[1] == out  # nothing of it is chance
    _, in_words, _ = call("eval", folder, "--worlds", 16, "--language")
    assert f"topographic similarity       {language['topographic_similarity']:.4g}" in in_words
    assert "language" not in json.loads(call("eval", folder, "--worlds", 16, "--json")[1])


def test_eval_in_words_has_the_same_numbers(folder, call):
    found = json.loads(call("eval", folder, "--worlds", 64, "--json")[1])
    _, out, _ = call("eval", folder, "--worlds", 64)
    assert f"success {found['success']:.3f}" in out
    assert f"understanding {found['understanding']:.3f}" in out
    assert "64 worlds" in out
    solved = f"{found['bits_per_solved']:,.0f} a solved one" if found["success"] else "none solved"
    assert (
        f"{found['bits_heard']:.0f} bits heard a world, {solved}; of trained worlds at best 0.083 without talk" in out
    )


def test_eval_of_pairs_has_a_row_a_guide_and_a_column_a_builder(folder, call):
    _, out, _ = call("eval", folder, "--worlds", 4, "--pairs", "--json")
    found = json.loads(out)
    matrix = np.array(found["pairs"])
    assert matrix.shape == (POPULATION, POPULATION)
    assert ((matrix >= 0) & (matrix <= 1)).all()
    guides = np.arange(POPULATION)
    strange = matrix[guides, (guides + POPULATION // 2) % POPULATION].mean()
    assert found["strangers"] == pytest.approx(strange)
    assert call("eval", folder, "--worlds", 4, "--pairs")[1].count("\n") == 4 + POPULATION + 1


def test_eval_passes_over_a_damaged_checkpoint_and_says_so(copy, call):
    newest = copy / "checkpoints" / f"{GENERATIONS:06d}"
    flip_a_bit(newest / "model.safetensors")
    status, out, err = call("eval", copy, "--worlds", 4, "--json")
    assert status == 0
    assert json.loads(out)["generation"] == GENERATIONS - 1
    assert str(newest) in err


def foreign_checkpoint(folder: Path, into: Path, **changes: object) -> Path:
    """A whole checkpoint whose description was changed; None leaves a key out."""
    description, tensors, state = read_checkpoint(folder / "checkpoints" / "000001")
    description = {key: value for key, value in {**description, **changes}.items() if value is not None}
    tokenizer = word_tokenizer(description["policy"]["num_symbols"] if "policy" in description else 2).to_str()
    return write_checkpoint(into, 1, description, tensors, state, tokenizer)


def test_eval_hears_as_far_as_the_checkpoint_says(folder, tmp_path, call, monkeypatch):
    heard = {}

    def listen(*_, **options):
        heard.update(options)
        raise ValueError("enough")

    monkeypatch.setattr("evolution.evaluate.evaluate", listen)
    call("eval", foreign_checkpoint(folder, tmp_path, hearing_radius_cells=3))
    assert heard["hearing_radius_cells"] == 3


def test_eval_refuses_a_checkpoint_that_does_not_fit(folder, tmp_path, call):
    policy = read_checkpoint(folder / "checkpoints" / "000001")[0]["policy"]
    for number, (changes, part) in enumerate(
        [
            ({"scenario": "chess"}, "got 'chess'"),
            ({"scenario": "name"}, "does not fit scenario name"),
            ({"scenario": None}, "'scenario'"),
            ({"policy": None}, "'policy'"),
            ({"policy": {**policy, "wings": 2}}, "wings"),
            ({"policy": {**policy, "expert_width": 8}}, "does not fit its own description"),
            ({"policy": {**policy, "num_symbols": 1}}, "num_symbols must be at least 2, got 1"),
        ]
    ):
        path = foreign_checkpoint(folder, tmp_path / str(number), **changes)
        assert_refused(*call("eval", path), part)


# ---- figures and replays ----


def test_plot_and_report_tell_what_they_wrote(copy, call):
    shutil.rmtree(copy / "plots")
    (copy / "report.html").unlink()
    status, out, _ = call("plot", copy, "--json")
    assert status == 0
    figures = json.loads(out)["figures"]
    assert sorted(Path(path).stem for path in figures) == sorted(FIGURES)
    assert all(Path(path).read_bytes().startswith(b"\x89PNG") for path in figures)
    assert call("report", copy) == (0, f"{copy / 'report.html'}\n", "")
    assert "<html" in (copy / "report.html").read_text(encoding="utf-8")


def test_languages_of_runs_are_compared_where_that_is_possible(folder, copy, call, tmp_path):
    status, out, _ = call("plot", copy, "--beside", folder, folder, "--json")
    assert status == 0
    assert {Path(path).stem for path in json.loads(out)["figures"]} == {*FIGURES, "language-distance"}
    assert (copy / "plots" / "language-distance.png").read_bytes().startswith(b"\x89PNG")
    before = fingerprint(copy)
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    options = read_toml(other / "config.toml")
    write_config_toml(other / "config.toml", {**options, "scenario": "name"})
    asked = call("plot", copy, "--beside", other)
    assert_refused(*asked, "in one scenario only, got guide of", "and name of", str(other))
    write_config_toml(other / "config.toml", options)
    shutil.rmtree(other / "languages")
    assert_refused(*call("plot", copy, "--beside", other), f"{other} has no recorded language")
    assert_refused(*call("plot", copy, "--beside", tmp_path / "nowhere"), "nowhere")
    assert_refused(*call("plot", copy, "--beside"), "--beside")
    assert fingerprint(copy) == before
    assert call("plot", other)[0] == 0  # alone, an old run has its other figures


def test_replay_in_the_terminal(folder, call):
    status, out, _ = call("replay", folder, "--generation", 1, "--episode", 1)
    assert status == 0
    assert "generation 1, episode 1" in out
    assert "guide, boxling" in out


@pytest.mark.parametrize(("to", "start"), [("gif", b"GIF8"), ("html", b"<!")])
def test_replay_as_a_file(copy, to, start, call):
    status, out, _ = call("replay", copy, "--to", to)
    path = copy / "plots" / f"replay-{GENERATIONS:06d}.{to}"
    assert (status, out) == (0, f"{path}\n")
    assert path.read_bytes().startswith(start)
    other = copy / f"one.{to}"
    status, out, _ = call("replay", copy, "--to", to, "--episode", 1, "--out", other, "--json")
    assert json.loads(out) == {"replay": str(other), "episodes": 1}
    assert 0 < other.stat().st_size < path.stat().st_size


def test_replay_of_what_was_not_recorded_is_refused(folder, call):
    assert_refused(*call("replay", folder, "--generation", 7), "generation 7 was not recorded")
    assert_refused(*call("replay", folder, "--episode", 9), "no recorded episode 9")


def test_every_recorded_episode_is_exact(folder):
    done = in_a_process("replay", folder, "--verify")
    assert done.returncode == 0, done.stderr
    remembered = load_run(folder).remembered
    assert len(remembered) >= POPULATION
    assert done.stdout == f"{2 * (GENERATIONS + 1) + len(remembered)} episodes, all exact\n"


def test_verify_finds_an_episode_that_differs(copy, call):
    rows = load_run(copy).episodes(1)
    rows[1]["is_won"] = not rows[1]["is_won"]
    write_episodes(copy / "episodes" / "000001.parquet", rows)
    status, out, err = call("replay", copy, "--verify")
    assert (status, err) == (1, "")
    assert out.count("\n") == 1
    assert "episodes/000001.parquet, episode 1: is_won" in out
    status, out, _ = call("replay", copy, "--verify", "--json")
    assert status == 1
    assert len(json.loads(out)["problems"]) == 1
    given = ("replay", copy, "--verify", "--generation")
    assert call(*given, 1, "--episode", 1)[0] == 1
    assert call(*given, 1, "--episode", 0) == (0, "1 episode, all exact\n", "")
    assert call(*given, 2) == (0, "2 episodes, all exact\n", "")


def test_scenarios_are_described_and_drawn(call):
    status, out, _ = call("scenarios", "--json")
    assert status == 0
    described = {scenario["name"]: scenario for scenario in json.loads(out)["scenarios"]}
    assert set(described) == set(DEFAULTS)
    assert described["guide"]["attributes"]["direction"] == ["up", "down", "left", "right"]
    status, out, _ = call("scenarios")
    assert status == 0
    for scenario in described.values():
        assert f"{scenario['name']}: " in out
    assert "##" in out  # a wall
    assert "@@" in out  # a boxling


def test_the_lineage_is_told_from_a_boxling_back_to_its_founder(folder, call):
    run = load_run(folder)
    last = run.boxlings[run.boxlings["generation"] == GENERATIONS].sort_values("fitness")
    status, out, _ = call("lineage", folder, "--json")
    assert status == 0
    found = json.loads(out)
    best = int(last["boxling"].iloc[-1])
    assert found["boxling"] == best
    assert [birth["boxling"] for birth in found["line"]] == run.lineage.ancestors(best).tolist()
    assert found["line"][0]["fitness"] == last["fitness"].iloc[-1]
    assert found["line"][-1]["origin"] == "founder"
    assert sum(clan["boxlings"] for clan in found["clans"]) == len(run.lineage) > POPULATION
    assert sum(clan["living"] for clan in found["clans"]) == POPULATION
    child = run.boxlings.query("mother > 0").iloc[-1]
    status, out, _ = call("lineage", folder, "--boxling", child["boxling"])
    assert status == 0
    lines = out.splitlines()
    born = f"boxling {child['boxling']}, {child['origin']}, born in generation {child['birth_generation']}, fitness "
    assert lines[0].startswith(born)
    assert lines[1].startswith(f"boxling {child['mother']}, ")
    assert lines[-1].startswith("clan of boxling ")
    assert_refused(*call("lineage", folder, "--boxling", 999), "boxling must be one that was born, 1 to", "got 999")


@pytest.mark.parametrize("file_format", ["csv", "parquet", "minari", "tensorboard"])
def test_data_are_exported_beside_the_runs_own_files(call, copy, file_format):
    before = fingerprint(copy)
    if file_format in ("minari", "tensorboard"):
        pytest.importorskip({"minari": "minari", "tensorboard": "tensorboardX"}[file_format])
    status, out, err = call("export", copy, "--to", file_format, "--json")
    assert status == 0, err
    told = json.loads(out)
    assert told["format"] == file_format
    if file_format == "minari":
        assert (Path(told["root"]) / told["dataset"]).is_dir()
    else:
        assert all(Path(path).is_file() for path in told["files"])
        assert {Path(path).parent for path in told["files"]} == {copy / "export" / file_format}
    assert before.items() <= fingerprint(copy).items()
    assert_refused(*call("export", copy, "--to", file_format, "--out", copy), "holds a run's own files")
    assert before.items() <= fingerprint(copy).items()


def test_several_runs_are_reported_on_one_page(call, copy, folder, tmp_path):
    page = tmp_path / "both.html"
    status, out, _ = call("report", folder, copy, "--out", page, "--json")
    assert (status, json.loads(out)["report"]) == (0, str(page))
    assert "2 runs compared" in page.read_text(encoding="utf-8")
    page.unlink()
    assert_refused(*call("report", folder, tmp_path / "none", "--out", page), "none")
    assert not page.exists()


def test_figures_are_written_as_svg_when_asked(call, copy):
    status, _, _ = call("plot", copy, "--format", "svg", "--json")
    assert status == 0
    names = {path.name for path in (copy / "plots").glob("*.svg")}
    assert names == {f"{name}.svg" for name in FIGURES}
    assert_refused(*call("plot", copy, "--format", "gif"), "gif")


def test_a_run_is_looked_at_once(call, folder, tmp_path):
    pytest.importorskip("tensorboardX")
    status, out, err = call("watch", folder, "--once", "--tensorboard", tmp_path / "events")
    assert (status, err) == (0, "")
    assert f"generation {GENERATIONS} of {GENERATIONS}, finished" in out
    assert list((tmp_path / "events").glob("*tfevents*"))
    assert_refused(*call("watch", tmp_path / "none"), "none")
    assert_refused(*call("watch", folder, "--every", 0), "above 0")


# ---- pretrain ----


@pytest.fixture
def quick_guide(monkeypatch):
    """`guide` with so little learning that a test can wait for it."""
    few = {"founder_rounds": 10, "language_rounds": 1, "language_batch": 8, "acting_rounds": 1}
    monkeypatch.setitem(DEFAULTS, "guide", {**DEFAULTS["guide"], **few})


def test_pretrain_leaves_one_checkpoint_that_seeds_a_run(quick_guide, tmp_path, call):
    out = tmp_path / "models" / "guide"
    status, printed, _ = call("pretrain", "guide", "--out", out, "--generations", 2, "--seed", 5, "--json")
    assert status == 0
    found = json.loads(printed)
    assert found["checkpoint"] == str(out)
    assert [path.name for path in out.parent.iterdir()] == ["guide"]
    description, tensors, _ = read_checkpoint(out)
    assert (description["scenario"], description["seed"], description["population"]) == ("guide", 5, 2)
    assert sorted(path.name for path in out.iterdir()) == sorted(MODEL_FILES)
    card = (out / "README.md").read_text(encoding="utf-8")
    assert f"| trained goals | {found['measured']['trained goals']['success']:.3f} |" in card
    assert description["generation"] == found["generation"]
    assert len(tensors["genomes"]) == 2
    status, _, _ = call(
        "run", "--out", tmp_path / "run", "--seed-from", out, *TINY, "--generations", 1, "--no-pictures"
    )
    assert status == 0
    before = fingerprint(tmp_path)
    assert_refused(*call("pretrain", "guide", "--out", out), "must be a new folder", str(out))
    assert fingerprint(tmp_path) == before


def test_pretrain_keeps_the_best_checkpoint(quick_guide, tmp_path, call, monkeypatch):
    import analysis.run

    real_load, kept = analysis.run.load_run, []

    def load(path):
        run = real_load(path)
        kept.extend(int(checkpoint.name) for checkpoint in run.checkpoints)
        run.generations["fitness_mean"] = [-float(abs(i - kept[0])) for i in run.generations.index]
        return run

    monkeypatch.setattr("analysis.run.load_run", load)
    out = tmp_path / "guide"
    assert call("pretrain", "guide", "--out", out, "--generations", 3)[0] == 0
    assert len(kept) > 1
    assert read_checkpoint(out)[0]["generation"] == kept[0]


def test_pretrain_that_was_stopped_goes_on_with_the_same_command(quick_guide, tmp_path, call, monkeypatch):
    import evolution.run

    out, real_save = tmp_path / "guide", evolution.run._save

    def save_and_stop(folder, society, *others):
        real_save(folder, society, *others)
        if society.generation == 1:
            raise evolution.run.Interrupted("stopped")

    monkeypatch.setattr("evolution.run._save", save_and_stop)
    status, printed, err = call("pretrain", "guide", "--out", out, "--generations", 2)
    assert (status, printed) == (130, "")
    assert err.splitlines()[-1] == "boxlings: stopped; go on with the same command"
    monkeypatch.setattr("evolution.run._save", real_save)
    refused = call("pretrain", "guide", "--out", out, "--generations", 3)
    assert_refused(*refused, "unfinished training with other options")
    status, _, err = call("pretrain", "guide", "--out", out, "--generations", 2)
    assert status == 0
    assert "founder" not in err  # it did not begin again
    assert [path.name for path in tmp_path.iterdir()] == ["guide"]


def test_options_of_one_kind_of_pretraining_are_refused_to_the_other(tmp_path, call):
    out = tmp_path / "model"
    for kind in ("lm", "vlm"):
        refused = call("pretrain", "guide", "--as", kind, "--out", out, "--generations", 3)
        assert_refused(*refused, f"--generations goes with --as policy, got --as {kind}")
    assert_refused(*call("pretrain", "guide", "--out", out, "--steps", 3), "--steps goes with --as lm or --as vlm")
    assert_refused(
        *call("pretrain", "guide", "--as", "gpt", "--out", out), "expected one of policy, lm, vlm, got 'gpt'"
    )
    assert_refused(*call("pretrain", "nowhere", "--as", "lm", "--out", out), "scenario must be one of")
    assert not out.exists()


def test_a_language_model_of_our_own_seeds_a_population(tmp_path, call, monkeypatch):
    pytest.importorskip("transformers")
    import evolution.pretrain_language as language

    few = {"worlds": 32, "laws": 16, "held_out": 8, "width": 16, "num_layers": 1, "num_heads": 2}
    whole = language.LanguageTraining
    monkeypatch.setattr(language, "LanguageTraining", lambda *names, **options: whole(*names, **options, **few))
    out = tmp_path / "lm"
    status, printed, err = call("pretrain", "guide", "--as", "vlm", "--out", out, "--steps", 2, "--json")
    assert status == 0, err
    found = json.loads(printed)
    assert (found["as"], found["model"], found["steps"]) == ("vlm", str(out), 2)
    for kind in ("worlds", "laws", "scenes"):
        assert {"model", "without_picture", "3-gram", "5-gram"} <= set(found["held_out"][kind])
    status, _, err = call(
        "run", "--seed-from", out, *TINY, "--generations", 1, "--no-pictures", "--out", tmp_path / "run"
    )
    assert status == 0, err
    assert read_config(tmp_path / "run").language_model.lm == str(out)
    assert "expert_use/heard/expert_lm" in load_run(tmp_path / "run").generations.columns
    flip_a_bit(out / "model.safetensors")
    refused = call("run", "--seed-from", out, *TINY, "--no-pictures", "--out", tmp_path / "second")
    assert_refused(*refused, str(out / "model.safetensors"), "is damaged or was changed")


# ---- export of a model ----


def test_an_exported_model_seeds_a_population_of_the_same_success(folder, tmp_path, call):
    out = tmp_path / "model"
    status, printed, _ = call("export", folder, "--best", "--out", out, "--licence", "mit", "--json")
    assert status == 0
    found = json.loads(printed)
    assert (found["model"], found["format"], found["boxlings"]) == (str(out), "model", POPULATION)
    assert sorted(path.name for path in out.iterdir()) == sorted(MODEL_FILES)
    card = (out / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: boxlings\nlicense: mit\n")
    run = load_run(folder)
    fitness = run.generations["fitness_mean"]
    assert fitness[found["generation"]] == max(fitness[int(path.name)] for path in run.checkpoints)
    seeded = tmp_path / "seeded"
    few = [*TINY, "--generations", 1, "--seed", 8, "--no-pictures"]
    assert call("run", "--seed-from", out, *few, "--out", seeded)[0] == 0
    for split in ("train", "held-out"):
        of_model, of_run = (
            json.loads(call("eval", path, "--split", split, "--json", "--worlds", 512)[1])
            for path in (out, seeded / "checkpoints" / "000000")
        )
        assert of_model["success"] == of_run["success"]
        assert of_model["understanding"] == of_run["understanding"]
        of_source = json.loads(
            call("eval", folder / "checkpoints" / f"{found['generation']:06d}", "--split", split, "--json",
                 "--worlds", 512)[1]
        )  # fmt: skip
        assert of_model["success"] == of_source["success"]


def test_an_export_of_a_model_replaces_nothing_and_goes_with_no_format(folder, tmp_path, call):
    (tmp_path / "model").mkdir()
    refused = call("export", folder, "--best", "--out", tmp_path / "model")
    assert_refused(*refused, "--out must be a new folder", str(tmp_path / "model"))
    assert_refused(*call("export", folder, "--best", "--to", "csv"), "--best writes a model", "--to csv")
    assert_refused(*call("export", folder, "--licence", "mit"), "goes with --best")


@pytest.mark.parametrize("name", sorted({*MODEL_FILES}))
def test_a_model_that_was_tampered_with_is_refused_by_the_name_of_the_file(folder, tmp_path, call, name):
    out = tmp_path / "model"
    assert call("export", folder, "--best", "--out", out)[0] == 0
    flip_a_bit(out / name)
    for command in (["eval", out], ["run", "--seed-from", out, *TINY, "--out", tmp_path / "run"]):
        assert_refused(*call(*command), str(out / name))
    assert not (tmp_path / "run").exists()


def test_several_models_and_what_does_not_fit_are_told(folder, tmp_path, call):
    few = [*TINY, "--generations", 1, "--no-pictures"]
    status, _, err = call(
        "run", "--seed-from", folder, "--seed-from", folder, "--num-experts", 3, *few, "--out", tmp_path / "run"
    )
    assert status == 0
    assert err.count("1 expert more than it has, drawn anew and silent at first") == 2
    assert read_config(tmp_path / "run").seed_from == (str(folder), str(folder))
    refused = call(
        "run", *(["--seed-from", folder] * 3), *few, "--population", 2, "--live-worlds", 2, "--out", tmp_path / "two"
    )
    assert_refused(*refused, "population must be at least the 3 models that seed it, got 2")
    assert not (tmp_path / "two").exists()


# ---- full and read-only disks ----


def test_a_full_disk_is_told_in_one_sentence_with_what_to_do(tmp_path, call, monkeypatch):
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        FullDisk(patch, 75)
        status, out, err = call("run", "--out", folder, *TINY, "--no-pictures")
    assert (status, out) == (1, "")
    last = err.splitlines()[-1]
    assert last.startswith(f"boxlings: {folder}")
    assert last.endswith(f": No space left on device; when that is mended, go on with `boxlings resume {folder}`")
    assert "Traceback" not in err
    assert call("resume", folder, "--no-pictures")[0] == 0


def mounted(tmp_path: Path, kilobytes: int, options: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command with a file system of its own at tmp_path/disk, which another mount command follows."""
    script = f'mount -t tmpfs -o size={kilobytes}k tmpfs "$1" || exit 99; [ -z "$2" ] || {{ cp -r "$3" "$1"/run; '
    script += 'mount -o "$2" "$1" || exit 99; }; shift 3; exec "$@"'
    (tmp_path / "disk").mkdir(exist_ok=True)
    given = [tmp_path / "disk", options, tmp_path / "copy", *command_line(*arguments)]
    command = ["unshare", "-m", "sh", "-c", script, "sh", *map(str, given)]
    if shutil.which("unshare") is None:
        pytest.skip("no file system of one's own on this system")
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    if done.returncode in (1, 99) and "boxlings:" not in done.stderr:
        pytest.skip("only who may mount has a file system of one's own")
    return done


def test_a_disk_that_is_really_full_is_told_in_one_sentence(tmp_path):
    done = mounted(tmp_path, 400, "", "run", "--out", tmp_path / "disk" / "run", *TINY)
    assert (done.returncode, done.stdout) == (1, "")
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"boxlings: {tmp_path / 'disk' / 'run'}")
    assert "No space left on device" in last
    assert "Traceback" not in done.stderr


READ_ONLY = (["resume"], ["plot"], ["report"], ["replay", "--to", "gif"], ["replay", "--to", "html"])


@pytest.mark.parametrize("arguments", READ_ONLY, ids=" ".join)
def test_a_run_that_is_read_only_is_refused_by_what_writes_and_stays_as_it_is(arguments, copy, call, monkeypatch):
    shutil.rmtree(copy / "plots")
    (copy / "report.html").unlink()
    before = fingerprint(copy)
    with monkeypatch.context() as patch:
        FullDisk(patch, 0, errno.EROFS)
        status, out, err = call(arguments[0], copy, *arguments[1:])
    assert (status, out) == (2, "")
    last = err.splitlines()[-1]
    assert last.startswith(f"boxlings: {copy}/")
    assert "Read-only file system" in last
    assert ".tmp-" not in last
    assert "Traceback" not in err
    assert fingerprint(copy) == before


def test_a_place_that_is_read_only_is_refused(tmp_path, call, monkeypatch):
    for code in (errno.EROFS, errno.EACCES):
        with monkeypatch.context() as patch:
            FullDisk(patch, 0, code)
            assert_refused(*call("run", "--out", tmp_path / "run", *TINY), str(tmp_path / "run"), os.strerror(code))
    assert list(tmp_path.iterdir()) == []


def test_a_run_on_a_disk_that_is_really_read_only_is_refused(copy, tmp_path):
    shutil.rmtree(copy / "plots")
    run = tmp_path / "disk" / "run"
    done = mounted(tmp_path, 500_000, "remount,ro", "resume", run)
    assert_refused(done.returncode, done.stdout, done.stderr, str(run), "Read-only file system")


# ---- wrong input: one sentence, status 2, nothing overwritten ----


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def assert_refused_in_a_process(unchanged: Path, *arguments: object, parts: tuple[str, ...]) -> None:
    before = fingerprint(unchanged)
    done = in_a_process(*arguments)
    assert_refused(done.returncode, done.stdout, done.stderr, *parts)
    assert fingerprint(unchanged) == before


def test_an_unknown_scenario_is_refused(tmp_path):
    parts = ("scenario must be one of", "guide", "got 'chess'")
    assert_refused_in_a_process(tmp_path, "run", "chess", "--out", tmp_path / "run", parts=parts)
    assert not (tmp_path / "run").exists()


def test_a_population_of_nobody_is_refused(tmp_path):
    parts = ("population must be at least 1, got 0",)
    assert_refused_in_a_process(tmp_path, "run", "--population", 0, "--out", tmp_path / "run", parts=parts)


def test_a_folder_that_holds_a_run_is_not_overwritten(folder):
    parts = ("already holds a run", f"boxlings resume {folder}")
    assert_refused_in_a_process(folder, "run", "--out", folder, *TINY, parts=parts)


def test_a_run_in_use_is_refused(copy):
    with RunLock(copy):
        parts = (f"{copy} is in use by another process",)
        assert_refused_in_a_process(copy, "resume", copy, "--generations", 9, parts=parts)


def test_a_damaged_checkpoint_is_refused(copy, call):
    checkpoint = copy / "checkpoints" / f"{GENERATIONS:06d}"
    flip_a_bit(checkpoint / "model.safetensors")
    parts = (str(checkpoint / "model.safetensors"), "is damaged")
    assert_refused_in_a_process(copy, "eval", checkpoint, parts=parts)
    heirs = copy.parent / "heirs"
    assert_refused(*call("run", "--seed-from", checkpoint, "--out", heirs, *TINY), *parts)
    assert not heirs.exists()


@pytest.mark.parametrize("name", ["config.json", "state.safetensors", "tokenizer.json"])
def test_any_damaged_file_of_a_checkpoint_is_refused(copy, name, call):
    checkpoint = copy / "checkpoints" / "000001"
    flip_a_bit(checkpoint / name)
    before = fingerprint(copy)
    assert_refused(*call("eval", checkpoint), str(checkpoint / name))
    assert fingerprint(copy) == before


def test_a_run_without_any_whole_checkpoint_is_not_resumed(copy, call):
    for checkpoint in (copy / "checkpoints").iterdir():
        flip_a_bit(checkpoint / "state.safetensors")
    before = fingerprint(copy)
    assert_refused(*call("resume", copy), "no undamaged checkpoint")
    assert_refused(*call("eval", copy), "state.safetensors")
    assert fingerprint(copy) == before


def test_a_truncated_table_is_refused(copy):
    table = copy / "generations.parquet"
    table.write_bytes(table.read_bytes()[:-100])
    shutil.rmtree(copy / "spare")
    parts = (str(table), "not a whole parquet file")
    # with a new end of the run, which is not written down either
    assert_refused_in_a_process(copy, "resume", copy, "--generations", 9, parts=parts)


@pytest.mark.parametrize("name", ["generations.parquet", "boxlings.parquet", "timing.parquet", "config.toml"])
def test_any_damaged_table_is_refused_and_mended_by_resume(copy, name, call):
    whole = (copy / name).read_bytes()
    flip_a_bit(copy / name)
    before = fingerprint(copy)
    for command in ("plot", "report", "replay"):
        told = f"{copy / name} is damaged", "`boxlings resume` mends it from its spare copy"
        assert_refused(*call(command, copy), *told)
    assert fingerprint(copy) == before
    status, _, err = call("resume", copy, "--no-pictures")
    assert status == 0
    assert f"{copy / name} was damaged, and is mended from its spare copy" in err
    assert (copy / name).read_bytes() == whole or name == "timing.parquet"
    flip_a_bit(copy / name)
    flip_a_bit(copy / "spare" / name)
    before = fingerprint(copy)
    if name == "timing.parquet":
        assert call("resume", copy, "--no-pictures")[0] == 0
    else:
        assert_refused(*call("resume", copy), str(copy / name), "is damaged")
        assert fingerprint(copy) == before


def test_resume_tells_which_checkpoint_it_goes_on_from_where_the_newest_is_damaged(copy, call):
    flip_a_bit(copy / "checkpoints" / f"{GENERATIONS:06d}" / "state.safetensors")
    status, _, err = call("resume", copy, "--no-pictures")
    assert status == 0
    assert f"{copy / 'checkpoints' / f'{GENERATIONS:06d}' / 'state.safetensors'} is damaged" in err
    assert f"going on from {copy / 'checkpoints' / '000001'}, of generation 1" in err


def test_a_truncated_recording_is_refused(copy, call):
    recording = copy / "episodes" / "000001.parquet"
    recording.write_bytes(recording.read_bytes()[:-100])
    before = fingerprint(copy)
    assert_refused(*call("replay", copy, "--generation", 1), str(recording))
    assert_refused(*call("replay", copy, "--verify"), str(recording))
    assert fingerprint(copy) == before


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path, call):
    file = tmp_path / "file"
    file.write_text("mine")
    assert_refused(*call("run", "--out", file, *TINY), "out must be a folder", str(file))
    assert_refused(*call("run", "--out", file / "run", *TINY), str(file), "Not a directory")
    assert_refused(*call("pretrain", "guide", "--out", file), str(file), "exists already")
    assert file.read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path, call):
    tmp_path.chmod(0o500)
    assert_refused(*call("run", "--out", tmp_path / "run", *TINY), str(tmp_path), "Permission denied")


def test_what_is_not_the_users_fault_is_not_blamed_on_the_user(folder, monkeypatch):
    def fail(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr("analysis.run.load_run", fail)
    with pytest.raises(RuntimeError, match="a bug"):  # which Python ends with a traceback and status 1
        boxlings.main(["plot", str(folder)])


# ---- the same from a script ----


def test_a_script_evolves_in_silence_and_gets_the_folder(tmp_path, capfd):
    from boxlings import ChannelConfig, LearningConfig, RunConfig, evolve, load_run, resume

    config = RunConfig(
        scenario="name", out=str(tmp_path / "run"), generations=1, population=2, live_worlds=2,
        channel=ChannelConfig(message_length=2),
        learning=LearningConfig(founder_rounds=5, language_rounds=1, language_batch=8),
    )  # fmt: skip
    folder = evolve(config)
    assert folder == tmp_path / "run"
    assert load_run(folder).generations.index[-1] == 1
    assert resume(folder, generations=2) == folder
    assert load_run(folder).generations.index[-1] == 2
    assert capfd.readouterr() == ("", "")


def test_what_there_is_not_cannot_be_imported():
    with pytest.raises(AttributeError, match="no attribute 'evolv'"):
        boxlings.evolv  # noqa: B018


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    script = ROOT / "examples" / "evolve_from_script.py"
    monkeypatch.setattr(sys, "argv", [str(script), str(tmp_path / "run")])
    runpy.run_path(str(script), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    table = load_run(tmp_path / "run").generations.loc[0:]
    assert lines[0].split() == ["success", "success_muted", "success_shuffled", "success_held_out"]
    told = [line.split() for line in lines[2 : 2 + len(table)]]
    assert [(int(row[0]), float(row[1])) for row in told] == [
        (generation, round(success, 3)) for generation, success in table["success"].items()
    ]
    assert lines[-1] == f"figure: {tmp_path / 'run' / 'fitness.png'}"
    assert (tmp_path / "run" / "fitness.png").read_bytes().startswith(b"\x89PNG")


def test_the_example_with_mesa_runs_in_processes_of_its_own(capsys):
    table = runpy.run_path(str(ROOT / "examples" / "batch_run_with_mesa.py"))["main"]()
    assert len(table) == 2 * 2 * 4 * 4  # ways to select, seeds, generations with the last judgement, boxlings
    lines = capsys.readouterr().out.splitlines()
    told = [line.split() for line in lines[3:]]
    assert [row[:2] for row in told[::2]] == [["random", "0"], ["truncation", "0"]]
    means = table.groupby(["strategy", "seed", "generation"])["success"].first().round(3)
    assert [float(value) for row in told for value in row[-4:]] == means.tolist()


def test_who_waits_for_kernels_is_told_by_the_run_while_it_runs_and_as_before_when_it_is_over():
    before = compiling.show
    progress = boxlings._Progress()
    assert compiling.show == progress._tell_compiling
    progress.close()
    assert compiling.show is before
