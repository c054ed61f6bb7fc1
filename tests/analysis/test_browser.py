"""Pages as a real browser shows them: the player plays, steps back and shows what was simulated; nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.page import page
from analysis.player import Chapter, player
from analysis.report import write_report
from analysis.run import Run
from analysis.story import scenario_of
from tests.analysis.conftest import record_episodes
from tests.browser import opened
from world.recording import scene_of
from world.render import PALETTE

EXACT = {"guide": 32, "carry": 20, "forage": 20, "sokoban": 14, "describe": 14}  # episodes of each scenario

# every state of every episode, by clicks, with the colour in the middle of each cell of the canvas
WALK = """async () => {
  const player = document.getElementById("player");
  const part = name => player.querySelector("[data-part=" + name + "]");
  const press = name => player.querySelector("[data-do=" + name + "]").click();
  const seen = [];
  const look = () => {
    const state = boxlings.state(), canvas = part("world");
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    state.colours = state.look.map((_, i) => {
      const cell = canvas.width / state.cols;
      const x = Math.floor((i % state.cols + 0.5) * cell), y = Math.floor((Math.floor(i / state.cols) + 0.5) * cell);
      return Array.from(pixels.slice(4 * (y * canvas.width + x), 4 * (y * canvas.width + x) + 3));
    });
    seen.push(state);
  };
  for (let c = 0; c < part("chapter").options.length; c++) {
    part("chapter").selectedIndex = c;
    part("chapter").dispatchEvent(new Event("change"));
    for (let s = 0; s < part("story").options.length; s++) {
      part("story").selectedIndex = s;
      part("story").dispatchEvent(new Event("change"));
      look();
      while (boxlings.state().step < boxlings.state().steps) { press("step"); look(); }
    }
  }
  return seen;
}"""


def simulated(row: dict) -> list:
    """The scenes that the simulator makes of an episode's acts, from the world's number."""
    scenario = scenario_of(row)
    worlds = scenario.generate(np.array([row["world_number"]]), row["split"])
    scenes = [scene_of(worlds, 0)]
    for acts, answers in zip(row["actions"][: row["over_at"]], row["answers"], strict=False):
        scenario.advance(worlds, np.array([acts], np.int8), np.array([answers], np.int16))
        scenes.append(scene_of(worlds, 0))
    return scenes


def as_recorded(row: dict) -> dict:
    """A row as it is read back from disk: lists all the way."""
    return {key: _plain(value) for key, value in row.items()}


def _plain(value):
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return [_plain(item) for item in value] if isinstance(value, list) else value


def test_a_browser_shows_the_simulated_states_of_a_hundred_random_episodes(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    chapters = []
    for name, number in EXACT.items():
        rows = record_episodes(name, int(rng.integers(10_000)), number, rng)
        chapters.append(Chapter(name, name, [as_recorded(row) for row in rows]))
    path = tmp_path / "episodes.html"
    path.write_text(page("episodes", player(chapters)), encoding="utf-8")
    with opened(path) as tab:
        shown = tab.page.evaluate(WALK)
        assert tab.errors == []
    expected = [
        (chapter.id, row["episode"], step, scene)
        for chapter in chapters
        for row in chapter.episodes
        for step, scene in enumerate(simulated(row))
    ]
    assert sum(len(chapter.episodes) for chapter in chapters) == 100
    assert len(shown) == len(expected) > 500
    for state, (chapter, episode, step, scene) in zip(shown, expected, strict=True):
        assert (state["chapter"], state["story"], state["step"]) == (chapter, episode, step)
        assert state["owner"] == scene.body.ravel().tolist()
        assert state["look"] == scene.look.ravel().tolist()
        np.testing.assert_array_equal(np.array(state["colours"]), PALETTE[scene.seen.ravel()])


def test_the_player_plays_steps_back_and_changes_generation(talking_run: Run) -> None:
    path = write_report(talking_run)
    with opened(path) as tab:
        page = tab.page
        assert (tab.state()["chapter"], tab.state()["story"]) == ("g8", 0)  # the last generation is shown first
        page.select_option("[data-part=story]", "1")
        first = tab.state()
        assert (first["story"], first["step"], first["isPlaying"]) == (1, 0, False)
        page.select_option("[data-part=speed]", "4")
        page.click("[data-do=play]")
        assert tab.state()["isPlaying"]
        tab.wait_for(lambda state: not state["isPlaying"])
        assert tab.state()["step"] == first["steps"] > 1
        page.click("[data-do=back]")
        assert tab.state()["step"] == first["steps"] - 1
        page.click("[data-do=first]")
        assert tab.state() == first
        page.select_option("[data-part=chapter]", label=page.inner_text("[data-part=chapter] option >> nth=0"))
        assert (tab.state()["chapter"], tab.state()["step"]) == ("g0", 0)
        page.select_option("[data-part=story]", "2")
        assert tab.state()["story"] == 2
        assert tab.errors == []
        assert tab.requests == []


def test_the_player_obeys_the_keyboard(talking_run: Run) -> None:
    with opened(write_report(talking_run)) as tab:
        page = tab.page
        page.focus("#player")
        for key, part, value in (
            ("ArrowDown", "story", 1), ("ArrowRight", "step", 1), ("ArrowRight", "step", 2), ("ArrowLeft", "step", 1),
            ("End", "step", None), ("Home", "step", 0), (" ", "isPlaying", True), (" ", "isPlaying", False),
            ("ArrowUp", "story", 0), ("PageUp", "chapter", "g4"), ("PageDown", "chapter", "g8"), ("2", "selected", 1),
        ):  # fmt: skip
            page.keyboard.press(key)
            state = tab.state()
            assert state[part] == (state["steps"] if value is None else value), key
        assert tab.errors == []


def test_a_link_leads_to_its_moment(talking_run: Run) -> None:
    path = write_report(talking_run)
    longest = max(talking_run.episodes(4), key=lambda row: row["over_at"])["episode"]
    with opened(path, fragment=f"#g4/{longest}/2") as tab:
        state = tab.state()
        assert (state["chapter"], state["story"], state["step"]) == ("g4", longest, 2)
        tab.page.click("[data-part=edits] a >> nth=1")
        tab.wait_for(lambda state: state["step"] == 1)
        assert tab.page.evaluate("location.hash") == f"#g4/{longest}/1"
        tab.page.evaluate("location.hash = '#line/16/0'")
        tab.wait_for(lambda state: (state["chapter"], state["story"]) == ("line", 16))
    with opened(path, fragment="#no/such/place") as tab:
        assert tab.state()["step"] == 0
        assert tab.errors == []


def test_bubbles_say_the_words_and_what_they_mean(talking_run: Run) -> None:
    with opened(write_report(talking_run), fragment="#g8/0/1") as tab:
        words = tab.page.locator(".bubble .word").all_inner_texts()
        row = talking_run.episode(8, 0)
        assert len(words) == sum(len(said) for said in row["said"][0])
        assert any("%" in told for told in tab.page.locator(".bubble small").all_inner_texts())


def test_hostile_names_are_shown_as_text(tmp_path: Path, run: Run, hostile: str) -> None:
    folder = run.folder.rename(tmp_path / "<img src=x onerror=alert(3)> & <b>")
    from analysis.run import load_run

    with opened(write_report(load_run(folder))) as tab:
        dialogs: list[str] = []
        tab.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        assert tab.page.inner_text("h1") == "boxlings: <img src=x onerror=alert(3)> & <b>"
        assert hostile in tab.page.inner_text("#options")
        assert hostile in tab.page.inner_text("#language")
        assert tab.page.locator("img").count() == 0
        assert (tab.errors, tab.requests, dialogs) == ([], [], [])


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1100, "light")])
def test_a_report_fits_wide_and_narrow_pages_light_and_dark(talking_run: Run, width: int, scheme: str) -> None:
    with opened(write_report(talking_run), width=width, scheme=scheme) as tab:
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
        paper = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 28)"}[scheme]
        # ink of a figure's title stands out from the paper
        ink = tab.page.evaluate("getComputedStyle(document.querySelector('figure svg text')).fill")
        assert ink == {"light": "rgb(26, 26, 26)", "dark": "rgb(233, 236, 239)"}[scheme]
        tab.page.click("#theme")
        assert tab.page.evaluate("getComputedStyle(document.body).backgroundColor") != paper
        assert tab.errors == []
