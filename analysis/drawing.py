"""What all figures share: one look, names at the ends of lines, colours.

Colours are those of Okabe and Ito (2008, https://jfly.uni-koeln.de/color/), which people with any colour vision tell
apart. Nothing opens a window or leaves a trace in matplotlib's global state.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib import rc_context, style
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

AnyAxes = Axes | Sequence[Axes] | np.ndarray  # one, a list, or the grid that `subplots` gives
Colour = str | tuple[float, float, float]

# Paper, ink and lines follow the theme of a page, see analysis/inline_svg.py; what is written on colours does not.
BLACK = "#1a1a1a"
PAPER = "#fefefe"
ON_LIGHT, ON_DARK = "#111111", "#ffffff"  # text on a light and on a dark colour
GRID, AXIS, SHADE = "#e6e6e6", "#b0b0b0", "#f1eef6"
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
GREY = "#767676"
PALE = "#d9d9d9"
CLAN_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW)
DPI = 144
MAX_SHAPES = 1500  # of one kind; more are drawn as pixels where a picture is a drawing, which would grow by megabytes
_MAX_MARKERS = 60  # a line with more points than this is drawn without dots
# shares from 0 to 1, in heat maps
BLUES = LinearSegmentedColormap.from_list("share", ["#F7FAFD", "#9CC9E6", BLUE])


def png(figure: Figure | SubFigure) -> bytes:
    """The picture as a PNG file in memory; equal figures have equal bytes."""
    file = io.BytesIO()
    figure.figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def svg(figure: Figure | SubFigure, name: str = "", has_paper: bool = True) -> bytes:
    """The picture as an SVG file in memory, its text as text; equal figures of one name have equal bytes.

    `name` tells the parts of one picture from those of others on the same page. Without paper it is see-through.
    """
    file = io.BytesIO()
    nothing = {key: None for key in ("Creator", "Date", "Format", "Type")}
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": f"boxlings {name}"}):
        figure.figure.savefig(file, format="svg", metadata=nothing, transparent=not has_paper)
    return file.getvalue()


FORMATS: dict[str, Callable[[Figure | SubFigure, str], bytes]] = {
    "png": lambda figure, _: png(figure),
    "svg": svg,
}


@contextmanager
def house_style() -> Iterator[None]:
    """The same look whatever the user's matplotlibrc says, and text as it is: no "$" in a name means anything."""
    with style.context("default"), rc_context({"text.parse_math": False, "axes.formatter.use_mathtext": False}):
        yield


def flat_axes(axes: AnyAxes) -> list[Axes]:
    """One, some or a grid of axes as a list."""
    return list(np.asarray(axes, dtype=object).ravel())


def new_axes(width_inches: float, height_inches: float) -> Axes:
    """Axes in a figure of their own."""
    return Figure(figsize=(width_inches, height_inches), dpi=DPI, layout="constrained").subplots()


def dress(ax: Axes, title: str, y_label: str, x_label: str = "generation") -> None:
    """The one look of all figures."""
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=BLACK, pad=9)
    ax.set_xlabel(x_label, fontsize=10, color=BLACK)
    ax.set_ylabel(y_label, fontsize=10, color=BLACK)
    ax.grid(True, axis="y", color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(length=3, color=PALE, labelcolor=BLACK, labelsize=9)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(AXIS)


def draw_measure(
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
        markeredgecolor=PAPER,
        markeredgewidth=0.6,
        label=label,
        clip_on=False,
        solid_capstyle="round",
        zorder=3,
    )
    value = float(known.iloc[-1])
    return [(f"{label} {two_places(value)}".strip(), value, text_colour or colour)]


def draw_final(
    ax: Axes,
    names: Sequence[str],
    values: Sequence[np.ndarray],
    colours: Sequence[Colour],
    interval: Callable[[np.ndarray], tuple[float, float]],
) -> None:
    """Shares that groups ended with, a row each: seeds are dots, the mean an upright bar, its interval a level one."""
    for row, (own, colour) in enumerate(zip(values, colours, strict=True)):
        if not len(own):
            continue
        nudge = np.linspace(-0.14, 0.14, len(own)) if len(own) > 1 else np.zeros(1)
        ax.scatter(own, row + nudge, 16, color=colour, alpha=0.55, linewidths=0, zorder=2, clip_on=False)
        low, high = np.clip(interval(own), 0.0, 1.0)  # no share lies beyond
        ax.plot([low, high], [row, row], color=darker(colour), linewidth=2.0, zorder=3, clip_on=False)
        ax.plot(
            [own.mean()] * 2, [row - 0.24, row + 0.24], color=darker(colour), linewidth=2.6, zorder=4, clip_on=False
        )
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xticks([0.0, 0.5, 1.0], ["0", "0.5", "1"])
    ax.set_yticks(range(len(names)), names)
    for name, colour in zip(ax.get_yticklabels(), colours, strict=True):
        name.set_color(darker(colour))
    ax.grid(True, axis="x", color=GRID, linewidth=0.8)


def two_places(value: float) -> str:
    """
    >>> two_places(-0.001), two_places(-0.15)
    ('0.00', '−0.15')
    """
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def label_ends(ax: Axes, ends: Sequence[tuple[str, float, Colour]]) -> None:
    """Name each line at its right end, outside the axes, moved apart just so far that no two names touch."""
    if not ends:
        return
    low, high = ax.get_ylim()
    height_points = ax.get_position().height * ax.figure.bbox.height / ax.figure.dpi * 72
    gap = 11.5 / max(height_points, 40.0)
    ends = sorted(ends, key=lambda end: end[1])
    wanted = np.array([(y - low) / (high - low) for _, y, _ in ends])
    placed = spread(wanted, gap)
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
            color=darker(colour),
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 0}
            if is_moved
            else None,
            annotation_clip=False,
        )


def spread(wanted: np.ndarray, gap: float) -> np.ndarray:
    """Sorted places, at least `gap` apart, as near to `wanted` as can be (least squares).

    >>> spread(np.array([0.5, 0.5, 0.9]), 0.1).round(3).tolist()
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


def span_generations(axes: Sequence[Axes], table: pd.DataFrame) -> None:
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
                ax.axvspan(first, 0, color=SHADE, zorder=0)
                ax.annotate(
                    "founder's\nchildhood", (first, 0.42), xycoords=("data", "axes fraction"),
                    xytext=(3, 0), textcoords="offset points", fontsize=7.5, color=GREY,
                )  # fmt: skip
            ax.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))


def say_if_empty(ax: Axes, ends: Sequence, text: str = "not measured in this run") -> None:
    """Where nothing was drawn, say so."""
    if not ends:
        ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=GREY)


def readable_on(colour: Colour) -> str:
    """Black or white, whichever stands out from the colour."""
    return ON_LIGHT if brightness(colour) > 0.5 else ON_DARK


def brightness(colour: Colour) -> float:
    """How bright a colour looks, in [0, 1] (luma of ITU-R BT.601)."""
    red, green, blue = to_rgb(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def towards_white(colour: Colour, share: float) -> Colour:
    """The colour, mixed with this share of white."""
    red, green, blue = to_rgb(colour)
    return red + (1.0 - red) * share, green + (1.0 - green) * share, blue + (1.0 - blue) * share


def darker(colour: Colour) -> Colour:
    """The colour, dark enough to be read as text on white."""
    red, green, blue = to_rgb(colour)
    factor = min(1.0, 0.45 / max(brightness(colour), 1e-6))
    return red * factor, green * factor, blue * factor
