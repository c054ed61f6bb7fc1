"""Following a run: pictures of what is there, a line a generation, to the end."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from analysis.run import Run, load_run
from analysis.watch import curve, picture_of, watch, words_told
from evolution.storage import RunLock


def shown(run: Run, width: int = 110) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(picture_of(run))
    return console.file.getvalue()


def test_the_picture_tells_how_far_a_run_is_and_what_became_of_it(talking_run: Run) -> None:
    text = shown(talking_run)
    assert "generation 11 of 11, finished" in text
    assert "success" in text
    assert "90%" in text
    assert "5 alive, the largest that of boxling" in text
    assert "16, mutant of" in text
    assert words_told(talking_run).startswith("de3 ") or "up" in words_told(talking_run)
    longer = replace(talking_run, config=talking_run.config | {"generations": 40})
    assert f"generation 11 of 40, stopped: `boxlings resume {talking_run.folder}` goes on" in shown(longer, 300)
    with RunLock(talking_run.folder):
        going = load_run(talking_run.folder)
        going = replace(going, config=going.config | {"generations": 40})
        assert "generation 11 of 40, about 58 s left" in shown(going)
        assert going.state.is_running
        assert going.state.missing[0].startswith("The run goes on: 11 of 40 generations")


def test_a_curve_is_as_wide_as_there_is_room() -> None:
    assert len(curve(pd.Series(range(1000)))) == 40
    assert curve(pd.Series(range(1000)))[0] == "▁"
    assert curve(pd.Series(range(1000)))[-1] == "█"
    assert curve(pd.Series([], dtype=float)) == ""


def test_a_run_that_is_over_is_told_generation_by_generation_and_left(run: Run) -> None:
    console = Console(file=io.StringIO(), width=110)
    changes: list[int] = []
    watch(run.folder, console=console, on_change=lambda run: changes.append(run.state.last_generation))
    lines = console.file.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == [f"{number}/11" for number in range(12)]
    assert changes == [11]
    with pytest.raises(ValueError, match="no such folder"):
        watch(run.folder / "none", console=console)
    with pytest.raises(ValueError, match="every_seconds must be above 0, got 0"):
        watch(run.folder, 0, console=console)


@pytest.mark.slow
def test_a_run_is_followed_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    options = ["describe:2x4", "--out", str(folder), "--generations", "3", "--founder-rounds", "20", "--no-pictures"]
    going = subprocess.Popen(
        [sys.executable, "-m", "boxlings", "run", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not (folder / ".lock").exists():
            assert going.poll() is None
        watching = subprocess.run(
            [sys.executable, "-m", "boxlings", "watch", str(folder), "--every", "0.05"],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert watching.returncode == 0, watching.stderr
        told = [line.split()[1] for line in watching.stdout.splitlines() if line.startswith("generation")]
        assert told == [f"{number}/3" for number in range(4)]
        assert going.wait(60) == 0  # and was not disturbed
    finally:
        going.kill()


def test_tables_of_different_generations_are_read_up_to_the_last_that_all_know(run: Run, copy_of_run, tmp_path) -> None:
    older = load_run(run.folder)
    import pyarrow as pa

    from evolution.records import BOXLINGS
    from evolution.storage import write_table

    earlier = older.boxlings[older.boxlings["generation"] <= 7]
    write_table(run.folder / "boxlings.parquet", pa.Table.from_pandas(earlier, BOXLINGS, preserve_index=False))
    found = load_run(run.folder)
    assert found.state.last_generation == 7
    assert found.measures["generation"].max() == found.timing["generation"].max() == 7
    assert found.generation_numbers == [0, 4]  # the recording of generation 8 is ahead of the tables


def test_a_run_in_its_first_generation_is_told_so_and_waited_for(run: Run, tmp_path: Path) -> None:
    from evolution.records import Tables

    begun = tmp_path / "x[/red]"
    begun.mkdir(parents=True)
    (begun / "config.toml").write_bytes((run.folder / "config.toml").read_bytes())
    Tables(begun, 1).write()
    with pytest.raises(ValueError, match="no generation that is over"):
        load_run(begun)
    console = Console(file=io.StringIO(), width=110)
    with RunLock(begun), pytest.raises(ValueError, match="no generation that is over"):
        watch(begun, console=console, is_once=True)

    def finish(_seconds: float) -> None:
        for name in ("generations", "boxlings", "timing"):
            (begun / f"{name}.parquet").write_bytes((run.folder / f"{name}.parquet").read_bytes())
        lock.__exit__(None, None, None)

    lock = RunLock(begun)
    lock.__enter__()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.watch.time.sleep", finish)
        watched = watch(begun, console=console)
    assert watched.state.last_generation == 11
    assert "x[/red] has begun; its first generation is not over yet" in console.file.getvalue()


def test_one_look_writes_events_too(run: Run) -> None:
    seen: list[Run] = []
    watch(run.folder, console=Console(file=io.StringIO()), is_once=True, on_change=seen.append)
    assert [each.state.last_generation for each in seen] == [11]
