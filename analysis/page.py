"""Self-contained web pages: a player for recorded episodes, and the frame that every page of ours has.

A page asks the network for nothing, and its content security policy forbids it to. Whatever was recorded
reaches the page as text: in HTML escaped, in the player's data as JSON whose "<" are escaped, and from there
only by textContent.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path

from analysis.story import Story, tell
from evolution.storage import write_bytes
from world.render import PALETTE


def to_html(path: str | Path, episodes: Sequence[dict]) -> Path:
    """Write recorded episodes as one page with a player: play, pause, step, back, scrub."""
    if not episodes:
        raise ValueError("a page needs at least one episode, got none")
    stories = [tell(row) for row in episodes]
    title = stories[0].title if len(stories) == 1 else f"{len(stories)} episodes of {stories[0].scenario}"
    path = Path(path)
    write_bytes(path, page(title, f"<h1>{escaped(title)}</h1>{player(stories)}").encode())
    return path


def page(title: str, body: str) -> str:
    """A whole page; `body` is HTML and must be escaped already, `title` is text."""
    return _PAGE.format(title=escaped(title), style=_STYLE, body=body)


def escaped(text: object) -> str:
    """
    >>> escaped("<b> & 'c'")
    '&lt;b&gt; &amp; &#x27;c&#x27;'
    """
    return html.escape(str(text), quote=True)


def player(stories: Sequence[Story]) -> str:
    """The player with its data, as HTML; at most one on a page."""
    data = {
        "palette": [[int(part) for part in colour] for colour in PALETTE],
        "stories": [_plain(s) for s in stories],
    }
    # "<" is escaped so that no recorded text can end the script element
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
    return f'{_PLAYER}<script type="application/json" id="episodes">{text}</script><script>{_SCRIPT}</script>'


def _plain(story: Story) -> dict:
    """A story as JSON values."""
    return {
        "title": story.title,
        "circumstances": story.circumstances,
        "goal": story.goal,
        "agents": story.agents,
        "talks": story.talks,
        "isWon": story.is_won,
        "outcome": story.outcome,
        "floor": story.frames[0].scene.floor.tolist(),
        "frames": [
            {
                "owner": frame.scene.body.tolist(),
                "look": frame.scene.look.tolist(),
                "marks": frame.marks,
                "changes": "; ".join(frame.changes),
                "turns": [
                    {
                        "says": turn.says,
                        "does": turn.does,
                        "believes": [[belief.attribute, belief.value, belief.is_right] for belief in turn.believes],
                    }
                    for turn in frame.turns
                ],
            }
            for frame in story.frames
        ],
    }


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""

_STYLE = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --card: #f5f6f8; --ink: #1a1a1a; --dim: #5a626c; --line: #d9dee4;
  --accent: #0068a6; --good: #00704f; --bad: #a83f00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181c; --card: #1f242a; --ink: #e9ecef; --dim: #a0a9b4; --line: #343b44;
    --accent: #6cbcf0; --good: #3ecf9f; --bad: #ff9a5c;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .75rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .6rem; }
p, ul { max-width: 46rem; margin: .5rem 0; }
ul { padding-left: 1.2rem; }
.dim { color: var(--dim); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; }
th, td { text-align: left; padding: .3rem 1.2rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--dim); font-weight: 500; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.text { overflow-wrap: anywhere; }
code, .word { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.word { font-weight: 600; color: var(--accent); }
figure { margin: 1rem 0; }
figure img { display: block; width: 100%; height: auto; background: #ffffff; border: 1px solid var(--line);
  border-radius: 8px; padding: .6rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(12.5rem, 1fr)); gap: .75rem;
  margin: 1rem 0; }
.tile { background: var(--card); border-radius: 8px; padding: .7rem .9rem; }
.tile b { display: block; font-size: 1.45rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.tile span { color: var(--dim); font-size: .88rem; }
details { margin: .75rem 0; }
summary { cursor: pointer; color: var(--accent); }
.player { background: var(--card); border-radius: 10px; padding: 1rem; max-width: 60rem; }
.player .stage { display: flex; flex-wrap: wrap; gap: 1.25rem; }
.player canvas { width: min(100%, 24rem); height: auto; align-self: flex-start; border-radius: 4px; }
.player .words { flex: 1 1 18rem; min-width: 0; }
.player .goal { font-size: 1.1rem; font-weight: 600; margin: 0 0 .1rem; }
.player .agent { display: grid; grid-template-columns: 1.9rem 1fr; gap: 0 .6rem; padding: .5rem 0;
  border-top: 1px solid var(--line); }
.player .letter { width: 1.7rem; height: 1.7rem; border-radius: 5px; background: var(--ink);
  color: var(--paper); font-weight: 700; display: grid; place-items: center; }
.player .who { display: flex; justify-content: space-between; gap: 1rem; }
.player .beliefs span { margin-right: .8rem; white-space: nowrap; }
.player .right { color: var(--good); font-weight: 700; }
.player .wrong { color: var(--bad); font-weight: 700; }
.player .end { min-height: 1.6rem; font-weight: 700; padding-top: .4rem; border-top: 1px solid var(--line); }
.player .controls { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem; margin-top: .9rem; }
.player .controls input { flex: 1 1 10rem; accent-color: var(--accent); }
.player button, .player select { font: inherit; color: var(--ink); background: var(--paper);
  border: 1px solid var(--line); border-radius: 6px; padding: .25rem .7rem; min-height: 2.1rem;
  cursor: pointer; }
.player [data-do="play"] { min-width: 4.6rem; font-weight: 600; }
.player select { max-width: 100%; margin-bottom: .9rem; }
.player button:disabled { opacity: .4; cursor: default; }
.player .step { min-width: 7.5rem; text-align: right; font-variant-numeric: tabular-nums; }
"""

