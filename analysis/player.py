"""The player of recorded episodes in a web page: chapters of episodes, as data for player.js.

An episode is a start and the cells that every step changed, as it was recorded; texts that come up again and again are
kept once. So hundreds of episodes take a megabyte or two.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.page import asset, escaped, page
from analysis.run import Run
from analysis.story import Story, scenario_of, tell
from evolution.storage import write_bytes
from language.vocabulary import lexicon_of, symbol_name
from world.render import PALETTE
from world.scenarios.base import Attribute

Meaning = Callable[[dict, int, int, int], str]  # of an episode row, an agent, a place and a symbol: "red 98 %", or ""

_LEAST_ATTENTION = 8  # of 255; cells with less are left out
_LEAST_TOLD_BITS = 0.1  # a place that tells less about anything means nothing


@dataclass(frozen=True)
class Chapter:
    """Episodes that belong together, in a player."""

    id: str  # in links: "g40"
    name: str  # "generation 40"
    episodes: Sequence[dict]  # rows
    titles: Sequence[str] = ()  # of each episode, if it has another one than its number
    ids: Sequence[int] = ()  # of each episode in links, if it has another one than its number


def to_html(path: str | Path, episodes: Sequence[dict], titles: Sequence[str] = ()) -> Path:
    """Write recorded episodes as one page with a player: play, pause, step, back, scrub; `titles` of each, if any."""
    if not episodes:
        raise ValueError("a page needs at least one episode, got none")
    stories = [tell(row) for row in episodes]
    title = stories[0].title if len(stories) == 1 else f"{len(stories)} episodes of {stories[0].scenario}"
    if titles:
        chapters = [Chapter("line", title, episodes, titles, [row["episode"] for row in episodes])]
    else:
        chapters = [
            Chapter(f"g{number}", f"generation {number}", [row for row in episodes if row["generation"] == number])
            for number in dict.fromkeys(row["generation"] for row in episodes)
        ]
    path = Path(path)
    write_bytes(path, page(title, f"<h1>{escaped(title)}</h1>{player(chapters)}").encode())
    return path


def player(chapters: Sequence[Chapter], meaning: Meaning | None = None, opens: int = 0) -> str:
    """The player with its data, as HTML; at most one on a page. It opens with chapter number `opens`."""
    strings = _Strings()
    plain = [
        {
            "id": chapter.id,
            "name": strings.index(chapter.name),
            "stories": [
                _plain(row, strings, meaning)
                | ({"title": strings.index(chapter.titles[place])} if chapter.titles else {})
                | ({"id": chapter.ids[place]} if chapter.ids else {})
                for place, row in enumerate(chapter.episodes)
            ],
        }
        for chapter in chapters
    ]
    data = {
        "palette": ["#" + bytes(colour.tolist()).hex() for colour in PALETTE],
        "opens": opens,
        "chapters": plain,
        "strings": strings.all,
    }
    # "<" is escaped so that no recorded text can end the script element
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
    script = asset("player.js")
    return f'{_PLAYER}<script type="application/json" id="episodes">{text}</script><script>{script}</script>'


class Meanings:
    """What the boxlings of a run mean by a symbol: by what each would say first of a goal when that was recorded last.

    Of a boxling whose language was not recorded, what the fittest of that time meant.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._recorded = run.language_generations
        self._lexicons: dict[tuple[int, int], Mapping[tuple[int, int], str]] = {}

    def __call__(self, row: dict, agent: int, place: int, symbol: int) -> str:
        """The value that the symbol goes with most often at this place, and how often; "" where it means nothing."""
        if not self._recorded:
            return ""
        # the nearest, of two the earlier one
        generation = min(self._recorded, key=lambda each: (abs(each - row["generation"]), each))
        key = generation, int(row["boxlings"][agent])
        if key not in self._lexicons:
            self._lexicons[key] = self._lexicon(*key, scenario_of(row).attributes)
        return self._lexicons[key].get((place, symbol), "")

    def _lexicon(self, generation: int, boxling: int, attributes: Sequence[Attribute]) -> Mapping[tuple[int, int], str]:
        language = self._run.language(generation)
        if language.meanings.shape[1] != len(attributes):
            return {}
        speaker = boxling if boxling in language.boxlings else self._run.fittest(language)
        return {
            (row["position"], row["symbol"]): f"{row['value']} {row['probability']:.0%}"
            for row in lexicon_of(language.meanings, language.of(speaker), attributes)
            if row["symbol"] and row["information_bits"] >= _LEAST_TOLD_BITS
        }


