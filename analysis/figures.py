"""Figures of a recorded run: fitness, vocabulary, experts, lineage.

Functions of the run's tables: each draws on the axes it is given, or on new ones, and returns them; none
opens a window or leaves a trace in matplotlib's global state. Colours are those of Okabe and Ito (2008,
https://jfly.uni-koeln.de/color/), which people with any colour vision tell apart. Names stand at the lines.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator, PercentFormatter

from analysis.run import Run
from evolution.storage import write_bytes

AnyAxes = Axes | Sequence[Axes] | np.ndarray  # one, a list, or the grid that `subplots` gives
Colour = str | tuple[float, float, float]

BLACK = "#1a1a1a"
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
CLAN_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW)
EXPERT_COLOURS = (ORANGE, BLUE, GREEN, SKY, PURPLE, VERMILION, YELLOW)
GREY = "#767676"
PALE = "#D9D9D9"
MODALITIES = {
    "vision": "what is seen",
    "heard": "words heard",
    "goal": "the private goal",
    "body": "the own body",
}
_DPI = 144
_MAX_SHADED_LIVES = 3000  # a lineage of more boxlings times generations shows clans only, not each boxling
_MAX_MARKERS = 60  # a line with more points than this is drawn without dots


def plot_fitness(run: Run, ax: Axes | None = None) -> Axes:
    """Raw fitness over the generations: the mean as a line, worst to best boxling as a band."""
    ax = ax or _new_axes(8.0, 4.2)
    _dress(
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
        ends += _draw_measure(ax, table, name, label, colour, width=width, text_colour=BLUE)
    _label_ends(ax, ends)
    _say_if_empty(ax, ends)
    _span_generations([ax], table.loc[0:])
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
        axes = Figure(figsize=(10.0, 9.6), dpi=_DPI, layout=layout).subplots(3, 2)
    flat = _flat(axes)
    if len(flat) != len(_PANELS):
        raise ValueError(f"the vocabulary figure needs {len(_PANELS)} axes, got {len(flat)}")
    table = run.generations
    for ax, (title, y_label, lines) in zip(flat, _PANELS, strict=True):
        _dress(ax, title, y_label)
        ends = []
        for name, label, colour, dashes in lines:
            ends += _draw_measure(ax, table, name, label, colour, dashes=dashes)
        if "share" in y_label:
            ax.set_ylim(-0.03, 1.03)
        elif "similarity" in y_label:
            ax.axhline(0.0, color=GREY, linestyle=":", linewidth=1.1, zorder=1.5)
            low = min([0.0, *(y for _, y, _ in ends)])
            ax.set_ylim(min(-0.1, low - 0.1), 1.03)
        elif ends:
            ax.set_ylim(bottom=0.0)
        _label_ends(ax, ends)
        _say_if_empty(ax, ends)
    _span_generations(flat, table)
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
    ax = ax or _new_axes(8.0, 3.0)
    use = expert_use(run)
    rows = [(modality, table.index[-1], table.iloc[-1]) for modality, table in use.items() if len(table)]
    generation = max((int(at) for _, at, _ in rows), default=0)
    _dress(ax, f"Which expert takes which tokens, generation {generation}", "kind of token", x_label="expert")
    ax.grid(False)
    if not rows:
        _say_if_empty(ax, [])
        return ax
    experts = list(rows[0][2].index)
    share = np.array([row.to_numpy(float) for _, _, row in rows])  # (modality, expert) in [0, 1]; nan = never asked
    blues = LinearSegmentedColormap.from_list("share", ["#F7FAFD", "#9CC9E6", BLUE])
    ax.pcolormesh(np.nan_to_num(share), cmap=blues, vmin=0.0, vmax=1.0, edgecolors="white", linewidth=2.5)
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
    flat = _flat(axes)
    use = expert_use(run)
    if len(flat) != len(use):
        raise ValueError(f"the run has {len(use)} kinds of token, got {len(flat)} axes")
    experts = _expert_names(run)
    for ax, (modality, table) in zip(flat, use.items(), strict=True):
        is_first = ax is flat[0]
        _dress(ax, MODALITIES.get(modality, modality), "share of tokens" if is_first else "")
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
                    color=_readable_on(colour),
                )
            bottom = top
        ax.set_ylim(0.0, 1.0)
        ax.yaxis.set_major_formatter(PercentFormatter(1.0))
        if not is_first:
            ax.tick_params(labelleft=False)
        ax.tick_params(labelsize=8)
        ax.set_title(ax.get_title(loc="left"), fontsize=9.5, loc="left")
    _span_generations(flat, run.generations.loc[0:])
    return flat


def clans(boxlings: pd.DataFrame) -> pd.Series:
    """The founder of each boxling's line of mothers: index boxling id, value founder id.

    A founder has no mother (-1), or none that the table knows.
    """
    mothers = boxlings.drop_duplicates("boxling").set_index("boxling")["mother"].sort_index()
    founder: dict[int, int] = {}
    for boxling in mothers.index:
        line = [int(boxling)]
        while line[-1] not in founder and int(mothers[line[-1]]) in mothers.index:
            line.append(int(mothers[line[-1]]))
        first = founder.get(line[-1], line[-1])
        founder.update(dict.fromkeys(line, first))
    return pd.Series(founder, name="clan", dtype="int64").sort_index()


def plot_lineage(run: Run, ax: Axes | None = None) -> Axes:
    """Who descends from whom: a band is a boxling, its colour the founder; daughters lie beside mothers.

    A Muller plot (Muller 1932, The American Naturalist 66(703), 118-138): the height of a colour is the share of its
    clan in the population; births are dots.
    """
    ax = ax or _new_axes(9.0, 4.8)
    _dress(ax, "Which founders' clans live on (grey: smaller clans; dots: births)", "share of the population")
    ax.grid(False)
    lives = run.boxlings
    if not len(lives):
        _say_if_empty(ax, [])
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

    colour_of_clan = _clan_colours(lives.assign(clan=clan_of[lives["boxling"]].to_numpy()))
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
        faces.append(_towards_white(colour_of_clan.get(clan_of[boxling], PALE), shade))
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
    _label_ends(ax, ends)
    _span_generations([ax], run.generations.loc[0:])
    return ax


def write_plots(run: Run) -> list[Path]:
    """Draw all figures into RUN/plots/, each written whole or not at all; returns their paths."""
    folder = run.folder / "plots"
    folder.mkdir(exist_ok=True)
    paths = []
    for name, picture in pictures(run).items():
        path = folder / f"{name}.png"
        write_bytes(path, picture)
        paths.append(path)
    return paths


def pictures(run: Run) -> dict[str, bytes]:
    """All figures as PNG files in memory, by name."""
    drawn = {}
    with style.context("default"):  # the same look whatever the user's matplotlibrc says; undone at the end
        drawn["fitness"] = _png(plot_fitness(run).figure)
        drawn["vocabulary"] = _png(plot_vocabulary(run)[0].figure)
        drawn["experts"] = _png(_experts_figure(run))
        drawn["lineage"] = _png(plot_lineage(run).figure)
    return drawn


def _experts_figure(run: Run) -> Figure | SubFigure:
    """The last generation's heat map above the shares over time."""
    num_panels = len(expert_use(run))
    if not num_panels:
        return plot_experts(run).figure
    figure = Figure(figsize=(9.6, 5.6), dpi=_DPI, layout=ConstrainedLayoutEngine(h_pad=0.1))
    upper, lower = figure.subfigures(2, 1, squeeze=False).ravel()
    plot_experts(run, upper.subplots())
    plot_experts_over_time(run, lower.subplots(1, num_panels, squeeze=False))
    return figure


