"""Families: who descends from whom, the tree of the living, and the line of a winner to watch.

    python examples/tutorial_families.py [FOLDER]

docs/tutorials/families.md walks through it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from boxlings import LearningConfig, RunConfig, evolve, load_run


# --8<-- [start:ask]
def ask(folder: Path) -> None:
    """The line of the fittest, the clans, and how closely two boxlings are related."""
    run = load_run(folder)
    alive = run.boxlings[run.boxlings["generation"] == run.state.last_generation]
    fittest = int(alive.loc[alive["fitness"].idxmax(), "boxling"])
    print(f"the line of {fittest}: {' < '.join(map(str, run.lineage.ancestors(fittest)))}")
    clans = dict(zip(run.lineage.boxlings.tolist(), run.lineage.clans().tolist(), strict=True))
    print(f"{len({clans[each] for each in alive['boxling']})} of {len(set(clans.values()))} clans are alive")
    one, other = alive["boxling"].iloc[[0, -1]].tolist()
    print(f"births between {one} and {other}: {run.lineage.generations_between(one, other)}")


# --8<-- [end:ask]


# --8<-- [start:draw]
def draw(folder: Path) -> None:
    """The share of clans over the generations, and the tree of the living."""
    from analysis.lineage_figures import plot_family_tree, plot_lineage

    run = load_run(folder)
    plot_lineage(run).figure.savefig(folder / "clans.png")
    plot_family_tree(run).figure.savefig(folder / "tree.png")


# --8<-- [end:draw]


# --8<-- [start:watch]
def watch(folder: Path) -> None:
    """An episode of each ancestor, side by side."""
    from analysis.ancestors import ancestors_told, evenly
    from analysis.film import film, to_gif

    line = [each for each in reversed(ancestors_told(load_run(folder))) if each.episode]
    shown = evenly(line, 9)
    titles = [each.title for each in shown]
    print(to_gif(folder / "line.gif", film([each.episode for each in shown], titles=titles, in_grid=True)))


# --8<-- [end:watch]


def main(folder: Path) -> None:
    config = RunConfig(
        scenario="describe:2x4", out=str(folder), seed=3, generations=10, measure_every=5,
        learning=LearningConfig(founder_rounds=150, language_rounds=4),
    )  # fmt: skip
    evolve(config)
    ask(folder)
    draw(folder)
    watch(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()) / "run")
