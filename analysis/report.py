"""The report of a run: one self-contained web page with numbers, figures, words, families, options and replays.

Everything is there when it is opened from disk, without a network; see analysis/page.py for what keeps it so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.ancestors import Ancestor, ancestors_told
from analysis.drawing import svg
from analysis.families import clans
from analysis.figures import pictures
from analysis.inline_svg import inline
from analysis.page import escaped, page
from analysis.player import Chapter, Meanings, player
from analysis.run import Run
from evolution.storage import DamagedFile, newest_valid_checkpoint, read_checkpoint, write_bytes
from language.intervals import share_interval
from language.words import ANYWHERE
from world import scenarios

_MAX_PLAYER_BYTES = 3_000_000  # of episodes; of more recorded generations every second one is left out, and so on
_MAX_LINE = 40  # ancestors that the page shows at once; of a longer line the rest is folded away
_CAPTIONS = {
    "fitness": "Raw fitness over the generations: the mean, and the band from worst to best boxling.",
    "success": "Worlds solved over the generations. Bands are 95 % intervals over the worlds of this one run.",
    "vocabulary": "What the language is worth and what it looks like, over the generations.",
    "experts": "Which expert takes which kind of token: in the last generation, and over time.",
    "lineage": "The share of each founder's clan: a band is a boxling, its colour the founder of its clan.",
    "family-tree": "From whom the living descend; the black line is that of the fittest.",
    "lexicon": "What the fittest boxling's words mean: how probable each value is where a symbol is said.",
    "words": "The commonest words, as shares of what is said, over the generations.",
    "word-lives": "From when to when each word was in use, and how many were born and died.",
    "dialects": "How differently the boxlings of the last generation speak, families side by side, and before.",
}
# by the name of a section: what it is called, and its figures
_SECTIONS = {
    "fitness": ("Fitness and success", ("fitness", "success")),
    "language": ("Language", ("vocabulary", "lexicon", "words", "word-lives", "dialects")),
    "experts": ("Experts", ("experts",)),
    "lineage": ("Lineage", ("lineage", "family-tree")),
}
# measure, what it is called in tables, how it is written
MEASURES = (
    ("success", "worlds solved, trained goals", ".0%"),
    ("success_held_out", "worlds solved, held-out goals", ".0%"),
    ("success_muted", "worlds solved, muted", ".0%"),
    ("success_shuffled", "worlds solved, words shuffled", ".0%"),
    ("understanding", "goals understood, trained", ".0%"),
    ("understanding_held_out", "goals understood, held out", ".0%"),
    ("first_words_understood", "first words understood, trained", ".0%"),
    ("first_words_understood_held_out", "first words understood, held out", ".0%"),
    ("fitness_mean", "mean raw fitness", ".2f"),
    ("fitness_best", "raw fitness of the best", ".2f"),
    ("symbols_in_use", "symbols in effective use", ".1f"),
    ("message_entropy_bits", "bits per message", ".1f"),
    ("topographic_similarity", "topographic similarity", ".2f"),
    ("agreement", "agreement between speakers", ".0%"),
)
_TILES = (
    ("success", "success, trained goals"),
    ("success_held_out", "success, held-out goals"),
    ("success_muted", "success when muted"),
    ("understanding", "understanding"),
    ("topographic_similarity", "topographic similarity"),
    ("symbols_in_use", "symbols in effective use"),
    ("message_entropy_bits", "bits per message"),
    ("fitness_mean", "mean raw fitness"),
)
_FORMATS = {measure: form for measure, _, form in MEASURES}


def write_report(run: Run, path: str | Path | None = None) -> Path:
    """Write the page, RUN/report.html by default, whole or not at all, and return its path."""
    title = f"boxlings: {run.name}"
    colours: dict[str, tuple[str, str]] = {}
    drawn = {}
    for name, picture in pictures(run, lambda figure, name: svg(figure, name, has_paper=False)).items():
        drawn[name], own = inline(picture, escaped(_CAPTIONS[name]))
        colours |= own
    line = ancestors_told(run)
    sections: dict[str, list[str]] = {
        "summary": [f"<h1>{escaped(title)}</h1>", *missing_told(run.state.missing), *_summary(run), *_tiles(run)],
        "replay": _replay(run, line),
        "change": _changes(run),
    }
    for name, (heading, figures) in _SECTIONS.items():
        body = [_figure(figure, drawn[figure]) for figure in figures if figure in drawn]
        body += {"language": _lexicon, "lineage": lambda run: _line(run, line)}.get(name, lambda _: [])(run)
        sections[name] = [f"<h2>{heading}</h2>", *body] if body else []
    sections["options"] = _options(run)
    told = {"replay": "Replay", "change": "Before and after", "options": "Options"} | {
        name: heading for name, (heading, _) in _SECTIONS.items()
    }
    header = "".join(f'<a href="#{name}">{told[name]}</a>' for name, body in sections.items() if body and name in told)
    text = "\n".join(f'<section id="{name}">{"".join(body)}</section>' for name, body in sections.items() if body)
    path = Path(path or run.folder / "report.html")
    write_bytes(path, page(title, text, header, colours).encode())
    return path


# ---- in words ----


@dataclass(frozen=True)
class Told:
    """A measure of one generation, and how sure it is."""

    measure: str
    generation: int
    value: float
    interval: tuple[float, float] | None  # 95 %, of a share of worlds (Wilson)

    def __str__(self) -> str:
        form = _FORMATS.get(self.measure, ".2f")
        told = format(self.value, form).replace("-", "−")
        if self.interval is None:
            return told
        low, high = (format(bound, form) for bound in self.interval)
        return f"{told} ({low.removesuffix('%')} to {high})"


def measured(run: Run, measure: str, is_first: bool = False) -> Told | None:
    """A measure when it was taken last, or first, the founder's childhood included; None where it never was."""
    if measure not in run.generations:
        return None
    known = run.generations[measure].dropna()
    if not len(known):
        return None
    at = 0 if is_first else -1
    value, num_worlds = float(known.iloc[at]), run.worlds_behind(measure)
    interval = share_interval(round(value * num_worlds), num_worlds) if num_worlds else None
    return Told(measure, int(known.index[at]), value, interval)