def _png(figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _flat(axes: AnyAxes) -> list[Axes]:
    return list(np.asarray(axes, dtype=object).ravel())


def _new_axes(width_inches: float, height_inches: float) -> Axes:
    return Figure(figsize=(width_inches, height_inches), dpi=_DPI, layout="constrained").subplots()


def _dress(ax: Axes, title: str, y_label: str, x_label: str = "generation") -> None:
    """The one look of all figures."""
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=BLACK, pad=9)
    ax.set_xlabel(x_label, fontsize=10, color=BLACK)
    ax.set_ylabel(y_label, fontsize=10, color=BLACK)
    ax.grid(True, axis="y", color="#E6E6E6", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(length=3, color=PALE, labelcolor=BLACK, labelsize=9)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color("#B0B0B0")


def _draw_measure(
    ax: Axes,
    table: pd.DataFrame,
    name: str,
    label: str,
    colour: str,
    width: float = 1.9,
    dashes: str = "-",
    text_colour: str | None = None,
) -> list[tuple[str, float, str]]:
    """Draw one measure's known values; its end label as [(text, y, colour)], [] when there is no value."""
    known = table[name].dropna() if name in table else pd.Series(dtype=float)
    if not len(known):
        return []
    has_dots = len(known) == 1 or (len(known) < len(table) and len(known) <= _MAX_MARKERS)
    ax.plot(
        known.index,
        known.to_numpy(),
        color=colour,
        linewidth=width if len(known) <= 300 else 0.6 * width,
        linestyle=dashes,
        marker="o" if has_dots else None,
        markersize=4 if len(known) > 1 else 6,
        markeredgecolor="white",
        markeredgewidth=0.6,
        label=label,
        clip_on=False,
        solid_capstyle="round",
        zorder=3,
    )
    value = float(known.iloc[-1])
    return [(f"{label} {_two_places(value)}".strip(), value, text_colour or colour)]


def _two_places(value: float) -> str:
    """
    >>> _two_places(-0.001), _two_places(-0.15)
    ('0.00', '−0.15')
    """
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def _label_ends(ax: Axes, ends: list[tuple[str, float, str]]) -> None:
    """Name each line at its right end, outside the axes, moved apart just so far that no two names touch."""
    if not ends:
        return
    low, high = ax.get_ylim()
    height_points = ax.get_position().height * ax.figure.bbox.height / ax.figure.dpi * 72
    gap = 11.5 / max(height_points, 40.0)
    ends = sorted(ends, key=lambda end: end[1])
    wanted = np.array([(y - low) / (high - low) for _, y, _ in ends])
    placed = _spread(wanted, gap)
    moved = np.abs(wanted - placed) > 0.3 * gap
    x = 1.06 if moved.any() else 1.025  # room for the lines from moved names to where they belong
    for (text, _, colour), wish, y, is_moved in zip(ends, wanted, placed, moved, strict=True):
        ax.annotate(
            text,
            xy=(1.0, wish),
            xytext=(x, y),
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            ha="left",
            fontsize=9,
            color=_darker(colour),
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 0}
            if is_moved
            else None,
            annotation_clip=False,
        )


