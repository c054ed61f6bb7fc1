"""The language of a run: what words mean, how it is built, and whether it matters.

    python examples/tutorial_language.py [FOLDER]

docs/tutorials/language.md walks through it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from boxlings import LearningConfig, RunConfig, evolve, load_run


# --8<-- [start:read]
def what_was_said(folder: Path) -> None:
    """The language of the last recorded generation, and what the fittest means by its words."""
    run = load_run(folder)
    language = run.language()
    print(f"{len(language.boxlings)} boxlings about {len(language.meanings)} meanings")

    fittest = run.fittest(language)
    lexicon = run.tables()["lexicon"].query(f"generation == {language.generation} and symbol > 0")
    print(f"boxling {fittest} says")
    print(lexicon[["name", "position", "attribute", "value", "probability"]].head(6).to_string(index=False))


# --8<-- [end:read]


# --8<-- [start:measure]
def how_it_is_built(folder: Path) -> None:
    """Any measure of any language: ours, or the one of your own arrays."""
    from language.measures import topographic_similarity

    language = load_run(folder).language()
    ours = topographic_similarity(language.meanings, language.messages[0])
    shuffled = language.messages[0][np.random.default_rng(0).permutation(len(language.meanings))]
    by_chance = topographic_similarity(language.meanings, shuffled)
    print(f"topographic similarity {ours:.2f}; of the same words for other meanings {by_chance:.2f}")
    assert ours > by_chance


# --8<-- [end:measure]


# --8<-- [start:intervene]
def what_words_cause(folder: Path) -> None:
    """Success with the channel as it is, and with other people's words in place of what was said."""
    last = load_run(folder).generations.iloc[-1]
    print(f"talking {last['success']:.2f}, muted {last['success_muted']:.2f}, shuffled {last['success_shuffled']:.2f}")
    assert last["success"] > last["success_shuffled"]


# --8<-- [end:intervene]


def main(folder: Path) -> None:
    config = RunConfig(
        scenario="describe:2x4", out=str(folder), seed=2, generations=4, measure_every=2,
        learning=LearningConfig(founder_rounds=250),
    )  # fmt: skip
    evolve(config)
    what_was_said(folder)
    how_it_is_built(folder)
    what_words_cause(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()) / "run")
