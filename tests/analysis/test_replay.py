"""Replays: the story of a recording, in the terminal and as films."""

import io
import os
import re
import select
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from analysis.replay import film, reels_of, scenes_of, tell, to_gif, to_mp4, to_terminal
from analysis.run import Run
from analysis.story import Belief, Frame, Turn, message_in_words
from analysis.terminal import Place, pressed
from world import scenarios
from world.codes import BOXLING_COLOUR
from world.recording import Scene
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
        path = to_gif(tmp_path / "episode.gif", film(episodes, steps_per_second=2.5, hold_seconds=4))
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
    with Image.open(to_gif(tmp_path / "episode.gif", film([row]))) as image:
        for number, frame in enumerate(story.frames):
            image.seek(number)
            pixels = np.asarray(image.convert("RGB")).astype(int)
            seen = frame.scene.seen
            marked = {(r, c) for r, c, _ in frame.marks}
            for (r, c), body in np.ndenumerate(frame.scene.body):
                if body and (r, c) not in marked:
                    middle = pixels[20 + 50 * r + 25, 20 + 50 * c + 25]
                    assert np.abs(middle - PALETTE[seen[r, c]]).max() < 16


def test_a_film_of_nothing_is_refused(run: Run) -> None:
    with pytest.raises(ValueError, match="at least one episode"):
        film([])
    with pytest.raises(ValueError, match="steps_per_second must be above 0, got 0"):
        film(run.episodes(), steps_per_second=0)
    with pytest.raises(ValueError, match="at most 16 episodes, got 20"):
        film(run.episodes() * 5, in_grid=True)