def _spread(wanted: np.ndarray, gap: float) -> np.ndarray:
    """Sorted places, at least `gap` apart, as near to `wanted` as can be (least squares).

    >>> _spread(np.array([0.5, 0.5, 0.9]), 0.1).round(3).tolist()
    [0.45, 0.55, 0.9]
    """
    groups: list[list] = []  # [sum of (wish - own offset), number of members]
    for wish in wanted:
        groups.append([float(wish), 1])
        while len(groups) > 1:
            (lower_sum, lower_n), (upper_sum, upper_n) = groups[-2], groups[-1]
            if upper_sum / upper_n - lower_sum / lower_n >= gap * lower_n:
                break
            # the upper group's members follow `lower_n` gaps further up
            groups[-2:] = [[lower_sum + upper_sum - upper_n * lower_n * gap, lower_n + upper_n]]
    return np.concatenate([start / n + gap * np.arange(n) for start, n in groups])


def _span_generations(axes: Sequence[Axes], table: pd.DataFrame) -> None:
    """The same x axis, whole generations from first to last, on all these axes."""
    first, last = (float(table.index[0]), float(table.index[-1])) if len(table) else (0.0, 1.0)
    for ax in axes:
        if first == last:
            ax.set_xlim(first - 0.5, last + 0.5)
            ax.set_xticks([first], [f"{first:.0f}"])
        else:
            ax.set_xlim(first, last)
            if first < 0 <= last:
                # before generation 0 a founder learned the language alone
                ax.axvspan(first, 0, color="#F1EEF6", zorder=0)
                ax.annotate(
                    "founder's\nchildhood", (first, 0.42), xycoords=("data", "axes fraction"),
                    xytext=(3, 0), textcoords="offset points", fontsize=7.5, color=GREY,
                )  # fmt: skip
            ax.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))


def _say_if_empty(ax: Axes, ends: list) -> None:
    if not ends:
        ax.text(0.5, 0.5, "not measured in this run", transform=ax.transAxes, ha="center", va="center", color=GREY)


def family_order(mothers: pd.Series) -> dict[int, int]:
    """Rank of each boxling in a walk through the family tree, where daughters follow their mother."""
    daughters: dict[int, list[int]] = {}
    roots = []
    for boxling, mother in mothers.sort_index().items():
        if mother in mothers.index:
            daughters.setdefault(int(mother), []).append(int(boxling))
        else:
            roots.append(int(boxling))
    rank: dict[int, int] = {}
    waiting = roots[::-1]
    while waiting:
        boxling = waiting.pop()
        rank[boxling] = len(rank)
        waiting += daughters.get(boxling, [])  # the youngest comes right after its mother
    return rank


def _clan_colours(lives: pd.DataFrame) -> dict[int, str]:
    """A colour for the largest clans: by share in the last generation, then by all generations lived."""
    last = lives[lives["generation"] == lives["generation"].max()]["clan"].value_counts()
    total = lives["clan"].value_counts()
    largest = sorted(total.index, key=lambda clan: (-last.get(clan, 0), -total[clan], clan))
    return {int(clan): colour for clan, colour in zip(largest, CLAN_COLOURS, strict=False)}


def _expert_names(run: Run) -> list[str]:
    """The visual expert first, the others by number."""
    names = {column.split("/", 2)[2] for column in run.generations.columns if column.startswith("expert_use/")}
    return sorted(names, key=lambda name: (name != "visual", len(name), name))


def _expert_colour(experts: list[str], index: int) -> Colour:
    base = EXPERT_COLOURS[index % len(EXPERT_COLOURS)]
    return _towards_white(base, 0.45 * (index // len(EXPERT_COLOURS) % 2))


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _readable_on(colour: Colour) -> str:
    """Black or white, whichever stands out from the colour."""
    red, green, blue = to_rgb(colour)
    return BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"


def _towards_white(colour: Colour, share: float) -> Colour:
    red, green, blue = to_rgb(colour)
    return red + (1.0 - red) * share, green + (1.0 - green) * share, blue + (1.0 - blue) * share


def _darker(colour: Colour) -> Colour:
    """The colour, dark enough to be read as text on white."""
    red, green, blue = to_rgb(colour)
    brightness = 0.299 * red + 0.587 * green + 0.114 * blue
    factor = min(1.0, 0.45 / max(brightness, 1e-6))
    return red * factor, green * factor, blue * factor
