"""Verification: true recordings pass, and each kind of tampering is found."""

from collections.abc import Callable

import pytest

from analysis.run import Run
from analysis.verify import verify_episode, verify_run
from evolution.records import write_episodes
from world.codec import Operation


def test_true_recordings_pass(run: Run, naming_run: Run, choosing_run: Run) -> None:
    for each in (run, naming_run, choosing_run):
        assert verify_run(each) == (12 + len(each.remembered), [])
    rows = [row for generation in run.generation_numbers for row in run.episodes(generation)]
    assert sum(len(tokens) > 1 for row in rows for tokens in row["edits"]) > 20  # there was something to compare
    assert {row["is_won"] for row in rows} == {True, False}


def move_a_start_cell(row: dict) -> None:
    cells = row["start_owner"]
    filled, empty = next(i for i, o in enumerate(cells) if o), next(i for i, o in enumerate(cells) if not o)
    cells[filled], cells[empty] = cells[empty], cells[filled]


def change_an_act(row: dict) -> None:
    """Let a builder that moved stand still."""
    step = next(t for t, tokens in enumerate(row["edits"]) if len(tokens) > 1)
    builders = [a for a, body in enumerate(row["agent_body"]) if body > 0]
    for a in builders:
        row["actions"][step][a] = 0


def change_edits(row: dict) -> None:
    step = next(t for t, tokens in enumerate(row["edits"]) if len(tokens) > 1)
    row["edits"][step] = [int(Operation.END)]


def spoil_edits(row: dict) -> None:
    step = next(t for t, tokens in enumerate(row["edits"]) if len(tokens) > 1)
    row["edits"][step] = row["edits"][step][:-1]


def put(name: str, value: object) -> Callable[[dict], None]:
    return lambda row: row.__setitem__(name, value)


def put_in(value: object, *where: object) -> Callable[[dict], None]:
    def change(row: dict) -> None:
        target = row
        for key in where[:-1]:
            target = target[key]
        target[where[-1]] = value

    return change


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (move_a_start_cell, "the start's start_owner"),
        (put_in(3, "colour", 2), "the start's colour"),
        (put_in(1, "flags", 2), "the start's flags"),
        (put_in(1, "laws", 2), "the start's laws"),
        (put_in(3, "floor", 5), "the start's floor"),
        (put("role", [1, 1, 1]), "the start's role"),
        (put("goal", [7, 2]), "the start's goal"),
        (put("goal", [1]), "the start's goal has shape"),
        (put("start_owner", [0] * 63), "starts with 63 cells of start_owner, expected 8 x 8"),
        (put("world_number", 3), "the start's start_owner"),
        (put("world_number", -3), "the start cannot be made: world numbers must be"),
        (put("split", "test"), "split of guide must be one of"),
        (put("scenario", "chess"), "scenario must be one of"),
        (change_an_act, "has edits"),
        (put_in(9, "actions", 0, 0), "step 1 has act 9, expected 0 to 4"),
        (change_edits, "do not give the simulated state"),
        (spoil_edits, "cannot be decoded: the code must close with END"),
        (put_in([3, 0, 9, 2], "edits", 0), "the edits of step 1 cannot be decoded"),
        (put_in([99], "edits", 0), "the edits of step 1 cannot be decoded"),
        (put_in([2, 2, 300], "edits", 0), "the edits of step 1 cannot be decoded"),
        (put_in([64, 1], "bodies", 0), "the edits of step 1 cannot be decoded: bodies must be of cells below 64"),
        (put_in([9, 6], "bodies", 0), "step 1 has bodies [9, 6], expected []"),
        (put_in(0.5, "rewards", -1, 0), "has rewards"),
        (lambda row: row.__setitem__("is_won", not row["is_won"]), "is_won is"),
        (lambda row: row.__setitem__("over_at", row["over_at"] - 1), "over_at is"),
        (lambda row: row.__setitem__("num_steps", row["num_steps"] + 1), "steps of actions are recorded"),
        (lambda row: row["rewards"].pop(), "steps of rewards are recorded"),
        (lambda row: row["attention"].pop(), "attention is not that of 3 agents in"),
        (lambda row: row["expert_use"][0].pop(), "expert_use is not that of 3 agents in"),
        (put_in([9] * 5, "attention", 0, 0), "attention has [0, 5, 64] cells, expected 0 or 64"),
        (put_in([9], "expert_use", 0, 0), "expert_use has [1, "),
        (put_in(-1, "said", 0, 0, 0), "step 1 has a symbol below 0"),
        (lambda row: row["actions"][0].pop(), "step 1 cannot be simulated"),
    ],
)
def test_tampering_is_found(run: Run, tamper: Callable[[dict], None], expected: str) -> None:
    row = run.episode(4, 1)  # at random, so that it has many steps
    assert verify_episode(row) == []
    tamper(row)
    assert any(expected in problem for problem in verify_episode(row)), verify_episode(row)


def test_a_changed_answer_is_found_where_answers_decide(naming_run: Run) -> None:
    row = naming_run.episode(4, 0)
    assert row["is_won"]
    builder = row["role"].index(1)
    row["answers"][-1][builder][0] = (row["answers"][-1][builder][0] + 1) % 4
    problems = verify_episode(row)
    assert "is_won is True, expected False" in problems
    assert any("has rewards" in problem for problem in problems)


def test_a_run_with_a_tampered_episode_says_where_it_is(run: Run) -> None:
    rows = run.episodes(4)
    change_an_act(rows[1])
    write_episodes(run.folder / "episodes" / "000004.parquet", rows)
    num_episodes, problems = verify_run(run)
    assert num_episodes == 12 + len(run.remembered)
    assert problems
    assert all(problem.startswith("episodes/000004.parquet, episode 1: ") for problem in problems)


def test_an_episode_in_the_wrong_file_is_found(run: Run) -> None:
    write_episodes(run.folder / "episodes" / "000004.parquet", run.episodes(8))
    _, problems = verify_run(run)
    assert problems[0] == "episodes/000004.parquet, episode 0: generation is 8, expected 4"


def test_a_damaged_file_is_told_and_the_others_are_still_verified(run: Run) -> None:
    path = run.folder / "episodes" / "000004.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    num_episodes, problems = verify_run(run)
    assert num_episodes == 8 + len(run.remembered)
    assert len(problems) == 1
    assert "000004.parquet" in problems[0]
