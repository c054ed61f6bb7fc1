"""The report of a run: one self-contained web page with numbers, figures, words, options and replays."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from analysis.families import clans
from analysis.figures import pictures
from analysis.page import escaped, page, player
from analysis.run import Run
from analysis.story import tell
from evolution.storage import newest_valid_checkpoint, read_checkpoint, write_bytes
from language.words import ANYWHERE
from world import scenarios

_MAX_EPISODES = 40  # in the player; keeps the page well under 5 MB
_CAPTIONS = {
    "fitness": "Raw fitness over the generations: the mean, and the band from worst to best boxling.",
    "vocabulary": "What the language is worth and what it looks like, over the generations.",
    "experts": "Which expert takes which kind of token: in the last generation, and over time.",
    "lineage": "Who descends from whom: a band is a boxling, its colour the founder of its clan.",
    "lexicon": "What the fittest boxling's words mean: how probable each value is where a symbol is said.",
    "words": "The commonest words, as shares of what is said, over the generations.",
    "word-lives": "From when to when each word was in use, and how many were born and died.",
    "dialects": "How differently the boxlings of the last generation speak, families side by side, and before.",
}
_ASIDES = (
    ("success_muted", "with the channel muted"),
    ("success_shuffled", "with shuffled words"),
    ("success_held_out", "on goals never trained on"),
)
_TILES = (  # measure, what it is called, format
    ("success", "success, trained goals", ".0%"),
    ("success_held_out", "success, held-out goals", ".0%"),
    ("success_muted", "success when muted", ".0%"),
    ("understanding", "understanding", ".0%"),
    ("topographic_similarity", "topographic similarity", ".2f"),
    ("symbols_in_use", "symbols in effective use", ".1f"),
    ("message_entropy_bits", "bits per message", ".1f"),
    ("fitness_mean", "mean raw fitness", ".2f"),
)


def write_report(run: Run) -> Path:
    """Write RUN/report.html, whole or not at all, and return its path."""
    title = f"boxlings: {run.name}"
    body = [f"<h1>{escaped(title)}</h1>", *_summary(run), *_tiles(run), *_figures(run)]
    body += [*_lexicon(run), *_replay(run), *_options(run)]
    path = run.folder / "report.html"
    write_bytes(path, page(title, "\n".join(body)).encode())
    return path


def summary_sentences(run: Run) -> list[str]:
    """The run in words and numbers, as plain text; only what was measured is told."""
    table = run.generations
    last_generation = int(table.index[-1]) if len(table) else 0
    lives = run.boxlings
    sentences = []
    name = str(dict(flat_options(run.config)).get("scenario", ""))
    num_alive = int((lives["generation"] == lives["generation"].max()).sum()) if len(lives) else 0
    told = f"{num_alive} boxlings at a time lived through {last_generation} generations"
    if name.partition("#")[0].partition(":")[0] in scenarios.names():
        told += f" of the scenario {name.partition('#')[0]}"
        with suppress(ValueError):  # its file of levels may be gone
            told += f": {scenarios.get(name).summary}"
    sentences.append(f"{told}.")
    success = last_value(run, "success")
    if success is not None:
        told = f"In generation {last_generation} they solved {success:.0%} of the worlds they were given"
        chance = last_value(run, "chance")
        sentences.append(told + (f" (chance: {chance:.0%})." if chance is not None else "."))
    asides = [(measure, what) for measure, what in _ASIDES if last_value(run, measure) is not None]
    if asides:
        generation = max(table[measure].last_valid_index() for measure, _ in asides)
        told = ", ".join(f"{last_value(run, measure):.0%} {what}" for measure, what in asides)
        sentences.append(f"When last measured, in generation {generation}: {told}.")
    understanding = last_value(run, "understanding")
    if understanding is not None:
        sentences.append(f"In {understanding:.0%} of the worlds every builder's world model named the goal.")
    if len(lives):
        sentences.append(_lineage_sentence(run))
    seconds = run.timing[run.timing["name"] == "wall_seconds"]["value"].sum()
    steps = run.timing[run.timing["name"] == "agent_steps"]["value"].sum()
    if seconds > 0:
        sentences.append(f"The run took {duration(seconds)} and {steps:,.0f} agent-steps.")
    return sentences


def last_value(run: Run, measure: str) -> float | None:
    """A measure's value in the last generation in which it was taken; None when it never was."""
    if measure not in run.generations:
        return None
    known = run.generations[measure].dropna()
    return float(known.iloc[-1]) if len(known) else None