def summary_sentences(run: Run) -> list[str]:
    """The run in words and numbers, as plain text; only what was measured is told."""
    lives = run.boxlings
    last_generation = int(run.generations.index[-1]) if len(run.generations) else 0
    num_alive = int((lives["generation"] == lives["generation"].max()).sum()) if len(lives) else 0
    sentences = [f"{num_alive} boxlings at a time lived through {last_generation} generations{_scenario_told(run)}."]
    sentences += _success_told(run)
    sentences += _language_told(run)
    if len(lives):
        sentences.append(_lineage_sentence(run))
    seconds = run.timing[run.timing["name"] == "wall_seconds"]["value"].sum()
    steps = run.timing[run.timing["name"] == "agent_steps"]["value"].sum()
    if seconds > 0:
        sentences.append(f"The run took {duration(seconds)} and {steps:,.0f} agent-steps.")
    if any(run.worlds_behind(measure) for measure in run.generations):
        sentences.append(
            "Intervals are 95 % intervals over the worlds that were played. They tell nothing of other seeds: "
            "for that, compare several runs."
        )
    return sentences


def last_value(run: Run, measure: str) -> float | None:
    """A measure's value in the last generation in which it was taken; None when it never was."""
    told = measured(run, measure)
    return told.value if told else None


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


def _scenario_told(run: Run) -> str:
    """ " of the scenario guide: ..."; "" where there is none of that name."""
    name = str(dict(flat_options(run.config)).get("scenario", ""))
    if name.partition("#")[0].partition(":")[0] not in scenarios.names():
        return ""
    told = f" of the scenario {name.partition('#')[0]}"
    with suppress(ValueError):  # its file of levels may be gone
        told += f": {scenarios.get(name).summary}"
    return told


def _success_told(run: Run) -> list[str]:
    """From what to what success went, what is due to words, and what holds for goals never trained on."""
    first, last = measured(run, "success", is_first=True), measured(run, "success")
    if first is None or last is None:
        return []
    chance = last_value(run, "chance")
    told = f"In generation {last.generation} they solved {last} of the worlds they were given"
    if last.generation > first.generation:
        told += f"; in generation {first.generation} it was {first}"
    sentences = [told + (f". By chance it would be {chance:.0%}." if chance is not None else ".")]
    aside = [
        (measured(run, measure), what)
        for measure, what in (
            ("success_muted", "with the channel muted"),
            ("success_shuffled", "with shuffled words"),
            ("success_held_out", "on goals never trained on"),
        )
    ]
    known = [(told, what) for told, what in aside if told is not None]
    if known:
        generation = max(told.generation for told, _ in known)
        listed = ", ".join(f"{told} {what}" for told, what in known)
        sentences.append(f"When last measured, in generation {generation}: {listed}.")
    muted = measured(run, "success_muted")
    if muted is not None and last.interval and muted.interval:
        if last.interval[0] > muted.interval[1]:
            sentences.append("Without hearing they do worse: what is said causes what is done.")
        else:
            sentences.append("Without hearing they do no worse: nothing shows that words cause what is done.")
    return sentences


