"""Tasks as ARC has them: what is read is what was written, and what is wrong is refused by its place."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from world.puzzles.tasks import Task, read_grid, read_task, read_tasks, submission

PLAIN = {
    "train": [{"input": [[1, 0]], "output": [[0, 1]]}, {"input": [[0, 0, 2]], "output": [[2, 0, 0]]}],
    "test": [{"input": [[3, 0, 0]], "output": [[0, 0, 3]]}, {"input": [[4]]}],
}


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The plain task with one thing in it replaced."""
    plain = json.loads(json.dumps(PLAIN))
    place = plain
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return plain


def test_a_task_is_written_as_it_was_read():
    task = read_task(PLAIN, "one")
    assert task.to_json() == PLAIN
    assert [grid.dtype for grid in task.inputs] == [np.uint8, np.uint8]
    assert not task.has_answers
    assert not task.is_solved_by((np.array([[0, 0, 3]], np.uint8), np.array([[4]], np.uint8)))


def test_a_task_is_solved_by_every_cell_of_every_test():
    task = read_task(changed(("test", 1), {"input": [[4]], "output": [[5]]}), "one")
    right = (np.array([[0, 0, 3]], np.uint8), np.array([[5]], np.uint8))
    assert task.is_solved_by(right)
    assert not task.is_solved_by((right[0], np.array([[4]], np.uint8)))
    assert not task.is_solved_by((right[0].T, right[1]))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("train", 0, "input"), [[1, 0], [1]], "expected rows of equal length, got 2 cells in row 0 and 1 in row 1"),
        (("train", 1, "output"), [[1, 10]], "train 1, output: expected colours from 0 to 9, got 10 in row 0, column 1"),
        (("train", 0, "input"), [[1, -1]], "got -1 in row 0, column 1"),
        (("test", 0, "input"), [[1, True]], "test 0, input: expected colours from 0 to 9, got true in row 0, column 1"),
        (("test", 0, "input"), [[1.0]], "got 1.0 in row 0"),
        (("test", 0, "output"), [["1"]], 'test 0, output: expected colours from 0 to 9, got "1" in row 0'),
        (("train", 0, "input"), [], "train 0, input: expected a grid, a list of rows with at least one cell"),
        (("train", 0, "input"), [[]], "with at least one cell each, got [[]]"),
        (("train", 0, "input"), [[1], 2], "with at least one cell each, got [[1], 2]"),
        (("train", 0, "input"), [[1], []], "with at least one cell each, got [[1], []]"),
        (("train", 0, "input"), [[[1]]], "expected colours from 0 to 9, got [1] in row 0, column 0"),
        (("train", 0, "input"), [[None]], "expected colours from 0 to 9, got nothing in row 0, column 0"),
        (("train", 0, "input"), [[10**30]], "got 1000000000000000000000000000000 in row 0, column 0"),
        (("train", 0, "input"), [[float("nan")]], "got NaN in row 0, column 0"),
        (("train", 0, "input"), [["x" * 500]], "xxx... in row 0, column 0"),
        (("train", 0, "input"), 7, "with at least one cell each, got 7"),
        (("train", 0, "input"), [[0] * 200] * 200, "at most 900 cells and 100 a side, got 200 rows of 200 cells"),
        (("train", 0, "input"), [[0] * 101], "got 1 rows of 101 cells"),
        (("train", 0, "input"), [[0] * 31] * 30, "got 30 rows of 31 cells"),
        (("train", 0), {"output": [[1]]}, "train 0: expected an object with input and output"),
        (("test", 1), None, "test 1: expected an object with input and output, got nothing"),
        (("test", 1), {"output": [[1]]}, "test 1: expected an object with input and output"),
        (("train",), {"input": [[1]]}, "expected a list of one or more pairs under 'train'"),
        (("train", 1), {"input": [[1]]}, "train 1, output: expected a grid, a list of rows"),
        (("train", 1), [1], "train 1: expected an object with input and output, got [1]"),
        (("train",), [], "expected a list of one or more pairs under 'train', got []"),
        (("test",), None, "expected a list of one or more pairs under 'test', got nothing"),
        (("train",), [PLAIN["train"][0]] * 33, "expected at most 32 pairs under 'train', got 33"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_task_and_place(path: tuple[Any, ...], value: Any, said: str):
    with pytest.raises(ValueError, match="task one") as refusal:
        read_task(changed(path, value), "one")
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_good_tasks_of_a_file_are_read_beside_the_bad(tmp_path: Path):
    file = tmp_path / "many.json"
    file.write_text(json.dumps({"good": PLAIN, "bad": changed(("test",), []), "worse": "hello", "better": PLAIN}))
    tasks, refused = read_tasks(file)
    assert [task.name for task in tasks] == ["good", "better"]
    assert [sentence.split(":")[0] for sentence in refused] == ["task bad", "task worse"]


def test_a_folder_holds_files_of_one_task_or_of_many(tmp_path: Path):
    (tmp_path / "b.json").write_text(json.dumps({"x": PLAIN, "y": PLAIN}))
    (tmp_path / "a.json").write_text(json.dumps(PLAIN))
    (tmp_path / "c.json").write_text("[1, 2")
    (tmp_path / "notes.txt").write_text("no task")
    tasks, refused = read_tasks(tmp_path)
    assert [task.name for task in tasks] == ["a", "x", "y"]
    assert len(refused) == 1
    assert "c.json: expected tasks as JSON" in refused[0]


@pytest.mark.parametrize("text", ["", "[1, 2", "7", "null", '{"a": 1}', "\udcff"])
def test_a_file_without_a_task_is_refused(tmp_path: Path, text: str):
    file = tmp_path / "none.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match="expected"):
        read_tasks(file)


def test_a_file_that_is_not_there_and_an_empty_folder_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="there is none"):
        read_tasks(tmp_path / "nothing.json")
    with pytest.raises(ValueError, match="expected a folder of task files"):
        read_tasks(tmp_path)