def test_a_grid_shows_all_episodes_side_by_side_until_the_last_is_over(run: Run) -> None:
    rows = run.episodes(4)
    shown = film(rows, titles=["one", "two", "three", "four"], in_grid=True, hold_seconds=5)
    stories = [tell(row) for row in rows]
    lengths = [len(story.frames) for story in stories]
    assert len(set(lengths)) > 1
    assert len(shown.images) == max(lengths)
    assert shown.seconds == [0.5] * (max(lengths) - 1) + [5]
    (width, height) = shown.images[0].size
    for step, image in enumerate(shown.images):
        pixels = np.asarray(image).astype(int)
        for place, story in enumerate(stories):
            frame = story.frames[min(step, len(story.frames) - 1)]
            seen = frame.scene.seen
            cell = 272 // seen.shape[0]
            left = place % 2 * width // 2 + (300 - cell * seen.shape[1]) // 2
            top = place // 2 * height // 2 + 70 + (272 - cell * seen.shape[0]) // 2
            marked = {(r, c) for r, c, _ in frame.marks}
            for r, c in np.ndindex(seen.shape):
                if (r, c) not in marked:
                    middle = pixels[top + cell * r + cell // 2, left + cell * c + cell // 2]
                    assert (middle == PALETTE[seen[r, c]]).all()


def test_a_video_shows_the_film_for_as_long(run: Run, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    shown = film([run.episode(4, 1)], steps_per_second=5, hold_seconds=1)
    with av.open(str(to_mp4(tmp_path / "episode.mp4", shown))) as video:
        frames = list(video.decode(video=0))
        stream = video.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (frames[0].width % 2, frames[0].height % 2) == (0, 0)
        assert len(frames) == pytest.approx(10 * sum(shown.seconds))
        last = np.asarray(frames[-1].to_image()).astype(int)
    expected = np.asarray(shown.images[-1]).astype(int)
    world = (slice(20, 420), slice(20, 420))
    assert np.abs(last[world] - expected[world]).mean() < 4


def test_without_its_coder_a_video_is_refused_in_a_sentence(run: Run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r"pip install 'boxlings\[video\]'"):
        to_mp4(tmp_path / "episode.mp4", film([run.episode(4, 0)]))
    assert list(tmp_path.glob("*.mp4")) == []


@pytest.mark.parametrize(("size", "agents", "words"), [(30, 9, 12), (4, 1, 1), (1, 3, 40)])
def test_odd_stories_fit_into_their_pictures(run: Run, size: int, agents: int, words: int, monkeypatch) -> None:
    story = tell(run.episode(4, 0))
    scene = Scene(*(np.zeros((size, size), np.uint8) for _ in range(3)))
    turn = Turn(" ".join(["ba"] * words), "goes right", (Belief("colour", "blue", False),) * 3)
    frames = (
        Frame(0, scene, (), (), ()),
        Frame(1, scene, (turn,) * agents, ("red box moves 1 up",) * 9, ((0, 0, "Z9"),)),
    )
    odd = replace(
        story, goal="colour blue, " * 20, agents=(("A", "builder, boxling 123456789"),) * agents, frames=frames,
        seats=tuple(range(agents)),
    )  # fmt: skip
    monkeypatch.setattr("analysis.film.tell", lambda row: odd)
    for in_grid in (False, True):
        shown = film([{}, {}], titles=["a title that is very long indeed " * 4] * 2, in_grid=in_grid)
        for image in shown.images:
            edge = np.asarray(image)
            # nothing is written across the margin
            assert (edge[-3:] == 255).all()
            assert (edge[:, -5:] == 255).all()


def shown(run: Run, **options) -> str:
    file = io.StringIO()
    reels = reels_of(run)
    to_terminal(reels, run.generation_numbers.index(4), 0, Console(file=file, width=110, **options))
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


def test_colours_are_those_of_the_palette(run: Run) -> None:
    text = shown(run, force_terminal=True, color_system="truecolor")
    red, green, blue = PALETTE[BOXLING_COLOUR]
    assert f"48;2;{red};{green};{blue}m" in text


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo terminals")
def test_in_a_terminal_keys_lead_on_and_back_and_leave_it_as_it_was(run: Run) -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "110", "LINES": "50"}
    viewer = subprocess.Popen(
        [sys.executable, "-m", "boxlings", "replay", str(run.folder), "--generation", "4", "--episode", "1"],
        stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=environment,
    )  # fmt: skip
    seen = ""

    def until(text: str) -> None:
        nonlocal seen
        end = time.monotonic() + 60
        while text not in seen:
            assert time.monotonic() < end, f"{text!r} was never shown, but {seen[-400:]!r}"
            if select.select([ours], [], [], 0.2)[0]:
                seen += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", os.read(ours, 65536).decode(errors="replace"))

    last = len(tell(run.episode(4, 1)).frames) - 1
    assert last > 2
    try:
        for key, shows in (
            ("", "space play"), ("\x1b[H", f"step 0 of {last}"), ("\x1b[C", f"step 1 of {last}"),
            ("n", f"step 2 of {last}"), ("\x1b[D", f"step 1 of {last}"), ("\x1b[F", f"step {last} of {last}"),
            ("\x1b[B", "generation 4, episode 3 of 4"), ("\x1b[6~", "generation 8, episode 1 of 4"),
        ):  # fmt: skip
            seen = ""
            os.write(ours, key.encode())
            until(shows)
        os.write(ours, b"q")
        while viewer.poll() is None:
            if select.select([ours], [], [], 0.1)[0]:
                os.read(ours, 65536)
        assert viewer.returncode == 0, viewer.stderr.read()
        assert termios.tcgetattr(theirs) == before
    finally:
        viewer.kill()
        viewer.stderr.close()
        os.close(ours)
        os.close(theirs)


def test_keys_mean_what_the_help_says() -> None:
    start = Place(reel=1, episode=1, step=2)

    def after(*keys: str) -> Place:
        place = start
        for key in keys:
            place = pressed(key, place, num_reels=3, num_episodes=4, num_steps=5)
        return place

    assert after("right").step == after("n").step == 3
    assert after("left", "left", "left").step == 0
    assert after("end", "right").step == 5
    assert after("home").step == 0
    assert after("space").is_playing
    assert not after("space", "left").is_playing
    assert after("end", "space") == Place(1, 1, 0, is_playing=True)  # from the start again
    assert after("down") == Place(1, 2)
    assert after("up", "up") == Place(1, 0)
    assert after("page down", "page down") == Place(2, 0)
    assert after("+").steps_per_second == 4.0
    assert after(*"-" * 9).steps_per_second == 0.25
    assert after("q").is_over
    assert after("escape").is_over
    assert after("x") == start


def test_an_episode_without_bodies_is_shown(naming_run: Run) -> None:
    text = io.StringIO()
    to_terminal(reels_of(naming_run), console=Console(file=text, width=110))
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
    to_terminal(reels_of(choosing_run), console=Console(file=text, width=110))
    assert "among (" in text.getvalue()
