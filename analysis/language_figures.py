"""Figures of a recorded language: its lexicon, its words over the generations, its dialects.

A *word* here is a symbol at a place of the message, written ba₁ for "ba" in the first place, or several symbols that
belong together wherever they stand (language.words), written babe. Functions of what a run recorded: each draws on the
axes it is given, or on new ones, and returns them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from analysis.drawing import (
    BLACK,
    BLUE,
    BLUES,
    CLAN_COLOURS,
    DPI,
    GREEN,
    GREY,
    MAX_SHAPES,
    ON_DARK,
    ON_LIGHT,
    PALE,
    PAPER,
    PURPLE,
    VERMILION,
    AnyAxes,
    Colour,
    darker,
    draw_measure,
    dress,
    flat_axes,
    label_ends,
    new_axes,
    say_if_empty,
    span_generations,
    towards_white,
)
from analysis.families import clan_colours, clans, family_order
from analysis.run import Language, Run
from evolution.storage import newest_valid_checkpoint, read_checkpoint
from language.measures import language_distances, mutual_information_bits
from language.vocabulary import SILENCE, symbol_name
from language.words import long_words, merges_of, symbols_of, train_words, word_tokenizer, words_said

IN_USE = 0.02  # a word is in use in a generation where at least this share of messages says it
_MAX_GENERATIONS = 60  # of a longer run as many are read, evenly spread, first and last among them
_MAX_PLACES, _MAX_SYMBOLS, _MAX_VALUES = 12, 24, 40  # in the lexicon: panels, columns of each, rows of each
_MAX_STACKED = 14  # words that have a name in the stack
_MAX_LIVES = 40  # words that have a bar in the timeline
_MAX_COMPARED = 200_000  # messages that are compared for one mean distance
_NOTHING = "no language was recorded in this run"
_SILENT = "nobody said a word"
_ALONE = "one boxling has no one to differ from"


def drawn_of_language(run: Run) -> Iterator[tuple[str, Figure | SubFigure]]:
    """Every figure of a run's language by its name, one after the other; none where no language was recorded."""
    if not run.language_generations:
        return
    use = word_use(run)
    yield "lexicon", plot_lexicon(run)[0].figure
    yield "words", plot_words(run, use=use).figure
    yield "word-lives", plot_word_lives(run, use=use)[0].figure
    yield "dialects", plot_dialects(run)[0].figure


# ---- the lexicon ----


def plot_lexicon(run: Run, axes: AnyAxes | None = None, generation: int | None = None) -> list[Axes]:
    """What the fittest boxling's words mean: for each place of a message, p(value | symbol) as a heat map.

    One axes a place, and one more where there are words of several symbols. Symbols stand in the order of the values
    that they mean. Of a large language the commonest symbols, the best-named values and the places that tell most are
    shown.
    """
    if not run.language_generations:
        return _nothing_to_show(axes, 1, "Lexicon")
    language = run.language(generation)
    boxling = run.fittest(language)
    names = _value_names(run, language.meanings)
    panels = _lexicon_panels(language, language.of(boxling), names)
    rows = _rows_shown(panels)
    if axes is None:
        axes = _lexicon_axes(max(len(panel.words) for panel in panels), len(panels), len(rows))
    flat = flat_axes(axes)
    if len(flat) != len(panels):
        raise ValueError(f"the lexicon of this run needs {len(panels)} axes, got {len(flat)}")
    for ax, panel in zip(flat, panels, strict=True):
        _draw_panel(ax, panel, rows, names)
    figure = flat[0].figure
    title = f"Lexicon of boxling {boxling}, the fittest of generation {language.generation}: what each word says"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold", color=BLACK)
    _draw_scale(flat, 1.0, "probability of the value where the word is said", is_share=True)
    return flat


@dataclass(frozen=True)
class _Panel:
    """The words of one place, or those of several symbols."""

    title: str
    words: list[str]
    share: list[np.ndarray]  # of each attribute: p(value | word), (values, words)


