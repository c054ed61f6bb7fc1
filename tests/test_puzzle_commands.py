"""The commands about puzzles, as a user says them."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import boxlings
from world.puzzles.tasks import read_tasks

MIRROR = {
    "train": [
        {"input": [[1, 0, 2]], "output": [[2, 0, 1]]},
        {"input": [[0, 0, 3], [4, 4, 0]], "output": [[3, 0, 0], [0, 4, 4]]},
    ],
    "test": [{"input": [[5, 5, 0, 1]], "output": [[1, 0, 5, 5]]}],
}  # fmt: skip


def test_a_file_of_tasks_is_solved_told_drawn_and_submitted(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "tasks.json"
    ragged = {"train": [{"input": [[1], [1, 2]], "output": [[1]]}], "test": [{"input": [[1]]}]}
    file.write_text(json.dumps({"mirror": MIRROR, "ragged": ragged}))
    options = ["--seconds", "5", "--draw", str(tmp_path / "drawn"), "--submission", str(tmp_path / "out.json")]
    assert boxlings.main(["solve", str(file), *options]) == 2  # for the one that is no task
    said = capsys.readouterr()
    assert "task ragged, train 0, input: expected rows of equal length" in said.err
    assert "mirror: solved, by answer 1" in said.out
    assert "mirrored left to right" in said.out
    assert "solved @1 1, @2 1, @3 1" in said.out
    assert (tmp_path / "drawn" / "mirror.png").read_bytes()[:4] == b"\x89PNG"
    assert json.loads((tmp_path / "out.json").read_text())["mirror"][0]["attempt_1"] == [[1, 0, 5, 5]]


def test_names_that_files_cannot_have_get_pictures_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps({"a/b": MIRROR, "a?b": MIRROR}))
    assert boxlings.main(["solve", str(file), "--draw", str(tmp_path / "drawn")]) == 0
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["a_b-2.png", "a_b.png"]
    capsys.readouterr()
    assert boxlings.main(["solve", str(file), "--draw", str(file)]) == 2
    assert "--draw must be a folder" in capsys.readouterr().err


def test_what_is_solved_is_one_json_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "mirror.json"
    file.write_text(json.dumps(MIRROR))
    assert boxlings.main(["solve", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [found[f"solved_at_{k}"] for k in (1, 2, 3)] == [1, 1, 1]
    assert found["tasks"] == 1
    assert found["cpu_seconds"] > 0
    assert found["results"][0]["name"] == "mirror"
    assert found["results"][0]["rank"] == 1


def test_puzzles_are_written_learned_from_and_solved(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    made, mind = tmp_path / "made", tmp_path / "mind"
    assert boxlings.main(["puzzles", "--count", "25", "--to", str(made), "--per-file", "10", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["puzzles"] == 25 == sum(told["depths"].values())
    assert len(list(made.glob("*.json"))) == 3
    tasks, refused = read_tasks(made)
    assert len(tasks) == 25
    assert refused == []
    rows = pq.read_table(made / "puzzles.parquet").to_pylist()
    assert [row["name"] for row in rows] == [f"train-{k}" for k in range(25)]
    assert pq.read_schema(made / "puzzles.parquet").metadata[b"book"] == b"1"
    assert told["book"] == 1
    assert {"depth", "nodes", "changed", "program", "survivors"} <= set(rows[0])
    assert boxlings.main(["puzzles", "--count", "1", "--to", str(made)]) == 2
    assert "expected a new or empty folder" in capsys.readouterr().err

    one_each = tmp_path / "one-each"
    assert boxlings.main(["puzzles", "--count", "3", "--to", str(one_each), "--per-file", "1"]) == 0
    assert sorted(file.stem for file in one_each.glob("*.json")) == ["train-0", "train-1", "train-2"]
    assert set(json.loads((one_each / "train-1.json").read_text())) == {"train", "test"}
    assert [task.to_json() for task in read_tasks(one_each)[0]] == [task.to_json() for task in tasks[:3]]
    capsys.readouterr()

    command = ["pretrain", "puzzles", "--out", str(mind), "--puzzles", "600", "--rounds", "0", "--json"]
    assert boxlings.main([*command, "--tasks", str(one_each)]) == 0
    assert json.loads(capsys.readouterr().out)["puzzles"] == 600
    command = ["eval", str(mind), "--puzzles", "held-out-seeds", "--worlds", "10", "--seconds", "0.5", "--json"]
    command += ["--ways", "alone,hinted,misled"]
    assert boxlings.main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["before"]["tasks"] == found["after"]["tasks"] == 10
    assert found["before"]["solved_at_3"] >= 5
    assert found["after"]["cpu_seconds"] > 0
    assert list(found["ways"]) == ["plain", "ordered", "alone", "hinted", "misled"]
    assert found["ways"]["plain"] == found["before"]
    assert found["ways"]["ordered"] == found["after"]
    assert all(some["tasks"] == 10 for some in found["ways"].values())
    assert found["hint_bits"] == 24
    assert 0 < found["solved_by_both"] <= found["after"]["solved_at_3"]
    assert found["times_fewer_nodes"] == found["nodes_before"] / found["nodes_after"]
    one = ["eval", str(mind), "--puzzles", str(one_each / "train-0.json"), "--ways", "misled"]
    assert boxlings.main(one) == 2
    assert "the way 'misled' needs two puzzles or more" in capsys.readouterr().err
    assert boxlings.main(["eval", "--puzzles", str(made), "--seconds", "0.05", "--json"]) == 0
    assert "after" not in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["solve", "nothing.json"], "there is none"),
        (["solve", "nothing.json", "--seconds", "soon"], "expected a number"),
        (["solve", "nothing.json", "--seconds", "-1"], "expected a number above 0, got '-1'"),
        (["solve", "nothing.json", "--seconds", "0"], "expected a number above 0, got '0'"),
        (["solve", "nothing.json", "--submission", "no/folder/out.json"], "in a folder that there is"),
        (["eval", "--puzzles", "train", "--pairs"], "--pairs is about populations"),
        (["eval", "--puzzles", "train", "--channel", "mute"], "--channel is about populations"),
        (["puzzles", "--count", "0", "--to", "x"], "0"),
        (["puzzles", "--count", "3", "--to", "x", "--split", "tests"], "tests"),
        (["eval"], "expected a run or a checkpoint folder, or --puzzles SET, got neither"),
        (["eval", "--puzzles", "nothing"], "there is none"),
        (
            ["pretrain", "puzzles", "--out", "x", "--steps", "3"],
            "--tasks and --seed, got --steps",
        ),
        (["pretrain", "guide", "--out", "x", "--puzzles", "3"], "--puzzles goes with `boxlings pretrain puzzles`"),
        (["pretrain", "guide", "--out", "x", "--rounds", "3"], "--rounds goes with `boxlings pretrain puzzles`"),
        (["pretrain", "puzzles", "--out", "x", "--tasks", "nothing"], "there is none"),
        (["eval", "--puzzles", "train", "--ways", "plain,cheated"], "--ways must be some of plain, ordered, imagined,"),
        (["eval", "--puzzles", "train", "--ways", "hinted"], "the way 'hinted' needs a mind"),
        (["eval", "runs/x", "--ways", "plain"], "--ways goes with --puzzles"),
    ],
)
def test_wrong_options_are_refused_in_a_sentence(
    command: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert boxlings.main(command) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
