"""Several runs side by side: groups of runs with the same options, every seed, and intervals over seeds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from scipy.stats import ttest_ind

from analysis.drawing import (
    CLAN_COLOURS,
    DPI,
    GREY,
    Colour,
    draw_final,
    dress,
    flat_axes,
    house_style,
    label_ends,
    say_if_empty,
    span_generations,
    svg,
    two_places,
)
from analysis.inline_svg import inline
from analysis.language_figures import plot_language_distance
from analysis.page import escaped, page
from analysis.report import MEASURES, flat_options, measured, missing_told
from analysis.run import Run
from evolution.storage import write_bytes
from language.intervals import mean_interval

# of no consequence for what a run is a run of
_NOT_COMPARED = ("seed", "out", "threads", "version")
_MAX_SPOKEN = 12  # runs whose languages are compared with each other
_PANELS = (
    ("success", "Success on trained goals", "worlds solved (share)"),
    ("success_held_out", "Success on held-out goals", "worlds solved (share)"),
    ("success_muted", "Success when muted", "worlds solved (share)"),
    ("understanding", "Understanding", "worlds understood (share)"),
    ("fitness_mean", "Fitness", "mean raw fitness (higher is better)"),
    ("topographic_similarity", "Structure", "topographic similarity (0 = random)"),
    ("symbols_in_use", "Vocabulary", "symbols in effective use per place"),
    ("agreement", "Agreement", "agreement between speakers (share)"),
)


@dataclass(frozen=True)
class Group:
    """Runs with the same options, but for their seeds."""

    name: str  # the options in which the groups differ
    runs: tuple[Run, ...]

    def values(self, measure: str) -> pd.Series:
        """The last value of a measure, by seed; of seeds that come up twice each."""
        found = [(run.config.get("seed"), measured(run, measure)) for run in self.runs]
        known = [(seed, told.value) for seed, told in found if told is not None]
        return pd.Series([value for _, value in known], index=[seed for seed, _ in known], dtype=float)


def groups_of(runs: Sequence[Run]) -> list[Group]:
    """The runs by their options, in the order in which they are given; each group is named by what sets it apart."""
    options = [
        {
            name: value
            for name, value in flat_options(run.config)
            if name not in _NOT_COMPARED and not name.startswith("made_with.")
        }
        for run in runs
    ]
    keys = [tuple(sorted((name, str(value)) for name, value in each.items())) for each in options]
    kinds = list(dict.fromkeys(keys))
    firsts = [options[keys.index(kind)] for kind in kinds]
    names = sorted({name for each in firsts for name in each})
    differ = [name for name in names if len({str(each.get(name)) for each in firsts}) > 1]
    groups = []
    for kind, first in zip(kinds, firsts, strict=True):
        told = ", ".join(f"{name.rpartition('.')[2]} {first.get(name, 'unknown')}" for name in differ)
        members = tuple(run for run, key in zip(runs, keys, strict=True) if key == kind)
        groups.append(Group(told or str(first.get("scenario", "runs")), members))
    return groups


def plot_comparison(groups: Sequence[Group], measure: str, title: str, y_label: str, ax: Axes) -> Axes:
    """A measure over the generations: every run a thin line, the mean of each group a thick one."""
    dress(ax, title, y_label)
    ends: list[tuple[str, float, Colour]] = []
    for group, colour in zip(groups, colours_of(groups), strict=True):
        curves = [run.generations[measure].dropna() for run in group.runs if measure in run.generations]
        curves = [curve for curve in curves if len(curve)]
        for curve in curves:
            width, alpha = (0.8, 0.5) if len(curves) > 1 else (2.2, 1.0)
            ax.plot(curve.index, curve.to_numpy(), color=colour, clip_on=False, linewidth=width, alpha=alpha)
        if not curves:
            continue
        mean = pd.concat(curves, axis=1, join="inner").mean(axis=1)
        if len(curves) > 1:
            ax.plot(mean.index, mean.to_numpy(), color=colour, linewidth=2.4, solid_capstyle="round", clip_on=False)
        if len(mean):
            label = f"{_short(group.name)} " if len(groups) > 1 else ""
            ends.append((f"{label}{two_places(float(mean.iloc[-1]))}", float(mean.iloc[-1]), colour))
    if "(share)" in y_label:
        ax.set_ylim(-0.03, 1.03)
    label_ends(ax, ends)
    say_if_empty(ax, ends)
    known = [run.generations.index for group in groups for run in group.runs if len(run.generations)]
    span_generations([ax], pd.DataFrame(index=sorted({int(each) for index in known for each in index})))
    return ax


def write_comparison(runs: Sequence[Run], path: str | Path) -> Path:
    """One page about several runs, whole or not at all: curves, last values with intervals, options that differ."""
    if len(runs) < 2:
        raise ValueError(f"a comparison needs two runs or more, got {len(runs)}")
    groups = groups_of(runs)
    title = f"boxlings: {len(runs)} runs compared"
    colours: dict[str, tuple[str, str]] = {}
    drawn = []
    with house_style():
        for name, caption, figure in _figures(groups, runs):
            drawing, own = inline(svg(figure, name, has_paper=False), escaped(caption))
            colours |= own
            drawn.append(f"<figure>{drawing}<figcaption>{escaped(caption)}</figcaption></figure>")
    sections = {
        "runs": ("Runs", [f"<h1>{escaped(title)}</h1>", *_summary(groups), *_runs(groups)]),
        "values": ("Last values", _values(groups)),
        "figures": ("Figures", ["<h2>Figures</h2>", *drawn]),
        "options": ("Options", _differences(groups)),
    }
    header = "".join(f'<a href="#{name}">{told}</a>' for name, (told, body) in sections.items() if body)
    text = "\n".join(f'<section id="{name}">{"".join(body)}</section>' for name, (_, body) in sections.items())
    path = Path(path)
    write_bytes(path, page(title, text, header, colours).encode())
    return path


# ---- parts ----


def _figures(groups: Sequence[Group], runs: Sequence[Run]) -> list[tuple[str, str, Figure | SubFigure]]:
    known = [panel for panel in _PANELS if any(len(group.values(panel[0])) for group in groups)]
    rows = -(-len(known) // 2)
    figure = Figure(figsize=(11.0, 3.3 * rows), dpi=DPI, layout="constrained")
    axes = flat_axes(figure.subplots(rows, 2, squeeze=False))
    for ax in axes[len(known) :]:
        ax.remove()
    for (measure, title, y_label), ax in zip(known, axes, strict=False):
        plot_comparison(groups, measure, title, y_label, ax)
    found: list[tuple[str, str, Figure | SubFigure]] = [
        ("curves", "Over the generations: thin lines are single runs, thick lines the means of groups.", figure)
    ]
    finals = [panel for panel in known if "share" in panel[2]]
    if finals:
        width = 3.0 + 2.3 * len(finals)
        figure = Figure(figsize=(width, 1.6 + 0.5 * len(groups)), dpi=DPI, layout="constrained")
        for place, (ax, (measure, title, _)) in enumerate(
            zip(flat_axes(figure.subplots(1, len(finals), squeeze=False)), finals, strict=True)
        ):
            names = [_short(group.name) for group in groups]
            values = [group.values(measure).to_numpy() for group in groups]
            draw_final(ax, names if place == 0 else [""] * len(names), values, colours_of(groups), mean_interval)
            dress(ax, title, "", "share")
            ax.grid(False, axis="y")
        found.append(
            (
                "finals",
                "At last: dots are single runs, upright bars means, level bars 95 % intervals over seeds.",
                figure,
            )
        )
    speaking = [run for run in runs if run.language_generations][:_MAX_SPOKEN]
    if len(speaking) > 1:
        with suppress(ValueError):  # languages of scenarios that have nothing in common to speak of
            drawn = plot_language_distance(speaking)[0].figure
            found.append(("languages", "How far apart the languages of the runs are.", drawn))
    return found


def colours_of(groups: Sequence[Group]) -> list[Colour]:
    """A colour for each group; grey for those beyond the colours that can be told apart."""
    return [CLAN_COLOURS[i] if i < len(CLAN_COLOURS) else GREY for i in range(len(groups))]


def _short(name: str) -> str:
    return name if len(name) <= 34 else f"{name[:33]}…"


def _summary(groups: Sequence[Group]) -> list[str]:
    num_runs = sum(len(group.runs) for group in groups)
    told = f"{num_runs} runs in {len(groups)} group{'s' if len(groups) > 1 else ''} of equal options."
    html = [f"<p>{escaped(told)}</p>", "<ul>"]
    for group in groups:
        value = group.values("success")
        if len(value):
            html.append(
                f"<li>{escaped(group.name)}: success on trained goals {escaped(_mean_told(value, '.0%'))}, "
                f"{escaped(_count(value))}</li>"
            )
    return [*html, "</ul>"]


def _count(values: pd.Series) -> str:
    return f"{len(values)} seeds" if len(values) > 1 else "one seed"


def _mean_told(values: pd.Series, form: str) -> str:
    """The mean over seeds, with its 95 % interval (Student's t) where there are two seeds or more."""
    told = format(float(values.mean()), form)
    low, high = mean_interval(values.to_numpy())
    if np.isnan(low):
        return told.replace("-", "−")
    if form.endswith("%"):  # no share lies beyond
        low, high = max(low, 0.0), min(high, 1.0)
    return f"{told} ({format(low, form).removesuffix('%')} to {format(high, form)})".replace("-", "−")


def _runs(groups: Sequence[Group]) -> list[str]:
    html = [
        '<div class="scroll"><table><thead><tr><th>run</th><th>group</th><th class="number">seed</th>'
        '<th class="number">generations</th><th class="number">success</th><th class="number">held out</th>'
        '<th class="number">muted</th></tr></thead><tbody>'
    ]
    notices = []
    for group in groups:
        for run in group.runs:
            cells = [run.config.get("seed", ""), run.state.last_generation]
            cells += [told or "–" for told in (measured(run, f"success{end}") for end in ("", "_held_out", "_muted"))]
            html.append(
                f'<tr><td class="text">{escaped(run.folder)}</td><td class="text">{escaped(group.name)}</td>'
                + "".join(f'<td class="number">{escaped(cell)}</td>' for cell in cells)
                + "</tr>"
            )
            notices += [f"{run.folder}: {sentence}" for sentence in run.state.missing]
    return [*missing_told(notices), *html, "</tbody></table></div>"]


def _values(groups: Sequence[Group]) -> list[str]:
    """Every measure of every group when it was taken last, and its difference to the first group."""
    html = [
        "<h2>Last values</h2>",
        '<p class="dim">Means over seeds, in brackets 95 % intervals over seeds (Student\'s t), then every seed. '
        "Differences are to the first group: of equal seeds in pairs, otherwise by Welch's test. With few seeds "
        "intervals are wide: that is how much is known.</p>",
        '<div class="scroll"><table><thead><tr><th>measure</th><th>group</th><th class="number">mean</th>'
        '<th class="number">difference</th><th>seeds</th></tr></thead><tbody>',
    ]
    for measure, label, form in MEASURES:
        first = groups[0].values(measure)
        for place, group in enumerate(groups):
            values = group.values(measure)
            if not len(values):
                continue
            each = ", ".join(f"{seed}: {format(value, form)}" for seed, value in values.items()).replace("-", "−")
            html.append(
                f"<tr><td>{escaped(label)}</td><td class='text'>{escaped(group.name)}</td>"
                f'<td class="number">{escaped(_mean_told(values, form))}</td>'
                f'<td class="number">{escaped(_difference_told(values, first, form) if place else "")}</td>'
                f'<td class="text">{escaped(each)}</td></tr>'
            )
    return [*html, "</tbody></table></div>"]


def _difference_told(values: pd.Series, first: pd.Series, form: str) -> str:
    """How far the mean of a group lies above that of the first one, with its 95 % interval."""
    if not len(first):
        return "–"
    change = float(values.mean() - first.mean())
    low = high = float("nan")
    are_pairs = values.index.is_unique and first.index.is_unique and set(values.index) == set(first.index)
    if are_pairs:
        low, high = mean_interval((values - first).to_numpy())
    elif min(len(values), len(first)) > 1:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where all values are equal the interval is a point, or unknown
            interval = ttest_ind(values, first, equal_var=False).confidence_interval()
        low, high = float(interval.low), float(interval.high)
    is_share = form.endswith("%")
    scale, end, number = (100.0, " points", "+.0f") if is_share else (1.0, "", f"+{form}")
    told = format(scale * change, number)
    if not np.isnan(low):
        told += f" ({format(scale * low, number)} to {format(scale * high, number)})"
    return (told + end).replace("-", "−")


def _differences(groups: Sequence[Group]) -> list[str]:
    """Options in which the groups differ, a column each."""
    options = [dict(flat_options(group.runs[0].config)) for group in groups]
    names = [name for name in dict.fromkeys(name for each in options for name in each) if name not in _NOT_COMPARED]
    differ = [name for name in names if len({str(each.get(name)) for each in options}) > 1]
    if not differ:
        return []
    html = ["<h2>Options that differ</h2>", '<div class="scroll"><table><thead><tr><th>option</th>']
    html += [f"<th>{escaped(group.name)}</th>" for group in groups]
    html.append("</tr></thead><tbody>")
    for name in differ:
        cells = "".join(f'<td class="text">{escaped(each.get(name, "–"))}</td>' for each in options)
        html.append(f"<tr><td><code>{escaped(name)}</code></td>{cells}</tr>")
    return [*html, "</tbody></table></div>"]