def _lexicon_panels(
    language: Language, messages: np.ndarray, names: Sequence[tuple[str, Sequence[str]]]
) -> list[_Panel]:
    """A panel for each place at which anything is said, and one for words of several symbols if there are any."""
    meanings = language.meanings
    num_values = [len(values) for _, values in names]
    information = np.array(
        [[round(mutual_information_bits(column, said), 9) for column in meanings.T] for said in messages.T]
    )  # (L, K)
    places = [place for place, said in enumerate(messages.T) if said.any()] or [0]
    tell_most = sorted(places, key=lambda place: -information[place].max())[:_MAX_PLACES]
    panels = []
    for place in sorted(tell_most):
        best = int(np.argmax(information[place]))
        bits = information[place, best]
        symbols, counts = np.unique(messages[:, place], return_counts=True)
        commonest = symbols[np.argsort(-counts, kind="stable")][:_MAX_SYMBOLS]
        title = f"place {place + 1}: {names[best][0] if bits else 'nothing'} ({bits:.1f} bits)"
        if len(commonest) < len(symbols):
            title += f", {len(commonest)} of {len(symbols)} symbols"
        words = [symbol_name(symbol) for symbol in commonest]
        panels.append(_panel(title, best, words, messages[:, place, None] == commonest, meanings, num_values))
    everything = language.messages.reshape(-1, messages.shape[1])
    tokenizer = train_words(everything, max(int(everything.max()), 1), num_speakers=len(language.boxlings))
    known = long_words(tokenizer)
    said = words_said(tokenizer, messages)
    counted = Counter(word for row in said for word in set(row) & set(known))
    words = sorted(counted, key=lambda word: (-counted[word], known[word]))[:_MAX_SYMBOLS]
    if words:
        says = np.array([[word in row for word in words] for row in said])
        panels.append(_panel("words of several symbols", None, words, says, meanings, num_values))
    return panels


def _panel(
    title: str,
    attribute: int | None,
    words: list[str],
    says: np.ndarray,
    meanings: np.ndarray,
    num_values: Sequence[int],
) -> _Panel:
    """Sort the words (W) by their value of that attribute, or of the one that each names best.

    `says` (M, W): whether a word is said.
    """
    share = []
    for column, size in zip(meanings.T, num_values, strict=True):
        is_value = column[:, None] == np.arange(size)  # (M, values)
        share.append((is_value.T.astype(float) @ says) / says.sum(axis=0))
    most = np.array([table.max(axis=0) for table in share])  # (attributes, words)

    def key(word: int) -> tuple[int, int, float, str]:
        named = int(most[:, word].argmax()) if attribute is None else attribute
        return named, int(share[named][:, word].argmax()), -float(most[named, word]), words[word]

    order = sorted(range(len(words)), key=key)
    return _Panel(title, [words[word] for word in order], [table[:, order] for table in share])