def test_of_two_tasks_of_one_name_the_second_is_refused(tmp_path: Path):
    (tmp_path / "a.json").write_text(json.dumps({"x": PLAIN}))
    (tmp_path / "b.json").write_text(json.dumps({"x": PLAIN, "y": PLAIN}))
    tasks, refused = read_tasks(tmp_path)
    assert [task.name for task in tasks] == ["x", "y"]
    assert len(refused) == 1
    assert refused[0].startswith("task x: expected tasks of different names, got a second one in ")


def test_answers_are_submitted_two_for_each_test():
    task = read_task(PLAIN, "one")
    other = Task("two", task.inputs, task.outputs, task.tests[:1], task.answers[:1])
    first = (read_grid([[1]], ""), read_grid([[2, 2]], ""))
    second = (read_grid([[3]], ""), read_grid([[4]], ""))
    assert submission({"one": [first, second]}, [task, other]) == {
        "one": [{"attempt_1": [[1]], "attempt_2": [[3]]}, {"attempt_1": [[2, 2]], "attempt_2": [[4]]}],
        "two": [{"attempt_1": [[0]], "attempt_2": [[0]]}],
    }
    assert submission({"one": [first]}, [task])["one"][1] == {"attempt_1": [[2, 2]], "attempt_2": [[2, 2]]}


@st.composite
def plain_grids(draw: st.DrawFn) -> list[list[int]]:
    height = draw(st.sampled_from([1, 2, 5, 30, 100]))
    width = draw(st.integers(1, min(900 // height, 100)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.integers(0, 10, (height, width)).tolist()


@given(st.lists(plain_grids(), min_size=4, max_size=10), st.data())
@settings(max_examples=30, deadline=None)
def test_any_grids_are_read_from_a_file_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, grids: list[list[list[int]]], data: st.DataObject
):
    file = tmp_path_factory.mktemp("tasks") / "all.json"
    pairs = [{"input": before, "output": after} for before, after in zip(grids[::2], grids[1::2], strict=False)]
    plain = {"train": pairs[:-1], "test": pairs[-1:]}
    if data.draw(st.booleans()):
        del plain["test"][0]["output"]
    file.write_text(json.dumps({"a task": plain, "another": PLAIN}))
    tasks, refused = read_tasks(file)
    assert refused == []
    assert [task.name for task in tasks] == ["a task", "another"]
    assert json.loads(json.dumps(tasks[0].to_json())) == plain
    assert tasks[0].has_answers == ("output" in plain["test"][0])
    assert all(grid.dtype == np.uint8 for grid in (*tasks[0].inputs, *tasks[0].outputs, *tasks[0].tests))


_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0.5, -1.0, 1e300, math.inf, math.nan])
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["train", "test", "input", "output", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.sampled_from([("train",), ("test",), ("train", 0), ("train", 1, "output"), ("test", 0, "input")]), _ANYTHING)
@settings(max_examples=200, deadline=None)
def test_anything_in_a_place_is_read_or_refused_in_a_sentence(path: tuple[Any, ...], value: Any):
    try:
        task = read_task(changed(path, value), "one")
    except ValueError as refusal:
        said = str(refusal)
    else:
        assert read_task(task.to_json(), "one").to_json() == task.to_json()
        return
    assert said.startswith("task one")
    assert ": expected " in said
    assert len(said) < 250
