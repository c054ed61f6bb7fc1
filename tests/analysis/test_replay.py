"""Replays: the story of a recording, in the terminal and as a GIF."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from analysis import terminal
from analysis.replay import scenes_of, tell, to_gif, to_terminal
from analysis.run import Run
from analysis.story import message_in_words
from world import scenarios
from world.codes import BOXLING_COLOUR
from world.render import PALETTE


def test_decoded_states_are_those_of_the_simulator(run: Run) -> None:
    row = run.episode(0, 1)
    states = scenes_of(row)
    worlds = scenarios.get("guide").generate(np.array([row["world_number"]]), row["split"])
    assert len(states) == row["num_steps"] + 1 > 2
    np.testing.assert_array_equal(states[0].body, worlds.owner[0])
    for actions, state in zip(row["actions"], states[1:], strict=True):
        scenarios.get("guide").advance(worlds, np.array([actions], np.int8), None)
        np.testing.assert_array_equal(state.body, worlds.owner[0])
    assert (states[-1].body != states[0].body).any()


def test_a_story_tells_goal_words_acts_beliefs_and_outcome(run: Run) -> None:
    row = run.episode(4, 0) | {
        "said": [[[1, 2, 0]] * 3] * len(run.episode(4, 0)["said"]),
    }
    story = tell(row)
    assert story.goal == scenarios.get("guide").meaning_in_words(row["goal"])
    assert story.circumstances == "a goal never trained on; what is said is heard one step later"
    assert story.outcome == f"won after {row['over_at']} steps"
    assert len(story.frames) == row["over_at"] + 1
    assert [letter for _, _, letter in story.frames[0].marks] == ["B", "C"]  # guides have no body
    guide_turn, builder_turn, _ = story.frames[1].turns
    assert guide_turn.says == "ba be _"
    assert (guide_turn.does, guide_turn.believes) == ("", ())
    assert builder_turn.does.startswith(("goes ", "stays"))
    told = [(belief.attribute, belief.value, belief.is_right) for belief in builder_turn.believes]
    assert ", ".join(f"{attribute} {value}" for attribute, value, _ in told) == story.goal
    assert all(is_right for _, _, is_right in told)


def test_changes_name_what_was_pushed_and_leave_out_who_walked(run: Run) -> None:
    row = run.episode(4, 0)  # planned, so that the only push is the last act
    *walking, push = tell(row).frames
    assert any(tokens for tokens in row["edits"][:-1])
    assert [frame.changes for frame in walking] == [()] * len(walking)
    colour, direction = (word.split()[1] for word in tell(row).goal.split(", "))
    assert push.changes == (f"{colour} box moves 1 {direction}",)


def test_the_guide_is_told_first_wherever_it_sits(run: Run) -> None:
    rows = [row for generation in run.generation_numbers for row in run.episodes(generation)]
    assert len({row["role"].index(0) for row in rows}) > 1
    for row in rows:
        story, guide = tell(row), row["role"].index(0)
        assert story.agents[0] == ("A", f"guide, boxling {row['boxlings'][guide]}")
        others = [boxling for a, boxling in enumerate(row["boxlings"]) if a != guide]
        assert [who for _, who in story.agents[1:]] == [f"builder, boxling {boxling}" for boxling in others]
        said = [message_in_words(words) for a, words in enumerate(row["said"][0]) if a != guide]
        assert [turn.says for turn in story.frames[1].turns[1:]] == said


def test_silence_and_interventions_are_told(run: Run) -> None:
    silent = tell(run.episode(4, 1))
    assert silent.circumstances.endswith("muted: nobody hears anything")
    silent_agent = next(i for i, turn in enumerate(silent.frames[1].turns) if turn.says == "")
    assert all(frame.turns[silent_agent].says == "" for frame in silent.frames[1:])
    wrong = [belief for frame in silent.frames[1:] for turn in frame.turns for belief in turn.believes]
    assert not all(belief.is_right for belief in wrong)
    assert tell(run.episode(4, 2)).circumstances.endswith("was said in another world")


def test_a_gif_has_one_frame_a_step_and_holds_the_last(run: Run, naming_run: Run, tmp_path: Path) -> None:
    for episodes in ([run.episode(4, 1)], naming_run.episodes(0)[:2]):
        path = to_gif(tmp_path / "episode.gif", episodes, steps_per_second=2.5, hold_seconds=4)
        expected = [tell(row) for row in episodes]
        with Image.open(path) as image:
            assert (image.format, image.info["loop"]) == ("GIF", 0)
            assert image.width >= 480
            assert image.n_frames == sum(len(story.frames) for story in expected)
            durations = []
            for number in range(image.n_frames):
                image.seek(number)
                durations.append(image.info["duration"])
        assert durations == [ms for story in expected for ms in [400] * (len(story.frames) - 1) + [4000]]


def test_the_gif_shows_the_world_of_each_step(run: Run, tmp_path: Path) -> None:
    row = run.episode(4, 0)
    story = tell(row)
    with Image.open(to_gif(tmp_path / "episode.gif", [row])) as image:
        for number, frame in enumerate(story.frames):
            image.seek(number)
            pixels = np.asarray(image.convert("RGB")).astype(int)
            seen = frame.scene.seen
            marked = {(r, c) for r, c, _ in frame.marks}
            for (r, c), body in np.ndenumerate(frame.scene.body):
                if body and (r, c) not in marked:
                    middle = pixels[20 + 50 * r + 25, 20 + 50 * c + 25]
                    assert np.abs(middle - PALETTE[seen[r, c]]).max() < 16


def test_a_replay_of_nothing_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one episode"):
        to_gif(tmp_path / "none.gif", [])
    with pytest.raises(ValueError, match="steps_per_second must be above 0, got 0"):
        to_gif(tmp_path / "none.gif", run.episodes(), steps_per_second=0)
    assert list(tmp_path.glob("none*")) == []


def shown(run: Run, **options) -> str:
    file = io.StringIO()
    to_terminal(run, 4, 0, Console(file=file, width=110, **options), seconds_per_step=0.25)
    return file.getvalue()


def test_without_a_terminal_every_step_is_printed_in_plain_characters(run: Run) -> None:
    story = tell(run.episode(4, 0))
    text = shown(run, color_system=None)
    assert "\x1b" not in text
    assert f"goal: {story.goal}" in text
    steps = [int(number) for number in re.findall(r"step (\d+) of", text)]
    assert steps == list(range(len(story.frames)))
    assert text.count("@B") == text.count("@C") == len(story.frames)
    assert text.count("##") == 3 * len(story.frames)  # the three cells of the walls
    assert f"✓ {story.outcome}" in text
    for frame in story.frames[1:]:
        assert all(turn.says in text for turn in frame.turns)


def test_in_a_terminal_steps_follow_each_other_in_place(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(terminal.time, "sleep", pauses.append)
    text = shown(run, force_terminal=True, color_system="truecolor")
    num_steps = len(tell(run.episode(4, 0)).frames) - 1
    assert pauses == [0.25] * num_steps
    assert "\x1b[1A" in text  # the cursor goes up, over the step before
    red, green, blue = PALETTE[BOXLING_COLOUR]
    assert f"48;2;{red};{green};{blue}m" in text


def test_an_episode_without_bodies_is_shown(naming_run: Run) -> None:
    text = io.StringIO()
    to_terminal(naming_run, console=Console(file=text, width=110))
    assert "believes: colour, shape, row, column" in text.getvalue()
    assert "@" not in text.getvalue()


def test_where_builders_choose_the_goal_is_told_among_its_candidates(choosing_run: Run) -> None:
    for generation in (0, 4):  # of trained objects, and of held-out ones
        row = choosing_run.episode(generation, 0)
        scenario = scenarios.get(row["scenario"])
        goal, among, candidates = tell(row).goal.partition(", among ")
        assert among
        assert goal == scenario.meaning_in_words(row["goal"])
        worlds = scenario.generate(np.array([row["world_number"]]), row["split"])
        shown = [f"({'·'.join(str(value + 1) for value in each)})" for each in worlds.choices[0].tolist()]
        rest = " and 2 more" if scenario.num_choices == 11 else ""
        assert candidates == ", ".join(shown[:9]) + rest
    text = io.StringIO()
    to_terminal(choosing_run, console=Console(file=text, width=110))
    assert "among (" in text.getvalue()
