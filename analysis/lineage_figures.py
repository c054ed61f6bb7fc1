"""Figures of who descends from whom: the shares of clans over the generations, and the family tree of the living."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.ticker import PercentFormatter

from analysis.drawing import (
    BLACK,
    GREY,
    MAX_SHAPES,
    PALE,
    PAPER,
    darker,
    dress,
    label_ends,
    new_axes,
    say_if_empty,
    span_generations,
    towards_white,
)
from analysis.families import clan_colours, clans, family_order
from analysis.run import Run

_MAX_SHADED_LIVES = 3000  # a lineage of more boxlings times generations shows clans only, not each boxling
_MAX_NAMED = 48  # boxlings in a family tree that have a name at its right edge


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
    edges = PAPER if is_fine else "face"
    ax.add_collection(
        PolyCollection(
            polygons, facecolors=faces, edgecolors=edges, linewidths=0.4, rasterized=len(polygons) > MAX_SHAPES
        )
    )
    if births:
        x, y = np.array(births).T
        size = float(np.clip(1200.0 / len(births), 0.5, 10.0))
        ax.scatter(x, y, size, color=BLACK, linewidths=0, zorder=3, clip_on=False, rasterized=len(births) > MAX_SHAPES)
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


def plot_family_tree(run: Run, ax: Axes | None = None, boxling: int | None = None) -> Axes:
    """The family tree of those who live in the last generation, through their mothers, back to the founders.

    A line is a boxling, from its first generation to its last, or to its last daughter that has living descendants;
    dots are births, rings those of newborns that had to learn the language, dotted lines lead to fathers who are in the
    tree. The line of ancestors of `boxling`, by default of the fittest, is black. Colours are clans.
    """
    tree = _Tree(run)
    if ax is None:
        ax = new_axes(9.0, float(np.clip(1.3 + 0.2 * len(tree.living), 2.6, 11.0)))
    dress(ax, "Family tree of the living", "", "generation")
    ax.grid(False)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    if not tree.living:
        say_if_empty(ax, [])
        return ax
    boxling = tree.fittest if boxling is None else boxling
    if boxling not in tree.y:
        raise ValueError(f"boxling must be one of the living or of their ancestors, got {boxling}")
    line = [each for each in run.lineage.ancestors(boxling).tolist() if each in tree.y]
    ax.set_title(
        f"Family tree of the living (black: the line of boxling {boxling}; rings: born without the language)",
        loc="left", fontsize=11, fontweight="bold", color=BLACK, pad=9,
    )  # fmt: skip
    wide = 2.0 if len(tree.living) <= _MAX_NAMED else 0.9
    ax.add_collection(
        LineCollection(
            [part for each in tree.y for part in tree.segments(each)],
            colors=[tree.colour(each) for each in tree.y for _ in tree.segments(each)],
            linewidths=wide,
        )
    )
    ax.add_collection(
        LineCollection(
            [part for each in line for part in tree.segments(each, line)], colors=BLACK, linewidths=wide + 0.7
        )
    )
    fathers = [segment for each in tree.y if (segment := tree.way_to_father(each))]
    ax.add_collection(LineCollection(fathers, colors=GREY, linewidths=0.8, linestyles=":"))
    size = float(np.clip(2400.0 / max(len(tree.y), 1), 3.0, 22.0))
    for is_newborn in (False, True):
        born = [each for each in tree.y if (tree.origin[each] in ("newborn", "drawn")) == is_newborn]
        ax.scatter(
            [tree.first[each] for each in born], [tree.y[each] for each in born], size,
            facecolors=[PAPER if is_newborn else tree.colour(each) for each in born],
            edgecolors=[BLACK if each in line else tree.colour(each) for each in born],
            linewidths=1.2, zorder=3, clip_on=False,
        )  # fmt: skip
    ax.set_ylim(len(tree.living) - 0.4, -0.6)
    if len(tree.living) <= _MAX_NAMED:
        for each in tree.living:
            fitness = tree.fitness.get(each, float("nan"))
            told = f"{each}" + ("" if np.isnan(fitness) else f"  fitness {fitness:.2f}".replace("-", "−"))
            ax.annotate(
                told, (1.0, tree.y[each]), xycoords=("axes fraction", "data"), xytext=(8, 0),
                textcoords="offset points", va="center", fontsize=8.5, annotation_clip=False,
                color=BLACK if each == boxling else darker(tree.colour(each)),
                fontweight="bold" if each == boxling else "normal",
            )  # fmt: skip
    span_generations([ax], pd.DataFrame(index=[int(min(tree.first.values())), tree.last_generation]))
    return ax


class _Tree:
    """Where everybody stands in the tree: the living one below the other, their ancestors in the middle of daughters.

    As phylogenies are drawn; who lives has a row of its own, even if it has daughters.
    """

    def __init__(self, run: Run) -> None:
        lives = run.boxlings
        self.y: dict[int, float] = {}
        self.living: list[int] = []
        if not len(lives):
            return
        self.last_generation = int(lives["generation"].max())
        births = lives.sort_values("generation").drop_duplicates("boxling").set_index("boxling")
        rank = family_order(births["mother"])
        alive = lives[lives["generation"] == self.last_generation]
        self.fitness: dict[int, float] = dict(zip(alive["boxling"].tolist(), alive["fitness"].tolist(), strict=True))
        self.living = sorted(self.fitness, key=lambda each: rank[each])
        self.fittest = max(self.living, key=lambda each: (np.nan_to_num(self.fitness[each], nan=-np.inf), -each))
        shown = sorted({int(each) for living in self.living for each in run.lineage.ancestors(living)})
        self.first = {each: int(births.at[each, "generation"]) for each in shown}
        self.origin = {each: str(births.at[each, "origin"]) for each in shown}
        self.mother = {each: int(births.at[each, "mother"]) for each in shown}
        self.father = {each: int(births.at[each, "father"]) for each in shown}
        self.daughters: dict[int, list[int]] = {each: [] for each in shown}
        for each in shown:
            if self.mother[each] in self.daughters:
                self.daughters[self.mother[each]].append(each)
        for row, each in enumerate(self.living):
            self.y[each] = float(row)
        for each in reversed(shown):  # daughters have larger numbers than their mothers
            if each not in self.y:
                self.y[each] = float(np.mean([self.y[daughter] for daughter in self.daughters[each]]))
        clan_of = clans(lives)
        colours = clan_colours(lives.assign(clan=clan_of[lives["boxling"]].to_numpy()))
        self._colour = {each: colours.get(int(clan_of[each]), GREY) for each in shown}

    def colour(self, boxling: int) -> str:
        return self._colour[boxling]

    def segments(self, boxling: int, line: Sequence[int] = ()) -> list[list[tuple[float, float]]]:
        """The line of its life, or of the part that leads to its daughter in a `line`, and that to its mother's."""
        y, start = self.y[boxling], float(self.first[boxling])
        daughters = [d for d in self.daughters[boxling] if d in line] if line else self.daughters[boxling]
        lives_on = boxling in self.fitness and not (line and daughters)
        end = self.last_generation if lives_on else max(self.first[daughter] for daughter in daughters)
        mother = self.mother[boxling]
        lines = [[(start, y), (float(end), y)]]
        return [*lines, [(start, self.y[mother]), (start, y)]] if mother in self.y else lines

    def way_to_father(self, boxling: int) -> list[tuple[float, float]] | None:
        father = self.father[boxling]
        start = float(self.first[boxling])
        return [(start, self.y[father]), (start, self.y[boxling])] if father in self.y else None
