"""The player's data and page; what a browser makes of them is in test_browser.py."""

import html
import json
import re
from pathlib import Path

import numpy as np
import pytest

from analysis.page import escaped, page
from analysis.player import Chapter, Meanings, player, to_html
from analysis.replay import tell
from analysis.run import Run
from language.vocabulary import symbol_name
from world.codes import BOXLING_COLOUR
from world.render import PALETTE


def data_of(text: str) -> dict:
    return json.loads(re.search(r'id="episodes">(.*?)</script>', text, re.DOTALL).group(1))


def test_a_page_holds_the_episodes_and_asks_for_nothing(run: Run, tmp_path: Path) -> None:
    text = to_html(tmp_path / "episode.html", run.episodes(4)).read_text(encoding="utf-8")
    data = data_of(text)
    strings = data["strings"]
    (chapter,) = data["chapters"]
    stories = [tell(row) for row in run.episodes(4)]
    assert [strings[told["goal"]] for told in chapter["stories"]] == [story.goal for story in stories]
    for told, story in zip(chapter["stories"], stories, strict=True):
        assert len(told["steps"]) == len(story.frames)
        owner, look = np.array(told["owner"]), np.array(told["look"])
        for step, frame in zip(told["steps"], story.frames, strict=True):
            cells = np.array(step["cells"], int).reshape(-1, 3)
            owner[cells[:, 0]], look[cells[:, 0]] = cells[:, 1], cells[:, 2]
            assert (owner == frame.scene.body.ravel()).all()
            assert (look == frame.scene.look.ravel()).all()
        says = [" ".join(strings[name] for name, _ in turn["says"]) for turn in told["steps"][1]["turns"]]
        assert says == [turn.says for turn in story.frames[1].turns]
    assert data["palette"][BOXLING_COLOUR] == "#" + bytes(PALETTE[BOXLING_COLOUR].tolist()).hex()
    assert "default-src 'none'" in text
    assert not re.search(r"https?:|src=|@import|url\(|innerHTML", text)
    for control in ("first", "back", "play", "step", "last"):
        assert f'data-do="{control}"' in text
    one = to_html(tmp_path / "one.html", run.episodes(4)[:1]).read_text(encoding="utf-8")
    assert "<h1>guide: generation 4, episode 0</h1>" in one
    with pytest.raises(ValueError, match="at least one episode"):
        to_html(tmp_path / "none.html", [])
    assert not (tmp_path / "none.html").exists()


def test_hostile_text_stays_text(run: Run, hostile: str) -> None:
    row = run.episode(4, 0)
    chapters = [Chapter(hostile, hostile, [row], [hostile])]
    text = page(hostile, f"<h1>{escaped(hostile)}</h1>" + player(chapters, lambda *_: hostile))
    assert hostile not in text
    assert "<img" not in text
    assert "alert(1)</script>" not in text
    assert text.count("<script") == text.count("</script>") == 3  # data, player and page
    data = data_of(text)
    assert data["strings"][data["chapters"][0]["stories"][0]["title"]] == hostile
    assert html.escape(hostile) in text


def test_a_word_means_what_its_speaker_says_it_of(talking_run: Run) -> None:
    row = talking_run.episode(8, 0)
    meanings = Meanings(talking_run)
    language = talking_run.language(8)
    speaker = int(language.boxlings[0])
    row = row | {"boxlings": [speaker] * len(row["boxlings"])}
    # the second attribute is a symbol of its own in the third place, 5 + its value
    assert meanings(row, 0, 2, 5) == "up 100%"
    assert meanings(row, 0, 2, 7) == "left 100%"
    assert meanings(row, 0, 2, 0) == ""
    stranger = row | {"boxlings": [10**6] * len(row["boxlings"])}  # whose language was not recorded
    assert meanings(stranger, 0, 2, 5) == "up 100%"
    told = data_of(player([Chapter("g8", "8", [row])], meanings))
    said = row["said"][0][tell(row).seats[0]]
    shown = told["chapters"][0]["stories"][0]["steps"][1]["turns"][0]["says"]
    assert [told["strings"][name] for name, _ in shown] == [symbol_name(symbol) for symbol in said]


def test_where_no_language_was_recorded_words_have_no_meaning(run: Run) -> None:
    assert Meanings(run)(run.episode(4, 0), 0, 0, 1) == ""


def test_attention_is_told_of_cells_that_have_some_and_use_of_all_experts(run: Run) -> None:
    row = run.episode(4, 0)
    num_steps, num_agents = len(row["actions"]), len(row["role"])
    cells = row["height"] * row["width"]
    attention = [[[0] * cells for _ in range(num_agents)] for _ in range(num_steps)]
    attention[0][1][5], attention[0][1][6] = 200, 3
    use = [[[255, 100, 155] for _ in range(num_agents)] for _ in range(num_steps)]
    told = data_of(player([Chapter("g4", "4", [row | {"attention": attention, "expert_use": use}])]))
    order = tell(row).seats
    turn = told["chapters"][0]["stories"][0]["steps"][1]["turns"][order.index(1)]
    assert turn["attention"] == [5, 200]
    assert turn["experts"] == [255, 100, 155]
    bare = data_of(player([Chapter("g4", "4", [row | {"attention": [], "expert_use": []}])]))
    assert bare["chapters"][0]["stories"][0]["steps"][1]["turns"][0]["attention"] == []


def test_attention_that_does_not_fit_the_world_is_not_shown(run: Run) -> None:
    row = run.episode(4, 1)
    turns = data_of(player([Chapter("g4", "generation 4", [row])]))["chapters"][0]["stories"][0]["steps"][1]["turns"]
    assert any(turn["attention"] for turn in turns)
    for agents in row["attention"]:
        agents[:] = [[200] * 5 for _ in agents[:2]]  # of one agent too few, and of another grid
    told = data_of(player([Chapter("g4", "generation 4", [row])]))["chapters"][0]["stories"][0]
    assert not any(turn["attention"] for step in told["steps"] for turn in step["turns"])