class _Strings:
    """Texts by number, each kept once."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._index: dict[str, int] = {}

    def index(self, text: str) -> int:
        if text not in self._index:
            self._index[text] = len(self.all)
            self.all.append(text)
        return self._index[text]


def _plain(row: dict, strings: _Strings, meaning: Meaning | None) -> dict[str, Any]:
    """An episode as JSON values."""
    story = tell(row)
    start = story.frames[0].scene
    steps = []
    before = start
    for frame in story.frames:
        scene = frame.scene
        cells = np.flatnonzero((scene.body != before.body).ravel() | (scene.look != before.look).ravel())
        changed = np.stack([cells, scene.body.ravel()[cells], scene.look.ravel()[cells]], axis=1)
        before = scene
        letters = [letter for letter, _ in story.agents]
        steps.append(
            {
                "cells": changed.ravel().tolist(),
                "marks": [value for r, c, letter in frame.marks for value in (r, c, letters.index(letter))],
                "text": strings.index("; ".join(frame.changes)),
                "turns": [
                    _turn(row, story, frame.step - 1, place, strings, meaning) for place in range(len(frame.turns))
                ],
            }
        )
    return {
        "id": row["episode"],
        "title": strings.index(f"episode {story.episode}"),
        "circumstances": strings.index(story.circumstances),
        "goal": strings.index(story.goal),
        "outcome": strings.index(story.outcome),
        "isWon": story.is_won,
        "talks": story.talks,
        "rows": start.look.shape[0],
        "cols": start.look.shape[1],
        "floor": start.floor.ravel().tolist(),
        "look": start.look.ravel().tolist(),
        "owner": start.body.ravel().tolist(),
        "agents": [
            {
                "letter": strings.index(letter),
                "who": strings.index(who),
                "body": int(row["agent_body"][seat]),
                "believes": any(frame.turns[place].believes for frame in story.frames[1:]),
            }
            for place, ((letter, who), seat) in enumerate(zip(story.agents, story.seats, strict=True))
        ],
        "steps": steps,
    }


def _turn(row: dict, story: Story, step: int, place: int, strings: _Strings, meaning: Meaning | None) -> dict[str, Any]:
    """What the agent at this place of the story did in a step, from 0, as JSON values."""
    seat, turn = story.seats[place], story.frames[step + 1].turns[place]
    symbols = row["said"][step][seat] if turn.says else []
    says = [
        [strings.index(symbol_name(symbol)), strings.index(meaning(row, seat, k, symbol) if meaning else "")]
        for k, symbol in enumerate(symbols)
    ]
    attention = np.array(_part_of(row, "attention", step, seat), np.int64)
    cells = np.flatnonzero(attention >= _LEAST_ATTENTION)
    return {
        "says": says,
        "does": strings.index(turn.does),
        "believes": [
            [strings.index(belief.attribute), strings.index(belief.value), int(belief.is_right)]
            for belief in turn.believes
        ],
        "attention": np.stack([cells, attention[cells]], axis=1).ravel().tolist(),
        "experts": list(_part_of(row, "expert_use", step, seat)),
    }


def _part_of(row: dict, column: str, step: int, seat: int) -> Sequence[int]:
    """What was recorded of an agent in a step, () where that was not, or is of another shape than the episode."""
    steps = row.get(column) or ()
    agents = steps[step] if step < len(steps) else ()
    found = agents[seat] if seat < len(agents) else ()
    return () if column == "attention" and len(found) != row["height"] * row["width"] else found


_PLAYER = """<section class="player" id="player" tabindex="0" aria-label="recorded episodes">
<div class="pick">
<label>when <select data-part="chapter" aria-label="generation"></select></label>
<label>what <select data-part="story" aria-label="episode"></select></label>
</div>
<div class="stage"><canvas data-part="world" role="img" aria-label="the world"></canvas>
<div class="words" data-part="words"></div></div>
<div class="controls">
<button type="button" data-do="first">start</button>
<button type="button" data-do="back">back</button>
<button type="button" data-do="play">play</button>
<button type="button" data-do="step">step</button>
<button type="button" data-do="last">end</button>
<input data-part="at" type="range" min="0" value="0" aria-label="step">
<span class="step" data-part="step"></span>
<select data-part="speed" aria-label="speed">
<option value="0.5">½ ×</option><option value="1" selected>1 ×</option>
<option value="2">2 ×</option><option value="4">4 ×</option></select>
<a data-part="link" href="#">link to this moment</a>
</div>
<ol class="edits" data-part="edits" aria-label="what happened, step by step"></ol>
<noscript>The player needs JavaScript.</noscript>
</section>
<p class="dim small">Keys: <kbd>space</kbd> plays, <kbd>←</kbd> <kbd>→</kbd> step, <kbd>↑</kbd> <kbd>↓</kbd> change the
episode, <kbd>Page↑</kbd> <kbd>Page↓</kbd> the generation, <kbd>+</kbd> <kbd>−</kbd> the speed, <kbd>1</kbd> to
<kbd>9</kbd> choose an agent, once the player has the focus. White rings: what the chosen agent attends to. Below a
word: what its speaker means by it when it guides.</p>
"""
