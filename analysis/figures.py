"""Figures of a recorded run: fitness, success, vocabulary, experts; and all figures of a run, by name.

Those of its language are in language_figures.py, those of who descends from whom in lineage_figures.py.

Functions of the run's tables: each draws on the axes it is given, or on new ones, and returns them; none
opens a window or leaves a trace in matplotlib's global state. Colours are those of Okabe and Ito (2008,
https://jfly.uni-koeln.de/color/), which people with any colour vision tell apart. Names stand at the lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import PercentFormatter

from analysis.drawing import (
    BLUE,
    BLUES,
    DPI,
    FORMATS,
    GREEN,
    GREY,
    ON_DARK,
    ON_LIGHT,
    ORANGE,
    PAPER,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    AnyAxes,
    Colour,
    draw_measure,
    dress,
    flat_axes,
    house_style,
    label_ends,
    new_axes,
    readable_on,
    say_if_empty,
    span_generations,
    towards_white,
)
from analysis.language_figures import drawn_of_language, plot_language_distance
from analysis.lineage_figures import plot_family_tree, plot_lineage
from analysis.run import Run
from evolution.storage import write_bytes
from language.intervals import share_interval

EXPERT_COLOURS = (ORANGE, BLUE, GREEN, SKY, PURPLE, VERMILION, YELLOW)
MODALITIES = {
    "vision": "what is seen",
    "heard": "words heard",
    "goal": "the private goal",
    "body": "the own body",
}


def plot_fitness(run: Run, ax: Axes | None = None) -> Axes:
    """Raw fitness over the generations: the mean as a line, worst to best boxling as a band."""
    ax = ax or new_axes(8.0, 4.2)
    dress(
        ax,
        "Fitness of the population: mean, and the band from worst to best",
        "raw fitness (higher is better)",
    )
    table = run.generations
    spread = [name for name in ("fitness_worst", "fitness_best") if name in table]
    if len(spread) == 2:
        known = table[spread].dropna()
        if len(known) > 1:
            ax.fill_between(known.index, known[spread[0]], known[spread[1]], color=BLUE, alpha=0.16, linewidth=0)
        else:
            ax.vlines(known.index, known[spread[0]], known[spread[1]], color=BLUE, alpha=0.3, linewidth=5)
    ends = []
    for name, label, colour in (
        ("fitness_best", "best", SKY),
        ("fitness_mean", "mean", BLUE),
        ("fitness_worst", "worst", SKY),
    ):
        width = 2.2 if name == "fitness_mean" else 0.9
        ends += draw_measure(ax, table, name, label, colour, width=width, text_colour=BLUE)
    label_ends(ax, ends)
    say_if_empty(ax, ends)
    span_generations([ax], table.loc[0:])
    return ax


# title, y axis, and its lines as (measure, label, colour, line style); a share runs from 0 to 1
_Panel = tuple[str, str, tuple[tuple[str, str, str, str], ...]]
_PANELS: tuple[_Panel, ...] = (
    (
        "Success: muting shows what words are worth",
        "worlds solved (share)",
        (
            ("success", "trained goals", BLUE, "-"),
            ("success_held_out", "held-out goals", GREEN, "-"),
            ("success_shuffled", "words shuffled", ORANGE, "--"),
            ("success_muted", "muted", VERMILION, "--"),
            ("chance", "chance", GREY, ":"),
        ),
    ),
    (
        "Understanding: first words that are understood",
        "meanings understood (share)",
        (
            ("first_words_understood", "trained goals", BLUE, "-"),
            ("first_words_understood_held_out", "held-out goals", GREEN, "-"),
        ),
    ),
    (
        "Vocabulary: symbols in effective use",
        "symbols per place of a message",
        (("symbols_in_use", "", PURPLE, "-"),),
    ),
    (
        "Message entropy: what one message can tell",
        "bits per message",
        (("message_entropy_bits", "", PURPLE, "-"),),
    ),
    (
        "Structure: like meanings, like messages",
        "topographic similarity (0 = random)",
        (("topographic_similarity", "", PURPLE, "-"),),
    ),
    (
        "Agreement: one word for one thing",
        "agreement (share)",
        (("agreement", "", PURPLE, "-"),),
    ),
)


def plot_success(run: Run, ax: Axes | None = None) -> Axes:
    """Success over the generations: talking, on goals never trained on, and with the channel intervened on.

    Bands are 95 % intervals (Wilson) of the success behind the worlds that were played, of this one run.
    """
    ax = ax or new_axes(8.0, 4.2)
    _draw_lines(ax, run, _PANELS[0], has_bands=True)
    span_generations([ax], run.generations)
    return ax


def plot_vocabulary(run: Run, axes: AnyAxes | None = None) -> list[Axes]:
    """What the language is worth and what it looks like, over the generations; six axes, returned flat.

    Success and understanding (channel on, intervened on, held-out goals), then symbols in use, message
    entropy, topographic similarity and agreement. Measures taken only now and then are dots joined by lines.
    """
    if axes is None:
        layout = ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.08)
        axes = Figure(figsize=(10.0, 9.6), dpi=DPI, layout=layout).subplots(3, 2)
    flat = flat_axes(axes)
    if len(flat) != len(_PANELS):
        raise ValueError(f"the vocabulary figure needs {len(_PANELS)} axes, got {len(flat)}")
    for ax, panel in zip(flat, _PANELS, strict=True):
        _draw_lines(ax, run, panel)
    span_generations(flat, run.generations)
    return flat


def _draw_lines(ax: Axes, run: Run, panel: _Panel, has_bands: bool = False) -> None:
    """The lines of one panel, named at their ends."""
    title, y_label, lines = panel
    table = run.generations
    dress(ax, title, y_label)
    ends = []
    for name, label, colour, dashes in lines:
        ends += draw_measure(ax, table, name, label, colour, dashes=dashes)
        num_worlds = run.worlds_behind(name)
        if has_bands and num_worlds and name in table:
            known = table[name].dropna()
            bounds = np.array([share_interval(round(share * num_worlds), num_worlds) for share in known])
            if len(known) > 1:
                ax.fill_between(known.index, *bounds.T, color=colour, alpha=0.16, linewidth=0)
    if "share" in y_label:
        ax.set_ylim(-0.03, 1.03)
    elif "similarity" in y_label:
        ax.axhline(0.0, color=GREY, linestyle=":", linewidth=1.1, zorder=1.5)
        low = min([0.0, *(y for _, y, _ in ends)])
        ax.set_ylim(min(-0.1, low - 0.1), 1.03)
    elif ends:
        ax.set_ylim(bottom=0.0)
    label_ends(ax, ends)
    say_if_empty(ax, ends)


def expert_use(run: Run) -> dict[str, pd.DataFrame]:
    """By modality, the share of its tokens that each expert took: index generation, one column an expert."""
    use: dict[str, dict[str, pd.Series]] = {}
    for column in run.generations.columns:
        if column.startswith("expert_use/"):
            _, modality, expert = column.split("/", 2)
            use.setdefault(modality, {})[expert] = run.generations[column]
    order = [*MODALITIES, *sorted(set(use) - set(MODALITIES))]
    experts = _expert_names(run)
    return {
        modality: pd.DataFrame(use[modality]).reindex(columns=experts).dropna(how="all")
        for modality in order
        if modality in use
    }


def plot_experts(run: Run, ax: Axes | None = None) -> Axes:
    """Share of each modality's tokens by expert in the last generation, as a heat map with its numbers."""
    ax = ax or new_axes(8.0, 3.0)
    use = expert_use(run)
    rows = [(modality, table.index[-1], table.iloc[-1]) for modality, table in use.items() if len(table)]
    generation = max((int(at) for _, at, _ in rows), default=0)
    dress(ax, f"Which expert takes which tokens, generation {generation}", "kind of token", x_label="expert")
    ax.grid(False)
    if not rows:
        say_if_empty(ax, [])
        return ax
    experts = list(rows[0][2].index)
    share = np.array([row.to_numpy(float) for _, _, row in rows])  # (modality, expert) in [0, 1]; nan = never asked
    ax.pcolormesh(np.nan_to_num(share), cmap=BLUES, vmin=0.0, vmax=1.0, edgecolors=PAPER, linewidth=2.5)
    for i, j in np.ndindex(share.shape):
        is_dark = share[i, j] > 0.6
        text = "–" if np.isnan(share[i, j]) else f"{share[i, j]:.0%}"
        ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", color=ON_DARK if is_dark else ON_LIGHT, fontsize=10)
    ax.set_xticks(np.arange(len(experts)) + 0.5, [_plain(name) for name in experts])
    ax.set_yticks(np.arange(len(rows)) + 0.5, [_plain(modality) for modality, _, _ in rows])
    ax.invert_yaxis()
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    return ax


