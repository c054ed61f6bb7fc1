"""Scenario sokoban: the laws give its rules, its rooms can be solved, and level files are read as they are written."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from world import scenarios
from world.codes import Act
from world.levels import parse_levels, read_levels
from world.scenarios.sokoban import BOX_COLOUR, GOAL_COLOUR, HOME_COLOUR, ON_GOAL_COLOUR, Sokoban

STEPS = {Act.STAY: (0, 0), Act.UP: (-1, 0), Act.DOWN: (1, 0), Act.LEFT: (0, -1), Act.RIGHT: (0, 1)}
BOXOBAN = """; 0
##########
##########
#  #######
#  ## ####
#    $   #
#.#  $ ###
## $ .####
##  @#####
## ..$ ###
##########

; 1
##########
#..####  #
#.$     @#
#.$#$  $ #
#        #
##########
##########
##########
##########
##########
"""


def plain_step(text: str, act: Act) -> str:
    """One step of Sokoban in plain Python, on a level as text."""
    rows = [list(line) for line in text.split("\n")]
    [(r, c)] = [(i, j) for i, row in enumerate(rows) for j, cell in enumerate(row) if cell in "@+"]
    d_row, d_col = STEPS[act]

    def at(i: int, j: int) -> str:
        return rows[i][j] if 0 <= i < len(rows) and 0 <= j < len(rows[0]) else "#"

    to, beyond = (r + d_row, c + d_col), (r + 2 * d_row, c + 2 * d_col)
    if act == Act.STAY or at(*to) == "#":
        return text
    if at(*to) in "$*":
        if at(*beyond) not in " .":
            return text
        rows[beyond[0]][beyond[1]] = "*" if at(*beyond) == "." else "$"
    rows[to[0]][to[1]] = "+" if at(*to) in ".*" else "@"
    rows[r][c] = "." if rows[r][c] == "+" else " "
    return "\n".join("".join(row) for row in rows)


def as_text(worlds, b: int) -> str:  # type: ignore[no-untyped-def]
    marks = {1: "#", 0: " "}
    rows = []
    for owner, look, floor in zip(worlds.owner[b], worlds.look[b], worlds.floor[b], strict=True):
        cells = ""
        for body, colour, mark in zip(owner, look, floor, strict=True):
            if body <= 1:
                cells += "." if mark and body == 0 else marks[int(body)]
            elif colour == 10:
                cells += "+" if mark else "@"
            else:
                assert colour == (HOME_COLOUR if mark else BOX_COLOUR)
                cells += "*" if mark else "$"
        rows.append(cells)
    return "\n".join(rows)


def from_file(tmp_path: Path) -> Sokoban:
    path = tmp_path / "levels.txt"
    path.write_text(BOXOBAN)
    scenario = scenarios.get(f"sokoban:{path}")
    assert isinstance(scenario, Sokoban)
    return scenario


def test_the_laws_are_those_of_sokoban_in_own_rooms_and_in_levels(tmp_path: Path):
    rng = np.random.default_rng(0)
    levels = parse_levels(BOXOBAN)
    for scenario in (scenarios.get("sokoban"), Sokoban(levels * 12)):
        num_pushes, num_refused = 0, 0
        worlds = scenario.generate(np.arange(24), "train")
        for _ in range(scenario.num_steps):
            acts = rng.integers(0, 5, (len(worlds), 1)).astype(np.int8)
            before = [as_text(worlds, b) for b in range(len(worlds))]
            was_over = worlds.is_over.copy()
            scenario.advance(worlds, acts, None)
            for b, text in enumerate(before):
                if was_over[b]:
                    continue
                expected = plain_step(text, Act(acts[b, 0]))
                assert as_text(worlds, b) == expected
                assert worlds.is_won[b] == ("$" not in expected)
                num_pushes += expected.count("$") != text.count("$")
                num_refused += expected == text and acts[b, 0] > 0
        assert num_pushes > 5
        assert num_refused > 100


def test_two_boxes_in_a_row_are_too_heavy():
    [level] = parse_levels("#######\n#@$$ .#\n#    .#\n#######")
    scenario = Sokoban([level])
    assert scenario.splits == ("train",)  # of a single level nothing is held out
    worlds = scenario.generate(np.array([0]), "train")
    before = worlds.owner.copy()
    scenario.advance(worlds, np.array([[Act.RIGHT]], np.int8), None)
    np.testing.assert_array_equal(worlds.owner, before)


def test_levels_are_read_as_they_are_written(tmp_path: Path):
    first, second = parse_levels(BOXOBAN)
    assert first.is_wall.shape == (10, 10)
    assert first.player_rc == (7, 4)
    assert first.is_box.sum() == first.is_goal.sum() == 4
    assert second.player_rc == (2, 8)
    text = "\n".join(line for line in BOXOBAN.split("\n")[1:11])
    assert first.name == text
    assert parse_levels(first.name)[0].name == first.name
    scenario = from_file(tmp_path)
    held_out = [level.name for level in scenario.levels["held-out"]]
    assert len(held_out) == 1  # of two, one is on either side
    assert sorted(held_out + [level.name for level in scenario.levels["train"]]) == sorted([first.name, second.name])
    split = "held-out"
    assert as_text(scenario.generate(np.arange(3), split), 0) == scenario.levels[split][0].name


def test_ragged_lines_other_floors_and_boxes_on_goals_are_taken():
    [level] = parse_levels("  ###\n###-#\n#+_$#\n#*  ###\n#####")
    assert level.is_wall.shape == (5, 7)
    assert level.is_wall[0, 6]
    assert not level.is_wall[0, 0]
    assert level.is_goal[2, 1]
    assert level.is_goal[3, 1]
    assert level.is_box[3, 1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: expected a level, got none"),
        ("; only\n; comments", "line 1: expected a level, got none"),
        ("#####\n#@$X#\n#####", "line 2, column 4: expected one of .*, got 'X'"),
        ("; 0\n#####\n# $.#\n#####", r"line 2: a level has one player \(@ or \+\), got 0"),
        ("#####\n#@$.#\n#@  #\n#####", "line 3, column 2: a level has one player .*, got 2"),
        ("#####\n#@$ #\n#####", "line 1: a level has as many boxes as goals, got 1 boxes and 0 goals"),
        ("#####\n#@  #\n#####", "line 1: a level has 1 to 30 boxes, got 0"),
        ("#####\n#@* #\n#####", "line 1: at least one box must not be on a goal yet, got a level that is solved"),
        ("#" * 31, "line 1: a level has sides of at most 30 cells, got 1 x 31"),
    ],
)
def test_levels_that_are_none_are_refused_with_the_place_of_the_fault(text: str, told: str, tmp_path: Path):
    with pytest.raises(ValueError, match=told):
        parse_levels(text)
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"level file {path}, {told}"):
        read_levels(path)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for path, reason in ((tmp_path / "binary", "it is not UTF-8 text"), (tmp_path, "Is a directory")):
        with pytest.raises(ValueError, match=f"cannot read the level file {path}: {reason}"):
            read_levels(path)


@settings(max_examples=int(os.environ.get("BOXLINGS_FUZZ", "300")), deadline=None)
@given(st.text(alphabet="#@$.*+ -_\n;x", max_size=200))
def test_any_text_is_levels_or_refused(text: str):
    try:
        levels = parse_levels(text)
    except ValueError as error:
        assert str(error).startswith("line ")  # noqa: PT017 - either way is right
        return
    scenario = Sokoban(levels)
    for split in scenario.splits:
        worlds = scenario.generate(np.arange(len(levels)), split)
        rng = np.random.default_rng(0)
        for _ in range(5):
            before = [as_text(worlds, b) for b in range(len(worlds))]
            acts = rng.integers(0, 5, (len(worlds), 1)).astype(np.int8)
            was_over = worlds.is_over.copy()
            scenario.plan(worlds)
            scenario.advance(worlds, acts, None)
            for b in np.flatnonzero(~was_over):
                assert as_text(worlds, b) == plain_step(before[b], Act(acts[b, 0]))


def test_the_split_of_a_level_hangs_on_the_level_alone():
    rooms = scenarios.get("sokoban").generate(np.arange(200), "train")
    levels = parse_levels("\n\n".join(as_text(rooms, b) for b in range(200)))
    scenario, turned = Sokoban(levels), Sokoban(levels[::-1])
    train, held_out = ({level.name for level in scenario.levels[split]} for split in ("train", "held-out"))
    assert not train & held_out
    assert 0.1 < len(held_out) / len(train | held_out) < 0.3
    assert {level.name for level in turned.levels["train"]} == train


def test_a_file_that_has_changed_is_another_scenario(tmp_path: Path):
    scenario = from_file(tmp_path)
    path = tmp_path / "levels.txt"
    assert scenario.name.startswith(f"sokoban:{path}#")
    assert scenarios.get(scenario.name).name == scenario.name
    path.write_text("\ufeff" + BOXOBAN.replace("\n", "\r\n"), encoding="utf-8")  # the same levels
    assert scenarios.get(scenario.name).name == scenario.name
    path.write_text(BOXOBAN.replace("## $ .####", "## $.#####"))
    with pytest.raises(ValueError, match=rf"the levels of {path} have changed: expected those with the hash "):
        scenarios.get(scenario.name)
    assert scenarios.get(f"sokoban:{path}").name != scenario.name
    with pytest.raises(ValueError, match="sokoban: must be followed by a level file, got nothing"):
        scenarios.get("sokoban:")


def test_who_stands_on_a_goal_sees_it_and_time_that_is_up_decides_nothing():
    [level] = parse_levels("######\n#+$ .#\n#$   #\n#    #\n######")
    scenario = Sokoban([level])
    worlds = scenario.generate(np.array([0]), "train")
    assert scenario.observe(worlds).view[0, 0, 5, 5] == ON_GOAL_COLOUR
    reward = scenario.advance(worlds, np.array([[Act.RIGHT]], np.int8), None)
    assert scenario.observe(worlds).view[0, 0, 5, 4:6].tolist() == [GOAL_COLOUR, 10]
    worlds.steps_taken[:] = scenario.num_steps - 1
    reward = scenario.advance(worlds, np.array([[Act.RIGHT]], np.int8), None)
    assert reward == pytest.approx(0.1)  # a box has come home in the last step
    assert worlds.is_over.all()
    assert scenario.ran_out(worlds, reward).tolist() == [True]


def test_own_rooms_are_not_solved_at_once_and_hold_out_ways_goals_lie_to_each_other():
    offsets = {}
    for split in ("train", "held-out"):
        worlds = scenarios.get("sokoban").generate(np.arange(300), split)
        assert not worlds.num_done.any()
        assert ((worlds.floor > 0).sum(axis=(1, 2)) == 2).all()
        assert (worlds.owner[:, [0, -1]] == 1).all()
        goals = [np.argwhere(floor) for floor in worlds.floor]
        offsets[split] = {tuple((pair[1] - pair[0]).tolist()) for pair in goals}
    assert not offsets["train"] & offsets["held-out"]
    assert len(offsets["held-out"]) > 5
