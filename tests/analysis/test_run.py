"""Reading a run folder."""

import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from analysis import run as run_module
from analysis.run import Run, load_run
from analysis.verify import verify_run
from evolution.records import write_episodes
from evolution.storage import DamagedFile
from tests.analysis.conftest import speak_in_words
from world import scenarios


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_tables_come_back_as_they_were_written(run: Run) -> None:
    assert list(run.generations.index) == list(range(12))
    assert run.generations["fitness_best"].iloc[-1] == pytest.approx(1.1)
    assert run.generations["success_muted"].dropna().index.tolist() == [0, 4, 8]
    assert math.isnan(run.generations["success_muted"][11])
    assert len(run.boxlings) == 12 * 6
    assert run.timing.query("name == 'wall_seconds'")["value"].sum() == 24.0
    assert run.config["evolution"]["num_boxlings"] == 6
    assert run.name == "night run"
    assert [path.name for path in run.checkpoints] == ["000011"]


def test_episodes_are_those_of_the_generation_asked_for(run: Run) -> None:
    assert run.generation_numbers == [0, 4, 8]
    assert [row["episode"] for row in run.episodes(4)] == [0, 1, 2, 3]
    assert {row["generation"] for row in run.episodes(4)} == {4}
    assert {row["generation"] for row in run.episodes()} == {8}
    assert run.episode(4, 2)["world_number"] == 402
    assert run.episode()["world_number"] == 800


def test_an_episode_that_was_not_recorded_is_refused(run: Run) -> None:
    with pytest.raises(ValueError, match="generation 3 was not recorded; recorded are 0, 4, 8"):
        run.episodes(3)
    with pytest.raises(ValueError, match=r"no recorded episode 9 .* recorded are 0, 1, 2, 3"):
        run.episode(4, 9)
    write_episodes(run.folder / "episodes" / "000008.parquet", [])
    with pytest.raises(ValueError, match="no recorded episode in that generation; recorded are none"):
        run.episode()
    for path in (run.folder / "episodes").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="no recorded episodes"):
        run.episodes()


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such folder"):
        load_run(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"has no config\.toml"):
        load_run(tmp_path)


@pytest.mark.parametrize("name", ["config.toml", "generations.parquet", "boxlings.parquet", "timing.parquet"])
def test_a_damaged_file_is_named(run: Run, name: str) -> None:
    flip_a_byte(run.folder / name)
    with pytest.raises(DamagedFile, match=name):
        load_run(run.folder)


def test_damaged_episodes_are_named(run: Run) -> None:
    flip_a_byte(run.folder / "episodes" / "000004.parquet")
    with pytest.raises(DamagedFile, match=r"000004\.parquet"):
        run.episodes(4)
    assert len(run.episodes(8)) == 4


def test_the_language_of_a_generation_comes_back(talking_run: Run) -> None:
    assert talking_run.language_generations == [0, 4, 8]
    language = talking_run.language(4)
    assert (language.generation, language.split) == (4, "train")
    lived = talking_run.boxlings.query("generation == 4")["boxling"].tolist()
    assert language.boxlings.tolist() == lived
    meanings = scenarios.get("guide").meanings("train")
    assert language.meanings.tolist() == meanings.tolist()
    for slot, boxling in enumerate(lived):
        assert language.of(boxling).tolist() == speak_in_words(4, slot, meanings).tolist()
    assert talking_run.language().generation == 8
    held_out = talking_run.language(8, "held-out").meanings
    assert held_out.tolist() == scenarios.get("guide").meanings("held-out").tolist()
    assert talking_run.fittest(language) == max(lived)  # ids are fitness in this run


def test_a_language_that_was_not_recorded_is_refused(talking_run: Run, run: Run) -> None:
    with pytest.raises(ValueError, match="the language of generation 3 was not recorded; recorded are 0, 4, 8"):
        talking_run.language(3)
    with pytest.raises(ValueError, match="split must be one of train, held-out, got 'test'"):
        talking_run.language(4, "test")
    with pytest.raises(ValueError, match="boxling 99 did not live in generation 4"):
        talking_run.language(4).of(99)
    assert run.language_generations == []
    with pytest.raises(ValueError, match="has no recorded language"):
        run.language()


def test_a_language_that_is_ahead_of_the_tables_is_not_counted(talking_run: Run) -> None:
    folder = talking_run.folder / "languages"
    (folder / "000012.parquet").write_bytes((folder / "000008.parquet").read_bytes())
    assert load_run(talking_run.folder).language_generations == [0, 4, 8]


def test_a_damaged_language_is_named(talking_run: Run) -> None:
    flip_a_byte(talking_run.folder / "languages" / "000004.parquet")
    with pytest.raises(DamagedFile, match=r"languages.000004\.parquet"):
        talking_run.language(4)


def test_reading_a_run_needs_no_torch_and_opens_no_plotting_window() -> None:
    code = (
        "import sys, analysis.replay, analysis.report; "
        "print([name for name in ('torch', 'matplotlib.pyplot') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_what_a_running_run_removes_meanwhile_is_left_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    read = run_module.read_episodes

    def read_late(path: Path) -> list[dict]:
        if path.stem == "000004":
            path.unlink(missing_ok=True)
        return read(path)

    monkeypatch.setattr(run_module, "read_episodes", read_late)
    assert run.state.missing == ()
    shutil.copy(run.folder / "episodes" / "000000.parquet", run.folder / "episodes" / "000004.parquet")
    assert {row["generation"] for row in run.all_episodes()} == {0, 8}


def test_damaged_episodes_of_ancestors_are_told_and_never_shown(run: Run) -> None:
    from evolution.records import read_ancestors, write_ancestors

    path = run.folder / "ancestors.parquet"
    rows = read_ancestors(path)
    first = rows[0]["boxling"]

    def damaged(**change: object) -> Run:
        write_ancestors(path, [rows[0] | change, *rows[1:]])
        return load_run(run.folder)

    with pytest.raises(DamagedFile, match=f"boxling {first}: expected {rows[0]['num_steps'] + 1} steps, found"):
        damaged(num_steps=rows[0]["num_steps"] + 1).ancestor_episode(first)
    with pytest.raises(DamagedFile, match="expected an episode of that boxling"):
        damaged(boxlings=[900 for _ in rows[0]["boxlings"]]).ancestor_episode(first)
    with pytest.raises(DamagedFile, match="ends otherwise"):
        damaged(is_won=not rows[0]["is_won"]).ancestor_episode(first)
    lost = next(row for row in rows[1:] if not row["is_won"])
    short = {name: lost[name][:2] for name in ("actions", "said", "answers")} | {"num_steps": 2}
    write_ancestors(path, [lost | short])
    with pytest.raises(DamagedFile, match="ends otherwise"):
        load_run(run.folder).ancestor_episode(lost["boxling"])
    assert any("ends otherwise" in problem for problem in verify_run(load_run(run.folder))[1])
    path.write_bytes(b"half a file")
    broken = load_run(run.folder)
    assert "The episodes of ancestors cannot be replayed" in broken.state.missing[0]
    assert "ancestors.parquet" in verify_run(broken)[1][0]