_PLAYER = """<section class="player" aria-label="recorded episodes">
<select aria-label="episode" hidden></select>
<div class="stage"><canvas role="img" aria-label="the world"></canvas><div class="words"></div></div>
<div class="controls">
<button type="button" data-do="first">start</button>
<button type="button" data-do="back">back</button>
<button type="button" data-do="play">play</button>
<button type="button" data-do="step">step</button>
<input type="range" min="0" value="0" aria-label="step">
<span class="step"></span>
</div>
<noscript>The player needs JavaScript.</noscript>
</section>
"""

_SCRIPT = """
"use strict";
(function () {
  const data = JSON.parse(document.getElementById("episodes").textContent);
  const root = document.querySelector(".player");
  const canvas = root.querySelector("canvas"), words = root.querySelector(".words");
  const select = root.querySelector("select"), range = root.querySelector("input");
  const label = root.querySelector(".step");
  const button = name => root.querySelector("[data-do=" + name + "]");
  const css = data.palette.map(c => "rgb(" + c.join(",") + ")");
  let story = data.stories[0], at = 0, timer = null;

  function element(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function drawWorld(frame) {
    const rows = frame.owner.length, cols = frame.owner[0].length;
    const cell = Math.max(8, Math.floor(768 / Math.max(rows, cols)));
    canvas.width = cols * cell;
    canvas.height = rows * cell;
    const pen = canvas.getContext("2d");
    const ownerAt = (r, c) => r < 0 || c < 0 || r >= rows || c >= cols ? 0 : frame.owner[r][c];
    for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) {
      const body = frame.owner[r][c];
      const inset = body ? 0 : Math.round(cell / 8), floor = story.floor[r][c];
      pen.fillStyle = css[frame.look[r][c]];
      pen.fillRect(c * cell, r * cell, cell, cell);
      if (!floor) continue;
      pen.fillStyle = css[floor];
      pen.fillRect(c * cell + inset, r * cell + inset, cell - 2 * inset, cell - 2 * inset);
      if (!body) continue;
      // a mark on the floor is seen around what stands on it
      const rim = Math.round(cell / 8);
      pen.fillStyle = css[frame.look[r][c]];
      pen.fillRect(c * cell + rim, r * cell + rim, cell - 2 * rim, cell - 2 * rim);
    }
    pen.fillStyle = "rgba(128,128,128,0.28)";
    for (let r = 1; r < rows; r++) pen.fillRect(0, r * cell - 1, canvas.width, 2);
    for (let c = 1; c < cols; c++) pen.fillRect(c * cell - 1, 0, 2, canvas.height);
    const edge = Math.max(2, Math.round(cell / 16));
    for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) {
      const body = frame.owner[r][c];
      if (!body) continue;
      const x = c * cell, y = r * cell;
      pen.fillStyle = css[frame.look[r][c]];
      if (ownerAt(r, c + 1) === body) pen.fillRect(x + cell - 2, y + edge, 4, cell - 2 * edge);
      if (ownerAt(r + 1, c) === body) pen.fillRect(x + edge, y + cell - 2, cell - 2 * edge, 4);
      pen.fillStyle = "rgba(0,0,0,0.55)";
      if (ownerAt(r - 1, c) !== body) pen.fillRect(x, y, cell, edge);
      if (ownerAt(r + 1, c) !== body) pen.fillRect(x, y + cell - edge, cell, edge);
      if (ownerAt(r, c - 1) !== body) pen.fillRect(x, y, edge, cell);
      if (ownerAt(r, c + 1) !== body) pen.fillRect(x + cell - edge, y, edge, cell);
    }
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.font = "bold " + Math.round(cell * 0.38) + "px sans-serif";
    pen.fillStyle = css[0];
    for (const [r, c, letter] of frame.marks) {
      const eye = Math.round(cell / 6);
      for (const x of [1 / 3, 2 / 3]) {
        pen.fillRect((c + x) * cell - eye / 2, (r + 0.33) * cell - eye / 2, eye, eye);
      }
      pen.fillText(letter, (c + 0.5) * cell, (r + 0.76) * cell);
    }
  }

  function writeWords(frame) {
    const isLast = at === story.frames.length - 1;
    words.replaceChildren();
    words.append(element("p", "goal", "goal: " + story.goal), element("p", "dim", story.circumstances));
    story.agents.forEach(([letter, who], i) => {
      const turn = frame.turns[i];
      const row = element("div", "agent"), body = element("div");
      const head = element("div", "who");
      head.append(element("span", "dim", who), element("span", "", turn ? turn.does : ""));
      const says = element("div", "", "");
      says.append(element("span", "dim", "says "));
      says.append(turn && turn.says ? element("span", "word", turn.says) : element("span", "dim", "–"));
      body.append(head);
      if (story.talks) body.append(says);
      if (story.frames.some(f => f.turns[i] && f.turns[i].believes.length)) {
        const beliefs = element("div", "beliefs");
        beliefs.append(element("span", "dim", turn ? "believes" : "believes –"));
        for (const [attribute, value, isRight] of turn ? turn.believes : []) {
          const belief = element("span", "", attribute + " " + value + " ");
          belief.append(element("b", isRight ? "right" : "wrong", isRight ? "✓" : "✗"));
          beliefs.append(belief);
        }
        body.append(beliefs);
      }
      row.append(element("div", "letter", letter), body);
      words.append(row);
    });
    const end = element("div", "end");
    if (isLast) {
      end.textContent = (story.isWon ? "✓ " : "✗ ") + story.outcome;
      end.classList.add(story.isWon ? "right" : "wrong");
    }
    words.append(end, element("p", "dim", frame.changes));
  }

  function show(step) {
    at = Math.max(0, Math.min(step, story.frames.length - 1));
    const frame = story.frames[at], last = story.frames.length - 1;
    drawWorld(frame);
    writeWords(frame);
    range.max = last;
    range.value = at;
    label.textContent = "step " + at + " of " + last;
    button("first").disabled = button("back").disabled = at === 0;
    button("step").disabled = at === last;
    if (at === last) pause();
  }

  function pause() {
    clearInterval(timer);
    timer = null;
    button("play").textContent = "play";
  }

  function play() {
    if (at === story.frames.length - 1) show(0);
    button("play").textContent = "pause";
    timer = setInterval(() => show(at + 1), 500);
  }

  button("first").addEventListener("click", () => { pause(); show(0); });
  button("back").addEventListener("click", () => { pause(); show(at - 1); });
  button("step").addEventListener("click", () => { pause(); show(at + 1); });
  button("play").addEventListener("click", () => { if (timer === null) play(); else pause(); });
  range.addEventListener("input", () => { pause(); show(Number(range.value)); });
  root.addEventListener("keydown", event => {
    if (event.target === range || event.target === select) return;
    if (event.key === "ArrowRight") { pause(); show(at + 1); }
    if (event.key === "ArrowLeft") { pause(); show(at - 1); }
  });
  data.stories.forEach((each, i) => {
    const option = element("option", "", (each.isWon ? "✓ " : "✗ ") + each.title + " (" + each.goal + ")");
    option.value = i;
    select.append(option);
  });
  select.hidden = data.stories.length < 2;
  select.addEventListener("change", () => { pause(); story = data.stories[Number(select.value)]; show(0); });
  show(0);
})();
"""
