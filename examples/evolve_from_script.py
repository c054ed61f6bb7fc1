"""Evolve a population from a script, and look at what came of it.

    python examples/evolve_from_script.py [FOLDER]

A tiny run, done in well under a minute: too short for words to be worth much, long enough to see how it is
done. FOLDER is where the run is written; without it a new one in the system's place for temporary files.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from analysis.figures import plot_fitness
from boxlings import LearningConfig, RunConfig, evolve, load_run

SUCCESS = ["success", "success_muted", "success_shuffled", "success_held_out"]


def main(folder: Path) -> None:
    """Evolve four boxlings, print their success in four circumstances, and draw their fitness."""
    config = RunConfig(
        scenario="guide",
        out=str(folder),
        seed=1,
        generations=3,
        population=4,
        live_worlds=8,
        measure_every=1,
        learning=LearningConfig(founder_rounds=100, language_rounds=4, acting_rounds=1, acting_worlds=4),
    )
    run = load_run(evolve(config))  # silent; a function given besides is told of every generation

    generations = run.generations.loc[0:]  # years of the founder's childhood have negative numbers
    print(generations[SUCCESS].round(3).to_string())
    youngest = run.boxlings.iloc[run.boxlings["birth_generation"].argmax()]
    print(f"the youngest: boxling {youngest['boxling']}, {youngest['origin']} of {youngest['mother']}")

    path = folder / "fitness.png"
    plot_fitness(run).figure.savefig(path)
    print(f"figure: {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()) / "run")