def plot_experts_over_time(run: Run, axes: AnyAxes) -> list[Axes]:
    """The same shares over the generations: one stack of experts for each modality, on as many axes."""
    flat = flat_axes(axes)
    use = expert_use(run)
    if len(flat) != len(use):
        raise ValueError(f"the run has {len(use)} kinds of token, got {len(flat)} axes")
    experts = _expert_names(run)
    for ax, (modality, table) in zip(flat, use.items(), strict=True):
        is_first = ax is flat[0]
        dress(ax, MODALITIES.get(modality, modality), "share of tokens" if is_first else "")
        ax.grid(False)
        shares = table.fillna(0.0)
        bottom = np.zeros(len(shares))
        for i, expert in enumerate(experts):
            top = bottom + shares[expert].to_numpy()
            colour = _expert_colour(experts, i)
            if len(shares) > 1:
                ax.fill_between(shares.index, bottom, top, color=colour, linewidth=0.4, edgecolor=PAPER)
            else:
                ax.bar(shares.index, top - bottom, 0.5, bottom, color=colour)
            widest = int(np.argmax(top - bottom))
            if top[widest] - bottom[widest] > 0.12:  # the band is named where it is widest, or in the middle
                widest = len(shares) // 2 if np.ptp(top - bottom) < 0.1 else widest
                where = 0.18 + 0.64 * widest / max(len(shares) - 1, 1) if len(shares) > 1 else 0.5
                height = np.interp(where * (len(shares) - 1), np.arange(len(shares)), (bottom + top) / 2)
                ax.text(
                    where,
                    height,
                    _plain(expert),
                    transform=ax.get_yaxis_transform(),
                    ha="center",
                    va="center",
                    fontsize=8.5,
                    color=readable_on(colour),
                )
            bottom = top
        ax.set_ylim(0.0, 1.0)
        ax.yaxis.set_major_formatter(PercentFormatter(1.0))
        if not is_first:
            ax.tick_params(labelleft=False)
        ax.tick_params(labelsize=8)
        ax.set_title(ax.get_title(loc="left"), fontsize=9.5, loc="left")
    span_generations(flat, run.generations.loc[0:])
    return flat