def _language_told(run: Run) -> list[str]:
    """How much is understood, and how the vocabulary came about."""
    sentences = []
    understanding = measured(run, "understanding")
    if understanding is not None:
        sentences.append(f"In {understanding} of the worlds every builder's world model named the goal.")
    changes, since = [], 0
    for measure, what in (
        ("symbols_in_use", "symbols in effective use per place of a message"),
        ("topographic_similarity", "topographic similarity (0 for random words, 1 for one symbol an attribute)"),
        ("agreement", "agreement between speakers"),
    ):
        first, last = measured(run, measure, is_first=True), measured(run, measure)
        if first is not None and last is not None and first.generation < last.generation:
            changes.append(f"{what} from {first} to {last}")
            since = min(since, first.generation)
    if changes:
        when = "the founder's childhood" if since < 0 else "generation 0"
        sentences.append(f"Since {when} the language went, in {'; in '.join(changes)}.")
    return sentences


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


# ---- the parts of the page ----


def missing_told(told: Sequence[str]) -> list[str]:
    """What a run lacks, where it does: it was killed, or goes on, or a file is damaged."""
    if not told:
        return []
    return ['<div class="notice">', *(f"<p>{escaped(sentence)}</p>" for sentence in told), "</div>"]


def _summary(run: Run) -> list[str]:
    first, *others = summary_sentences(run)
    return [f"<p>{escaped(first)}</p>", "<ul>", *(f"<li>{escaped(told)}</li>" for told in others), "</ul>"]


def _tiles(run: Run) -> list[str]:
    tiles = []
    for measure, label in _TILES:
        told = measured(run, measure)
        if told is None:
            continue
        first = measured(run, measure, is_first=True)
        value = format(told.value, _FORMATS[measure]).replace("-", "−")
        aside = f"at first {first}" if first and first.generation < told.generation else ""
        tiles.append(
            f'<div class="tile"><b>{escaped(value)}</b><span>{escaped(label)}</span><span>{escaped(aside)}</span></div>'
        )
    return ['<div class="tiles">', *tiles, "</div>"] if tiles else []


def _figure(name: str, drawing: str) -> str:
    return f"<figure>{drawing}<figcaption>{escaped(_CAPTIONS[name])}</figcaption></figure>"


def _changes(run: Run) -> list[str]:
    """Every measure when it was taken first and last, those with the channel intervened on among them."""
    rows = []
    for measure, label, form in MEASURES:
        first, last = measured(run, measure, is_first=True), measured(run, measure)
        if first is None or last is None:
            continue
        change = last.value - first.value
        told = f"{100 * change:+.0f} points" if form.endswith("%") else format(change, f"+{form}")
        cells = [
            f'{escaped(each)}<br><span class="dim small">generation {each.generation}</span>'.replace("-", "−")
            for each in (first, last)
        ]
        row = "".join(f'<td class="number">{cell}</td>' for cell in (*cells, told.replace("-", "−")))
        rows.append(f"<tr><td>{escaped(label)}</td>{row}</tr>")
    if not rows:
        return []
    heads = ("at first", "at last", "change")
    return [
        "<h2>Before and after</h2>",
        '<p class="dim">Trained goals, goals that were never trained on, and interventions on the channel: muted, '
        "nobody hears anything; shuffled, what is heard was said in another world. In brackets 95 % intervals over "
        "worlds. Generations below 0 are the founder's childhood.</p>",
        '<div class="scroll"><table><thead><tr><th>measure</th>',
        *(f'<th class="number">{head}</th>' for head in heads),
        "</tr></thead><tbody>",
        *rows,
        "</tbody></table></div>",
    ]