def _rows_shown(panels: Sequence[_Panel]) -> list[tuple[int, int]]:
    """Attribute and value of each row: all, or of each attribute those that some word names best."""
    tables = [np.concatenate(tables, axis=1).max(axis=1) for tables in zip(*(p.share for p in panels), strict=True)]
    is_all = sum(map(len, tables)) <= _MAX_VALUES
    most = max(map(len, tables)) if is_all else max(_MAX_VALUES // len(tables), 2)
    return [
        (attribute, int(value))
        for attribute, named in enumerate(tables)
        for value in np.sort(np.argsort(-named, kind="stable")[:most])
    ]


def _value_names(run: Run, meanings: np.ndarray) -> list[tuple[str, list[str]]]:
    """The name of each attribute and of its values, from the newest checkpoint; numbers where it tells none."""
    folder, _ = newest_valid_checkpoint(run.folder / "checkpoints")
    told = read_checkpoint(folder)[0].get("attributes", []) if folder else []
    if len(told) == meanings.shape[1]:
        return [(attribute["name"], list(attribute["values"])) for attribute in told]
    return [
        (f"attribute {k + 1}", [str(value) for value in range(column.max(initial=0) + 1)])
        for k, column in enumerate(meanings.T)
    ]


def _lexicon_axes(most_words: int, num_panels: int, num_rows: int) -> np.ndarray:
    """A grid of axes whose cells are large enough to be read, at most 13 inches wide where that is possible."""
    panel_width = max(0.25 * most_words, 2.0) + 0.1  # inches; a title needs two of them
    num_lines = -(-num_panels // max(1, int(11.0 / panel_width)))
    in_a_row = -(-num_panels // num_lines)
    width = 2.0 + max(in_a_row * panel_width, 6.2)
    height = 0.7 + num_lines * (0.19 * max(num_rows, 4) + 0.6)
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    grid = figure.subplots(num_lines, in_a_row, squeeze=False).ravel()
    for ax in grid[num_panels:]:
        ax.remove()
    return grid[:num_panels]


def _draw_panel(
    ax: Axes, panel: _Panel, rows: Sequence[tuple[int, int]], names: Sequence[tuple[str, Sequence[str]]]
) -> None:
    share = np.array([panel.share[attribute][value] for attribute, value in rows])
    dress(ax, panel.title, "", x_label="")
    ax.set_title(ax.get_title(loc="left"), loc="left", fontsize=9.5, color=BLACK, pad=5)
    ax.grid(False)
    ax.pcolormesh(
        share, cmap=BLUES, vmin=0.0, vmax=1.0, edgecolors=PAPER, linewidth=0.8, rasterized=share.size > MAX_SHAPES
    )
    for i in range(1, len(rows)):
        if rows[i][0] != rows[i - 1][0]:
            ax.axhline(i, color=GREY, linewidth=0.9)
    ax.set_xticks(np.arange(len(panel.words)) + 0.5, panel.words, rotation=90 if max(map(len, panel.words)) > 2 else 0)
    place = ax.get_subplotspec()
    is_left = place is None or place.is_first_col()  # the others have the same rows
    labels = [f"{names[attribute][0]} {names[attribute][1][value]}" if is_left else "" for attribute, value in rows]
    ax.set_yticks(np.arange(len(rows)) + 0.5, labels)
    ax.tick_params(length=0, labelsize=8)
    ax.invert_yaxis()
    for side in ax.spines.values():
        side.set_visible(False)


# ---- words over the generations ----


def word_use(run: Run) -> pd.DataFrame:
    """How often a message says each word, mean over all boxlings and trained meanings.

    Index generation, one column a word: symbols by place, then words of several symbols. Words of several symbols are
    those that `train_words` finds in any of the generations; all generations are read with the same list of them.
    """
    languages = [run.language(generation) for generation in _spread_out(run.language_generations)]
    if not languages:
        return pd.DataFrame()
    num_symbols = max(1, *(int(language.messages.max(initial=0)) for language in languages))
    found: Counter[tuple[str, str]] = Counter()
    spoken = []
    for language in languages:
        messages = language.messages.reshape(-1, language.messages.shape[-1])
        found.update(merges_of(train_words(messages, num_symbols, num_speakers=len(language.boxlings))))
        spoken.append(np.unique(messages, axis=0, return_counts=True))
    # parts before what is made of them, and what was found most often first
    merges = sorted(found, key=lambda pair: (len(pair[0] + pair[1]), -found[pair], pair))
    tokenizer = word_tokenizer(num_symbols, merges)
    rows = []
    for messages, times in spoken:
        said: Counter[tuple[int, str]] = Counter()
        for words, count in zip(words_said(tokenizer, messages), times.tolist(), strict=True):
            place = 0
            for word in words:
                length = len(symbols_of(word))
                said[(place if length == 1 else len(messages[0]), word)] += count
                place += length
        rows.append({key: count / times.sum() for key, count in said.items()})
    names = {symbol_name(symbol): symbol for symbol in range(num_symbols + 1)}
    keys = sorted(
        {key for row in rows for key in row if key[1] != SILENCE},
        key=lambda key: (key[0], names.get(key[1], 0), key[1]),
    )
    return pd.DataFrame(
        [[row.get(key, 0.0) for key in keys] for row in rows],
        index=pd.Index([language.generation for language in languages], name="generation"),
        columns=[_word_name(place, word) for place, word in keys],
        dtype=float,
    )


def word_lives(use: pd.DataFrame) -> pd.DataFrame:
    """From when to when each word was in use: index word, columns first, last, is_born, is_dead, use (mean).

    In use is what at least IN_USE of the messages say. Born are words that were not there in the first generation,
    dead those that are not there in the last one. What was never in use has no row.
    """
    is_used = use >= IN_USE
    used = use.loc[:, is_used.any()]
    first = is_used[used.columns].idxmax()
    last = is_used[used.columns][::-1].idxmax()
    ends = (use.index[0], use.index[-1]) if len(use) else (0, 0)
    return pd.DataFrame(
        {"first": first, "last": last, "is_born": first > ends[0], "is_dead": last < ends[1], "use": used.mean()}
    )


def plot_words(run: Run, ax: Axes | None = None, use: pd.DataFrame | None = None) -> Axes:
    """The share of speech of the commonest words over the generations, stacked; `use` as from `word_use`."""
    ax = ax or new_axes(9.0, 5.0)
    dress(ax, "Words in use (ba₁: ba in place 1 of a message)", "share of what is said")
    ax.grid(False)
    use = word_use(run) if use is None else use
    say_if_empty(ax, list(use.columns), _SILENT if len(use) else _NOTHING)
    if not len(use.columns):
        return ax
    share = use.div(use.sum(axis=1), axis=0).fillna(0.0)  # where all are silent, nothing is said
    common = set(share.mean().sort_values(ascending=False, kind="stable").index[:_MAX_STACKED])
    shown = [word for word in share.columns if word in common]
    colours = _word_colours(shown)
    bottom = np.zeros(len(share))
    ends = []
    others = len(share.columns) - len(shown)
    for word in [*shown, ""]:
        if not word and not others:
            break
        height = share[word].to_numpy() if word else np.maximum(share.to_numpy().sum(axis=1) - bottom, 0.0)
        colour = colours[word] if word else PALE
        if len(share) > 1:
            ax.fill_between(share.index, bottom, bottom + height, color=colour, linewidth=0.5, edgecolor=PAPER)
        else:
            ax.bar(share.index, height, 0.5, bottom, color=colour, edgecolor=PAPER)
        label = word or f"{others} other word{'s' if others > 1 else ''}"
        ends.append((f"{label} {height[-1]:.0%}", float(bottom[-1] + height[-1] / 2), colour if word else GREY))
        bottom = bottom + height
    named = float(share[shown].to_numpy().sum(axis=1).max())
    if named < 0.5:  # of a large language only the lower part of the stack is shown, so that names have room
        ends[-1] = (ends[-1][0], 1.1 * named, GREY)
    ax.set_ylim(0.0, 1.0 if named >= 0.5 else 1.15 * named)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    label_ends(ax, ends)
    span_generations([ax], share)
    return ax


def plot_word_lives(run: Run, axes: AnyAxes | None = None, use: pd.DataFrame | None = None) -> list[Axes]:
    """Birth and death of words: a ribbon for each, as thick as it is used, above the births and deaths of all.

    Two axes. Of many words those that were born or died are shown first, the commonest of them.
    """
    use = word_use(run) if use is None else use
    lives = word_lives(use)
    changes = lives["is_born"] | lives["is_dead"]
    shown = lives.assign(is_kept=~changes).sort_values(["is_kept", "use"], ascending=[True, False], kind="stable")
    shown = shown[:_MAX_LIVES].sort_values(["first", "last", "use"], ascending=[False, False, True], kind="stable")
    if axes is None:
        height = 0.155 * max(len(shown), 8)
        figure = Figure(figsize=(9.0, height + 2.6), dpi=DPI, layout="constrained")
        axes = figure.subplots(2, 1, height_ratios=(height, 1.2))
    upper, lower = flat_axes(axes)
    told = "Lives of words" if len(shown) == len(lives) else f"Lives of words, {len(shown)} of {len(lives)}"
    dress(upper, f"{told} (ba₁: ba in place 1 of a message)", "word", x_label="")
    upper.set_title(upper.get_title(loc="left"), loc="left", fontsize=11, fontweight="bold", color=BLACK, pad=24)
    dress(lower, f"All births and deaths (in use: said in {IN_USE:.0%} of messages or more)", "words")
    upper.grid(False)
    for ax in (upper, lower):
        say_if_empty(ax, list(use.columns), _SILENT if len(use) else _NOTHING)
    if not len(use.columns):
        return [upper, lower]
    thickest = max(use[shown.index].to_numpy().max(initial=0.0), IN_USE)
    for y, (word, life) in enumerate(shown.iterrows()):
        colour = _FATES[bool(life["is_born"]), bool(life["is_dead"])][1]
        used = use.loc[life["first"] : life["last"], word]
        half = 0.46 * np.sqrt(used.to_numpy() / thickest)  # by the root, so that rare words are seen too
        if len(used) > 1:
            upper.fill_between(used.index, y - half, y + half, color=colour, linewidth=0)
            upper.hlines(y, used.index[0], used.index[-1], color=colour, linewidth=0.6)
        else:
            upper.scatter(used.index, [y], 26.0, color=colour, marker="D", linewidths=0, clip_on=False, zorder=3)
    upper.set_ylim(-0.7, len(shown) - 0.3)
    upper.set_yticks(range(len(shown)), list(shown.index))
    upper.tick_params(axis="y", length=0, labelsize=8)
    x = 0.0
    for (is_born, is_dead), (label, colour) in _FATES.items():  # a line below the title
        told = f"{label}: {((lives['is_born'] == is_born) & (lives['is_dead'] == is_dead)).sum()}"
        upper.annotate(
            told, (x, 1.0), xycoords="axes fraction", xytext=(0, 7), textcoords="offset points",
            fontsize=9, color=darker(colour),
        )  # fmt: skip
        x += 0.035 + 0.0112 * len(told)
    births, deaths = _births_and_deaths(use, lives)
    generations = use.index.to_numpy()
    width = 0.3
    if len(generations) > 1:  # the last bar stands half beyond the axis
        width = min(0.4 * float(np.min(np.diff(generations))), 0.025 * float(np.ptp(generations)))
    lower.bar(generations, births, width, color=GREEN, zorder=3, clip_on=False)
    lower.bar(generations, -deaths, width, color=VERMILION, zorder=3, clip_on=False)
    lower.axhline(0.0, color=GREY, linewidth=0.9)
    most = max(births.max(), deaths.max(), 1)
    lower.set_ylim(-1.15 * most, 1.15 * most)
    lower.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    lower.yaxis.set_major_formatter(lambda value, _: f"{abs(value):.0f}")
    for x, text, colour in ((0.92, f"{births.sum()} born", GREEN), (0.04, f"{deaths.sum()} died", VERMILION)):
        lower.annotate(
            text, (1.0, x), xycoords="axes fraction", xytext=(10, 0), textcoords="offset points",
            va="center", fontsize=9, color=darker(colour),
        )  # fmt: skip
    span_generations([upper, lower], use)
    return [upper, lower]


# was it born in the run, did it die in it: what that is called, and its colour
_FATES: dict[tuple[bool, bool], tuple[str, Colour]] = {
    (False, False): ("there all along", BLUE),
    (True, False): ("born and alive", GREEN),
    (False, True): ("died", VERMILION),
    (True, True): ("born and died", PURPLE),
}


def _births_and_deaths(use: pd.DataFrame, lives: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Words born in each generation, and words that are no longer there in it, both (generations,) int."""
    generations = use.index.to_numpy()
    births = np.array([((lives["first"] == g) & lives["is_born"]).sum() for g in generations], int)
    died_at = [generations[np.searchsorted(generations, g) + 1] for g in lives.loc[lives["is_dead"], "last"]]
    deaths = np.array([died_at.count(g) for g in generations], int)
    return births, deaths


def _word_name(place: int, word: str) -> str:
    """
    >>> _word_name(11, "ba"), _word_name(0, "babe")
    ('ba₁₂', 'babe')
    """
    if len(symbols_of(word)) > 1:
        return word
    return word + "".join(chr(ord("₀") + int(digit)) for digit in str(place + 1))


def _word_colours(words: Sequence[str]) -> dict[str, Colour]:
    """A hue for each place, and one for words of several symbols; neighbours of one hue differ in shade."""
    groups = [word.lstrip("abcdefghijklmnopqrstuvwxyz") for word in words]
    hues = list(dict.fromkeys(groups))
    colours: dict[str, Colour] = {}
    for i, (word, group) in enumerate(zip(words, groups, strict=True)):
        hue = CLAN_COLOURS[hues.index(group) % len(CLAN_COLOURS)]
        colours[word] = towards_white(hue, 0.28 * (groups[:i].count(group) % 3))
    return colours


# ---- dialects and languages ----


def distance_over_time(run: Run) -> pd.DataFrame:
    """How far apart the boxlings of each generation speak, on average; nan with one boxling alone.

    Columns: between_boxlings, two boxlings about one meaning; between_meanings, what that would be about meanings
    that have nothing to do with each other.
    """
    rows = {}
    for generation in _spread_out(run.language_generations):
        messages = run.language(generation).messages
        num_speakers, num_meanings, _ = messages.shape
        most = max(2, _MAX_COMPARED // max(1, num_speakers * (num_speakers - 1) // 2))
        messages = messages[:, _spread_out(list(range(num_meanings)), most)]
        shuffled = np.random.default_rng(0).permutation(messages.shape[1])
        pair = messages[0], messages[-1][shuffled]
        rows[generation] = {
            "between_boxlings": _mean_distance(language_distances(messages)),
            "between_meanings": _mean_distance(language_distances(np.stack(pair))),
        }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["between_boxlings", "between_meanings"]).rename_axis(
        "generation"
    )


def plot_dialects(run: Run, axes: AnyAxes | None = None) -> list[Axes]:
    """How far apart the boxlings of the last generation speak, families side by side; and the mean over generations.

    Two axes. Numbers of boxlings have the colours of the lineage figure's clans.
    """
    if not run.language_generations:
        return _nothing_to_show(axes, 2, "Dialects")
    if axes is None:
        axes = Figure(figsize=(10.6, 4.9), dpi=DPI, layout="constrained").subplots(1, 2, width_ratios=(1.15, 1.0))
    heat, time = flat_axes(axes)
    language = run.language()
    first = run.boxlings.sort_values("generation").drop_duplicates("boxling").set_index("boxling")
    rank = family_order(first["mother"])
    order = sorted(range(len(language.boxlings)), key=lambda i: rank.get(int(language.boxlings[i]), len(rank)))
    boxlings = language.boxlings[order]
    lives = run.boxlings
    clan_of = clans(lives)
    colours = clan_colours(lives.assign(clan=clan_of[lives["boxling"]].to_numpy()))
    labels = [(str(b), colours.get(int(clan_of.get(b, -1)), GREY)) for b in boxlings.tolist()]
    dress(heat, f"How differently boxlings speak, generation {language.generation}", "boxling", x_label="boxling")
    _draw_distances(heat, language_distances(language.messages[order]), labels)
    dress(time, "Distance between two boxlings' words", "mean edits per symbol (0 to 1)")
    table = distance_over_time(run)
    ends = draw_measure(time, table, "between_boxlings", "same meaning", BLUE)
    ends += draw_measure(time, table, "between_meanings", "different ones", GREY, dashes=":")
    _finish_distances(time, ends, [table])
    return [heat, time]


def plot_language_distance(runs: Sequence[Run], axes: AnyAxes | None = None) -> list[Axes]:
    """How far apart the languages of several runs are, and how far apart each run's boxlings speak over time; two axes.

    A run's language is that of the fittest boxling of the last measured generation. ValueError where there is nothing
    to compare: other scenarios, no recorded language, no meaning in common.
    """
    meanings, messages = _shared_meanings(runs)
    if axes is None:
        axes = Figure(figsize=(10.6, 4.9), dpi=DPI, layout="constrained").subplots(1, 2, width_ratios=(1.15, 1.0))
    heat, time = flat_axes(axes)
    names = _run_names(runs)
    colours = [CLAN_COLOURS[i % len(CLAN_COLOURS)] for i in range(len(runs))]
    dress(heat, f"How differently runs speak of {len(meanings)} meanings", "", x_label="")
    _draw_distances(heat, language_distances(messages), list(zip(names, colours, strict=True)))
    dress(time, "Distance between boxlings of a run", "mean edits per symbol (0 to 1)")
    tables = [distance_over_time(run) for run in runs]
    ends = []
    for table, name, colour in zip(tables, names, colours, strict=True):
        ends += draw_measure(time, table, "between_boxlings", name, colour)
    _finish_distances(time, ends, tables)
    return [heat, time]


def _shared_meanings(runs: Sequence[Run]) -> tuple[np.ndarray, np.ndarray]:
    """Meanings (M, K) that all runs speak of, and what the fittest boxling of each says of them, (runs, M, L)."""
    for run in runs:
        if run.config["scenario"] != runs[0].config["scenario"]:
            raise ValueError(
                f"languages can be compared in one scenario only, got {runs[0].config['scenario']} of {runs[0].folder} "
                f"and {run.config['scenario']} of {run.folder}"
            )
    languages = [run.language() for run in runs]
    lexicons = [
        {tuple(meaning): message for meaning, message in zip(language.meanings.tolist(), said, strict=True)}
        for run, language in zip(runs, languages, strict=True)
        for said in [language.of(run.fittest(language))]
    ]
    shared = [meaning for meaning in lexicons[0] if all(meaning in lexicon for lexicon in lexicons)]
    if not shared:
        raise ValueError(f"{' and '.join(str(run.folder) for run in runs)} recorded no meaning in common")
    longest = max(language.messages.shape[-1] for language in languages)
    messages = np.zeros((len(runs), len(shared), longest), np.int16)  # shorter messages end in silence
    for spoken, lexicon in zip(messages, lexicons, strict=True):
        said = np.array([lexicon[meaning] for meaning in shared])
        spoken[:, : said.shape[1]] = said
    return np.array(shared), messages


def _run_names(runs: Sequence[Run]) -> list[str]:
    """What tells the runs apart: names of folders, with the way there where names are equal; at most 24 letters."""
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        folders = [run.folder.resolve() for run in runs]
        shared = Path(os.path.commonpath(folders))
        names = [folder.relative_to(shared).as_posix() if folder != shared else folder.name for folder in folders]
    return [name if len(name) <= 24 else f"…{name[-23:]}" for name in names]


def _draw_distances(ax: Axes, distances: np.ndarray, labels: Sequence[tuple[str, Colour]]) -> None:
    """Distances (S, S) as a heat map, with numbers where there is room."""
    ax.grid(False)
    size = len(distances)
    if size < 2:
        say_if_empty(ax, [], _ALONE)
        ax.set_xticks([])
        ax.set_yticks([])
        return
    most = max(float(np.nanmax(distances, initial=0.0)), 0.2)
    ax.pcolormesh(
        distances, cmap=BLUES, vmin=0.0, vmax=most, edgecolors=PAPER, linewidth=1.5 if size <= 30 else 0.0,
        rasterized=distances.size > MAX_SHAPES,
    )  # fmt: skip
    if size <= 12:
        for i, j in np.ndindex(distances.shape):
            text = f"{distances[i, j]:.2f}" if i != j else "–"
            shade = ON_DARK if distances[i, j] > 0.6 * most else ON_LIGHT
            ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=8.5, color=shade)
    if size <= 40:
        names = [name for name, _ in labels]
        is_long = size * max(map(len, names)) > 48
        ax.set_xticks(np.arange(size) + 0.5, names, rotation=90 if is_long else 0)
        ax.set_yticks(np.arange(size) + 0.5, names)
        for tick_labels in (ax.get_xticklabels(), ax.get_yticklabels()):
            for tick, (_, colour) in zip(tick_labels, labels, strict=True):
                tick.set_color(darker(colour))
                tick.set_fontweight("bold")
    else:
        ax.set_xticks([])
        ax.set_yticks([])
    ax.invert_yaxis()
    ax.set_aspect("equal")
    ax.tick_params(length=0, labelsize=8.5)
    for side in ax.spines.values():
        side.set_visible(False)
    _draw_scale([ax], most, "distance between messages (edits per symbol)")


def _finish_distances(ax: Axes, ends: list[tuple[str, float, str]], tables: Sequence[pd.DataFrame]) -> None:
    ax.set_ylim(0.0, max(0.1, 1.15 * max((y for _, y, _ in ends), default=0.0)))
    label_ends(ax, ends)
    say_if_empty(ax, ends, _ALONE)
    generations = sorted({generation for table in tables for generation in table.index})
    span_generations([ax], pd.DataFrame(index=generations))


def _mean_distance(distances: np.ndarray) -> float:
    """The mean over pairs of different speakers; nan where there are none."""
    size = len(distances)
    return float(distances.sum() / (size * (size - 1))) if size > 1 else float("nan")


# ---- parts ----


def _draw_scale(axes: Sequence[Axes], most: float, label: str, is_share: bool = False) -> None:
    """The bar that tells which colour is which value."""
    scale = ScalarMappable(Normalize(0.0, most), BLUES)
    bar = axes[0].figure.colorbar(scale, ax=list(axes), fraction=0.04, pad=0.02, aspect=28, shrink=0.85)
    bar.locator = MaxNLocator(5)
    bar.set_label(label, fontsize=9, color=BLACK)
    if is_share:
        bar.ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    bar.ax.tick_params(labelsize=8, length=0)
    bar.outline.set_visible(False)  # type: ignore[operator]


def _nothing_to_show(axes: AnyAxes | None, number: int, title: str) -> list[Axes]:
    flat = flat_axes(new_axes(8.0, 3.0) if axes is None else axes)[:number]
    for ax in flat:
        dress(ax, title, "", x_label="")
        say_if_empty(ax, [], _NOTHING)
    return flat


def _spread_out(items: list[int], most: int = _MAX_GENERATIONS) -> list[int]:
    """At most so many items, evenly spread, the first and the last among them.

    >>> _spread_out(list(range(10)), 4), _spread_out([3, 5], 4)
    ([0, 3, 6, 9], [3, 5])
    """
    if len(items) <= most:
        return items
    return [items[round(i)] for i in np.linspace(0, len(items) - 1, most)]