def duration(seconds: float) -> str:
    """
    >>> duration(42), duration(61), duration(7325)
    ('42 s', '1 min 1 s', '2 h 2 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def flat_options(config: Mapping) -> Iterator[tuple[str, object]]:
    """The options of nested tables with dotted names.

    >>> list(flat_options({"seed": 1, "world": {"num_boxes": 4}}))
    [('seed', 1), ('world.num_boxes', 4)]
    """
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{name}", option) for name, option in flat_options(value))
        else:
            yield key, value


def _lineage_sentence(run: Run) -> str:
    lives = run.boxlings
    clan_of = clans(lives)
    last = lives[lives["generation"] == lives["generation"].max()]
    sizes = clan_of[last["boxling"]].value_counts()
    num_born = int((lives.drop_duplicates("boxling")["birth_generation"] > 0).sum())
    clan, share = int(sizes.index[0]), sizes.iloc[0] / sizes.sum()
    return (
        f"{num_born} boxlings were born on the way; {len(sizes)} of {clan_of.nunique()} clans live on, "
        f"the largest is that of boxling {clan} with {share:.0%} of the population."
    )


def _summary(run: Run) -> list[str]:
    first, *others = summary_sentences(run)
    return [f"<p>{escaped(first)}</p>", "<ul>", *(f"<li>{escaped(told)}</li>" for told in others), "</ul>"]


def _tiles(run: Run) -> list[str]:
    tiles = [
        f'<div class="tile"><b>{escaped(format(value, form))}</b><span>{escaped(label)}</span></div>'
        for measure, label, form in _TILES
        if (value := last_value(run, measure)) is not None
    ]
    return ['<div class="tiles">', *tiles, "</div>"] if tiles else []


def _figures(run: Run) -> list[str]:
    html = ["<h2>Figures</h2>"]
    for name, png in pictures(run).items():
        data = base64.b64encode(png).decode()
        caption = escaped(_CAPTIONS[name])
        html.append(f'<figure><img alt="{caption}" src="data:image/png;base64,{data}"></figure>')
    return html


def _lexicon(run: Run) -> list[str]:
    """What each symbol means at each place of a message, from the newest checkpoint that is not damaged."""
    folder, _ = newest_valid_checkpoint(run.folder / "checkpoints")
    if folder is None:
        return []
    rows = read_checkpoint(folder)[0].get("lexicon", [])
    if not rows:
        return []
    long_words = [row for row in rows if row["position"] == ANYWHERE]
    rows = [row for row in rows if row["position"] != ANYWHERE]
    places = sorted({row["position"] for row in rows})
    meaning = {(row["symbol"], row["position"]): row for row in rows}
    html = [
        "<h2>Lexicon</h2>",
        f'<p class="dim">What a word means at each place of a message, generation {int(folder.name)}: the '
        "value that it goes with most often, and how often it does. A place stands for the attribute that it "
        "tells most about (in brackets: how many bits).</p>",
        '<div class="scroll"><table><thead><tr><th>word</th>',
    ]
    for place in places:
        row = next(row for row in rows if row["position"] == place)
        html.append(f"<th>place {place + 1}: {escaped(row['attribute'])} ({row['information_bits']:.1f})</th>")
    html.append("</tr></thead><tbody>")
    for symbol, name in sorted({row["symbol"]: row["name"] for row in rows}.items()):
        html.append(f'<tr><td class="word">{escaped(name)}</td>')
        for place in places:
            row = meaning.get((symbol, place))
            told = f"{escaped(row['value'])} <span class='dim'>{row['probability']:.0%}</span>" if row else ""
            html.append(f'<td class="text">{told}</td>')
        html.append("</tr>")
    html.append("</tbody></table></div>")
    if long_words:
        html += [
            '<p class="dim">Words of several symbols, wherever they stand in a message: the attribute that their '
            "presence tells most about, and the value that they go with most often.</p>",
            '<div class="scroll"><table><tbody>',
        ]
        for row in long_words:
            told = (
                f"{escaped(row['attribute'])} {escaped(row['value'])} <span class='dim'>{row['probability']:.0%}</span>"
            )
            html.append(f'<tr><td class="word">{escaped(row["name"])}</td><td class="text">{told}</td></tr>')
        html.append("</tbody></table></div>")
    return html


def _replay(run: Run) -> list[str]:
    rows = run.episodes() if run.generation_numbers else []
    if not rows:
        return ["<h2>Replay</h2><p>No episodes were recorded.</p>"]
    stories = [tell(row) for row in rows[:_MAX_EPISODES]]
    num_won = sum(story.is_won for story in stories)
    told = f"Generation {stories[0].generation}: {len(stories)} recorded episodes, {num_won} of them won."
    return ["<h2>Replay</h2>", f"<p>{escaped(told)}</p>", player(stories)]


def _options(run: Run) -> list[str]:
    rows = [
        f'<tr><td><code>{escaped(name)}</code></td><td class="text">{escaped(value)}</td></tr>'
        for name, value in flat_options(run.config)
    ]
    return ["<h2>Options</h2>", '<div class="scroll"><table><tbody>', *rows, "</tbody></table></div>"]
