"""Figures of a recorded run: fitness, vocabulary, experts, lineage; those of its language are in language_figures.py.

Functions of the run's tables: each draws on the axes it is given, or on new ones, and returns them; none
opens a window or leaves a trace in matplotlib's global state. Colours are those of Okabe and Ito (2008,
https://jfly.uni-koeln.de/color/), which people with any colour vision tell apart. Names stand at the lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import PercentFormatter

from analysis.drawing import (
    BLACK,
    BLUE,
    BLUES,
    DPI,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    AnyAxes,
    Colour,
    draw_measure,
    dress,
    flat_axes,
    label_ends,
    new_axes,
    png,
    readable_on,
    say_if_empty,
    span_generations,
    towards_white,
)
from analysis.families import clan_colours, clans, family_order
from analysis.language_figures import comparison_picture, language_pictures
from analysis.run import Run
from evolution.storage import write_bytes

EXPERT_COLOURS = (ORANGE, BLUE, GREEN, SKY, PURPLE, VERMILION, YELLOW)
MODALITIES = {
    "vision": "what is seen",
    "heard": "words heard",
    "goal": "the private goal",
    "body": "the own body",
}
_MAX_SHADED_LIVES = 3000  # a lineage of more boxlings times generations shows clans only, not each boxling


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


# a panel: title, y axis, and its lines as (measure, label, colour, line style); a share runs from 0 to 1
_PANELS = (
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
    table = run.generations
    for ax, (title, y_label, lines) in zip(flat, _PANELS, strict=True):
        dress(ax, title, y_label)
        ends = []
        for name, label, colour, dashes in lines:
            ends += draw_measure(ax, table, name, label, colour, dashes=dashes)
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
    span_generations(flat, table)
    return flat


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
    ax.pcolormesh(np.nan_to_num(share), cmap=BLUES, vmin=0.0, vmax=1.0, edgecolors="white", linewidth=2.5)
    for i, j in np.ndindex(share.shape):
        is_dark = share[i, j] > 0.6
        text = "–" if np.isnan(share[i, j]) else f"{share[i, j]:.0%}"
        ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", color="white" if is_dark else BLACK, fontsize=10)
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
                ax.fill_between(shares.index, bottom, top, color=colour, linewidth=0.4, edgecolor="white")
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


def plot_lineage(run: Run, ax: Axes | None = None) -> Axes:
    """Who descends from whom: a band is a boxling, its colour the founder; daughters lie beside mothers.

    A Muller plot (Muller 1932, The American Naturalist 66(703), 118-138): the height of a colour is the share of its
    clan in the population; births are dots.
    """
    ax = ax or new_axes(9.0, 4.8)
    dress(ax, "Which founders' clans live on (grey: smaller clans; dots: births)", "share of the population")
    ax.grid(False)
    lives = run.boxlings
    if not len(lives):
        say_if_empty(ax, [])
        return ax
    clan_of = clans(lives)
    first = lives.sort_values("generation").drop_duplicates("boxling").set_index("boxling")
    rank = family_order(first["mother"])
    generations = np.sort(lives["generation"].unique())
    ranks_alive = {
        int(generation): np.sort([rank[boxling] for boxling in group["boxling"]])
        for generation, group in lives.groupby("generation")
    }

    def share_below(generation: int, boxling: int) -> float:
        alive = ranks_alive[generation]
        return float(np.searchsorted(alive, rank[boxling]) / len(alive))

    colour_of_clan = clan_colours(lives.assign(clan=clan_of[lives["boxling"]].to_numpy()))
    is_fine = lives.shape[0] <= _MAX_SHADED_LIVES
    polygons, faces, births = [], [], []
    at = {int(generation): i for i, generation in enumerate(generations)}
    for boxling, own in lives.groupby("boxling"):
        seen = sorted(own["generation"])
        bottom = [share_below(int(g), boxling) for g in seen]
        top = [low + 1.0 / len(ranks_alive[int(g)]) for low, g in zip(bottom, seen, strict=True)]
        start, end = at[int(seen[0])], at[int(seen[-1])]
        xs = [float(g) for g in seen]
        if start > 0:  # it opens from a point in the generation before, where its mother is
            before = int(generations[start - 1])
            xs.insert(0, float(before))
            bottom.insert(0, share_below(before, boxling))
            top.insert(0, bottom[0])
            births.append((float(before), bottom[0]))
        if end + 1 < len(generations):  # and closes to a point in the generation after its last
            after = int(generations[end + 1])
            xs.append(float(after))
            bottom.append(share_below(after, boxling))
            top.append(bottom[-1])
        if len(xs) == 1:
            xs, bottom, top = [xs[0] - 0.5, xs[0] + 0.5], bottom * 2, top * 2
        polygons.append(np.concatenate([np.column_stack([xs, bottom]), np.column_stack([xs, top])[::-1]]))
        shade = 0.12 * (rank[boxling] % 3) if is_fine else 0.0
        faces.append(towards_white(colour_of_clan.get(clan_of[boxling], PALE), shade))
    edges = "white" if is_fine else "face"
    ax.add_collection(PolyCollection(polygons, facecolors=faces, edgecolors=edges, linewidths=0.4))
    if births:
        x, y = np.array(births).T
        size = float(np.clip(1200.0 / len(births), 0.5, 10.0))
        ax.scatter(x, y, size, color=BLACK, linewidths=0, zorder=3, clip_on=False)
    ax.set_ylim(0.0, 1.0)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    last = lives[lives["generation"] == generations[-1]]
    share = clan_of[last["boxling"]].value_counts(normalize=True)
    ends = []
    middle = pd.Series({b: rank[b] for b in last["boxling"]}).sort_values()
    height = pd.Series((np.arange(len(middle)) + 0.5) / len(middle), index=middle.index)
    for clan, colour in colour_of_clan.items():
        if clan in share.index:
            members = [boxling for boxling in middle.index if clan_of[boxling] == clan]
            ends.append((f"clan {clan}: {share[clan]:.0%}", float(height[members].mean()), colour))
    others = share[~share.index.isin(list(colour_of_clan))]
    if len(others):
        members = [boxling for boxling in middle.index if clan_of[boxling] in set(others.index)]
        what = f"{len(others)} other clan{'s' if len(others) > 1 else ''}: {others.sum():.0%}"
        ends.append((what, float(height[members].mean()), GREY))
    label_ends(ax, ends)
    span_generations([ax], run.generations.loc[0:])
    return ax


def write_plots(run: Run, beside: Sequence[Run] = ()) -> list[Path]:
    """Draw all figures into RUN/plots/, each written whole or not at all; returns their paths.

    `beside`: other runs of the scenario, whose languages are compared with that of this one in one figure more.
    """
    # first, as it refuses runs that cannot be compared
    compared = {"language-distance": comparison_picture([run, *beside])} if beside else {}
    folder = run.folder / "plots"
    folder.mkdir(exist_ok=True)
    paths = []
    for name, picture in (pictures(run) | compared).items():
        path = folder / f"{name}.png"
        write_bytes(path, picture)
        paths.append(path)
    return paths


def pictures(run: Run) -> dict[str, bytes]:
    """All figures as PNG files in memory, by name."""
    drawn = {}
    with style.context("default"):  # the same look whatever the user's matplotlibrc says; undone at the end
        drawn["fitness"] = png(plot_fitness(run).figure)
        drawn["vocabulary"] = png(plot_vocabulary(run)[0].figure)
        drawn["experts"] = png(_experts_figure(run))
        drawn["lineage"] = png(plot_lineage(run).figure)
    return drawn | language_pictures(run)


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
