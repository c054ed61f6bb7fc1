"""A first run from a script: evolve, read the tables, draw a figure, write the report.

    python examples/tutorial_first_run.py [FOLDER]

docs/tutorials/first-run.md walks through it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

# --8<-- [start:evolve]
from boxlings import LearningConfig, RunConfig, evolve, load_run


def evolve_speakers(folder: Path) -> Path:
    """Eight boxlings that tell each other of objects with two attributes of four values each."""
    config = RunConfig(
        scenario="describe:2x4",
        out=str(folder),
        seed=1,
        generations=6,
        measure_every=2,
        record_every=2,
        learning=LearningConfig(founder_rounds=200),
    )
    return evolve(config)


# --8<-- [end:evolve]


# --8<-- [start:read]
def read(folder: Path) -> None:
    """What was measured, a row a generation."""
    run = load_run(folder)
    lived = run.generations.loc[0:]  # years of the founder's childhood have negative numbers
    print(lived[["fitness_mean", "success", "success_muted", "success_held_out"]].round(2))
    # NaN: not measured in that generation
    assert lived["success"].iloc[-1] > lived["success_muted"].dropna().iloc[-1]


# --8<-- [end:read]


# --8<-- [start:draw]
def draw(folder: Path) -> list[Path]:
    """One figure on axes of our own, and the report with all of them."""
    from matplotlib.figure import Figure

    from analysis.figures import plot_fitness, plot_success
    from analysis.report import write_report

    run = load_run(folder)
    figure = Figure(figsize=(13, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot_fitness(run, left)
    plot_success(run, right)
    figure.savefig(folder / "both.svg")
    return [folder / "both.svg", write_report(run)]


# --8<-- [end:draw]


def main(folder: Path) -> None:
    evolve_speakers(folder)
    read(folder)
    for path in draw(folder):
        print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()) / "run")