def _lexicon(run: Run) -> list[str]:
    """What each symbol means at each place of a message, from the newest checkpoint that is not damaged."""
    folder, _ = newest_valid_checkpoint(run.folder / "checkpoints")
    rows = read_checkpoint(folder)[0].get("lexicon", []) if folder is not None else []
    if folder is None or not rows:
        return []
    long_words = [row for row in rows if row["position"] == ANYWHERE]
    rows = [row for row in rows if row["position"] != ANYWHERE]
    places = sorted({row["position"] for row in rows})
    meaning = {(row["symbol"], row["position"]): row for row in rows}
    html = [
        "<h3>Lexicon</h3>",
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
            html.append(f'<td class="text">{_meant(row["value"], row) if row else ""}</td>')
        html.append("</tr>")
    html.append("</tbody></table></div>")
    if long_words:
        html += [
            '<p class="dim">Words of several symbols, wherever they stand in a message: the attribute that their '
            "presence tells most about, and the value that they go with most often.</p>",
            '<div class="scroll"><table><tbody>',
            *(
                f'<tr><td class="word">{escaped(row["name"])}</td>'
                f'<td class="text">{_meant(row["attribute"] + " " + row["value"], row)}</td></tr>'
                for row in long_words
            ),
            "</tbody></table></div>",
        ]
    return html


def _meant(text: str, row: Mapping) -> str:
    return f"{escaped(text)} <span class='dim'>{row['probability']:.0%}</span>"


# ---- the line of ancestors ----


def _line(run: Run, line: Sequence[Ancestor]) -> list[str]:
    if not line:
        return []
    rows = [
        f'<tr><td class="number">{each.boxling}</td>'
        + (f'<td><a href="#line/{each.boxling}/0">watch</a></td>' if each.episode else "<td></td>")
        + f'<td class="number">{"–" if np.isnan(each.fitness) else f"{each.fitness:.2f}".replace("-", "−")}</td>'
        f"<td>{escaped(each.how)}</td></tr>"
        for each in line
    ]
    head = (
        '<div class="scroll"><table><thead><tr><th class="number">boxling</th><th>episode</th>'
        '<th class="number">fitness</th><th>how it was born</th></tr></thead><tbody>'
    )
    html = [
        f"<h3>The line of boxling {line[0].boxling}, the fittest</h3>",
        head, *rows[:_MAX_LINE], "</tbody></table></div>",
    ]  # fmt: skip
    if len(rows) > _MAX_LINE:
        html += [
            f"<details><summary>{len(rows) - _MAX_LINE} more ancestors</summary>",
            head, *rows[_MAX_LINE:], "</tbody></table></div></details>",
        ]  # fmt: skip
    return html


# ---- the replay ----


def _replay(run: Run, line: Sequence[Ancestor]) -> list[str]:
    recorded = {}
    for generation in run.generation_numbers:
        with suppress(DamagedFile):  # which is told at the top of the page
            recorded[generation] = run.episodes(generation)
    recorded = {generation: rows for generation, rows in recorded.items() if rows}
    meaning = Meanings(run)
    family = [each for each in reversed(line) if each.episode]
    if not recorded and not family:
        return ["<h2>Replay</h2><p>No episodes were recorded.</p>"]
    shown = list(recorded)
    while True:
        chapters = [Chapter(f"g{generation}", _generation_told(recorded[generation]), recorded[generation])
                    for generation in shown]  # fmt: skip
        if family:
            chapters.append(
                Chapter(
                    "line",
                    f"the line of boxling {line[0].boxling}, the fittest",
                    [each.episode for each in family if each.episode],
                    [each.title for each in family],
                    [each.boxling for each in family],
                )
            )
        html = player(chapters, meaning, opens=max(0, len(shown) - 1))
        if len(html) <= _MAX_PLAYER_BYTES or len(shown) < 3:
            break
        shown = [*shown[:-1:2], shown[-1]]  # as recordings are thinned: first and last stay
    num_episodes = sum(len(recorded[generation]) for generation in shown)
    told = f"{num_episodes} recorded episodes of {len(shown)} generations"
    if len(shown) < len(recorded):
        told += f"; left out to keep this page small: {len(recorded) - len(shown)} more"
    return ["<h2>Replay</h2>", f"<p>{escaped(told)}.</p>", html]


def _generation_told(rows: Sequence[dict]) -> str:
    num_won = sum(bool(row["is_won"]) for row in rows)
    return f"generation {rows[0]['generation']}: {num_won} of {len(rows)} episodes won"


def _options(run: Run) -> list[str]:
    rows = [
        f'<tr><td><code>{escaped(name)}</code></td><td class="text">{escaped(_option_told(value))}</td></tr>'
        for name, value in flat_options(run.config)
    ]
    return ["<h2>Options and versions</h2>", '<div class="scroll"><table><tbody>', *rows, "</tbody></table></div>"]


def _option_told(value: object) -> object:
    """
    >>> _option_told(True), _option_told(0.5)
    ('on', 0.5)
    """
    return "on" if value is True else "off" if value is False else value