def write_plots(run: Run, beside: Sequence[Run] = (), file_format: str = "png") -> list[Path]:
    """Draw all figures into RUN/plots/, each written whole or not at all; returns their paths.

    `beside`: other runs of the scenario, whose languages are compared with that of this one in one figure more.
    `file_format`: png or svg.
    """
    if file_format not in FORMATS:
        raise ValueError(f"file_format must be one of {', '.join(FORMATS)}, got {file_format!r}")
    save = FORMATS[file_format]
    compared = {}
    if beside:  # first, as it refuses runs that cannot be compared
        with house_style():
            compared["language-distance"] = save(plot_language_distance([run, *beside])[0].figure, "language-distance")
    folder = run.folder / "plots"
    folder.mkdir(exist_ok=True)
    paths = []
    for name, picture in (pictures(run, save) | compared).items():
        path = folder / f"{name}.{file_format}"
        write_bytes(path, picture)
        paths.append(path)
    return paths


def pictures(run: Run, save: Callable[[Figure | SubFigure, str], bytes] = FORMATS["png"]) -> dict[str, bytes]:
    """All figures as files in memory, by name; `save` makes a file of a figure and its name."""
    with house_style():
        return {name: save(figure, name) for name, figure in drawn(run)}


def drawn(run: Run) -> Iterator[tuple[str, Figure | SubFigure]]:
    """Every figure by its name, one after the other."""
    yield "fitness", plot_fitness(run).figure
    yield "success", plot_success(run).figure
    yield "vocabulary", plot_vocabulary(run)[0].figure
    yield "experts", _experts_figure(run)
    yield "lineage", plot_lineage(run).figure
    yield "family-tree", plot_family_tree(run).figure
    yield from drawn_of_language(run)


def _experts_figure(run: Run) -> Figure | SubFigure:
    """The last generation's heat map above the shares over time."""
    num_panels = len(expert_use(run))
    if not num_panels:
        return plot_experts(run).figure
    figure = Figure(figsize=(9.6, 5.6), dpi=DPI, layout=ConstrainedLayoutEngine(h_pad=0.1))
    upper, lower = figure.subfigures(2, 1, squeeze=False).ravel()
    plot_experts(run, upper.subplots())
    plot_experts_over_time(run, lower.subplots(1, num_panels, squeeze=False))
    return figure


def _expert_names(run: Run) -> list[str]:
    """The visual expert first, the others by number."""
    names = {column.split("/", 2)[2] for column in run.generations.columns if column.startswith("expert_use/")}
    return sorted(names, key=lambda name: (name != "visual", len(name), name))


def _expert_colour(experts: list[str], index: int) -> Colour:
    base = EXPERT_COLOURS[index % len(EXPERT_COLOURS)]
    return towards_white(base, 0.45 * (index // len(EXPERT_COLOURS) % 2))


def _plain(name: str) -> str:
    return name.replace("_", " ")
