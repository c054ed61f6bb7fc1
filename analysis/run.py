"""A recorded run, read back from its folder: options, tables, episodes, languages and checkpoints.

Only what evolution/ wrote is read; figures, replays and the report start from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from evolution.records import BOXLINGS, GENERATIONS, TIMING, read_episodes, read_language, read_records
from evolution.storage import MEND, list_checkpoints, read_toml
from population.lineage import Lineage


@dataclass(frozen=True)
class Language:
    """What the boxlings of a generation would say first of every meaning of a split, or of a sample of them."""

    generation: int
    split: str
    boxlings: np.ndarray  # (S,) int64 ids
    meanings: np.ndarray  # (M, K) int16: the value of each attribute
    messages: np.ndarray  # (S, M, L) int16: 0 is silence

    def of(self, boxling: int) -> np.ndarray:
        """The messages (M, L) of one boxling; ValueError where it did not live then."""
        if boxling not in self.boxlings:
            raise ValueError(f"boxling {boxling} did not live in generation {self.generation}")
        return self.messages[int(np.flatnonzero(self.boxlings == boxling)[0])]


@dataclass(frozen=True)
class Run:
    """Everything a run folder holds; tables are read at once, episodes and languages when they are asked for."""

    folder: Path
    config: dict  # the resolved options of config.toml, tables nested
    measures: pd.DataFrame  # tidy: generation int32, name str, value float64
    generations: pd.DataFrame  # the same, wide: index generation, one float64 column a measure, nan = not measured
    boxlings: pd.DataFrame  # one row a boxling and generation
    timing: pd.DataFrame  # tidy as `measures`; wall clock, so never the same twice

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @cached_property
    def lineage(self) -> Lineage:
        """All births of the run: who descends from whom."""
        return lineage_of(self.boxlings)

    @property
    def generation_numbers(self) -> list[int]:
        """Generations with recorded episodes, in order."""
        return _numbered(self.folder / "episodes")

    @property
    def language_generations(self) -> list[int]:
        """Generations whose language was recorded, in order; none in old runs, and where nobody talks."""
        # a run that was killed may have left that of a generation that is not in the tables yet
        known = set(self.boxlings["generation"])
        return [generation for generation in _numbered(self.folder / "languages") if generation in known]

    @property
    def checkpoints(self) -> list[Path]:
        """Folders of the kept checkpoints, oldest first."""
        return list_checkpoints(self.folder / "checkpoints")

    def episodes(self, generation: int | None = None) -> list[dict]:
        """The recorded episodes of one generation, by default the last recorded one; one dict a row."""
        recorded = self.generation_numbers
        if not recorded:
            raise ValueError(f"{self.folder} has no recorded episodes: its episodes/ folder is empty")
        if generation is None:
            generation = recorded[-1]
        if generation not in recorded:
            raise ValueError(f"generation {generation} was not recorded; recorded are {listed(recorded)}")
        rows = read_episodes(self.folder / "episodes" / f"{generation:06d}.parquet")
        return sorted(rows, key=lambda row: row["episode"])

    def episode(self, generation: int | None = None, episode: int | None = None) -> dict:
        """One recorded episode; by default the first one of the last recorded generation."""
        rows = self.episodes(generation)
        for row in rows:
            if episode is None or row["episode"] == episode:
                return row
        recorded = listed([row["episode"] for row in rows])
        wanted = "" if episode is None else f" {episode}"
        raise ValueError(f"there is no recorded episode{wanted} in that generation; recorded are {recorded}")

    def language(self, generation: int | None = None, split: str = "train") -> Language:
        """What was said in one generation, by default the last recorded one."""
        recorded = self.language_generations
        if not recorded:
            raise ValueError(f"{self.folder} has no recorded language: it is an old run, or nobody talks in it")
        if generation is None:
            generation = recorded[-1]
        if generation not in recorded:
            raise ValueError(
                f"the language of generation {generation} was not recorded; recorded are {listed(recorded)}"
            )
        boxlings, spoken = read_language(self.folder / "languages" / f"{generation:06d}.parquet")
        if split not in spoken:
            raise ValueError(f"split must be one of {', '.join(spoken)}, got {split!r}")
        return Language(generation, split, boxlings, *spoken[split])

    def fittest(self, language: Language) -> int:
        """The speaker of the highest fitness when the language was recorded, the first of several."""
        lived = self.boxlings[self.boxlings["generation"] == language.generation].set_index("boxling")
        fitness = lived["fitness"].reindex(language.boxlings).fillna(-np.inf)
        return int(language.boxlings[int(np.argmax(fitness))])


def lineage_of(boxlings: pd.DataFrame) -> Lineage:
    """The lineage that a table of boxlings tells, with one row or more a boxling."""
    births = boxlings.drop_duplicates("boxling")
    columns = (births.get(name) for name in ("mother", "father", "birth_generation", "origin"))
    return Lineage(births["boxling"], *columns)


def _numbered(folder: Path) -> list[int]:
    """The generations that have a table in a folder, in order."""
    return sorted(int(path.stem) for path in folder.glob("*.parquet") if path.stem.isdigit())


def listed(numbers: list[int]) -> str:
    """Whole numbers in a sentence, shortened in the middle.

    >>> listed([0, 5, 10]), listed(list(range(100)))
    ('0, 5, 10', '0, 1, 2 … 99 (100 in all)')
    """
    if len(numbers) <= 8:
        return ", ".join(map(str, numbers)) or "none"
    return f"{', '.join(map(str, numbers[:3]))} … {numbers[-1]} ({len(numbers)} in all)"


def load_run(folder: str | Path) -> Run:
    """Read the run in `folder`.

    ValueError with one sentence when the folder is no run, DamagedFile (a ValueError) when a file is damaged.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a run folder: there is no such folder")
    for name in ("config.toml", "generations.parquet", "boxlings.parquet", "timing.parquet"):
        if not (folder / name).is_file():
            raise ValueError(f"{folder} is not a run folder (or its first generation is not over): it has no {name}")
    measures = read_records(folder / "generations.parquet", GENERATIONS, MEND).to_pandas()
    return Run(
        folder=folder,
        config=read_toml(folder / "config.toml", MEND),
        measures=measures,
        generations=wide(measures),
        boxlings=read_records(folder / "boxlings.parquet", BOXLINGS, MEND).to_pandas(),
        timing=read_records(folder / "timing.parquet", TIMING, MEND).to_pandas(),
    )


def wide(measures: pd.DataFrame) -> pd.DataFrame:
    """Tidy (generation, name, value) to one row a generation, one column a measure, nan where not measured.

    >>> tidy = pd.DataFrame({"generation": [0, 1, 1], "name": ["a", "a", "b"], "value": [0.5, 0.6, 2.0]})
    >>> wide(tidy)["b"].tolist()
    [nan, 2.0]
    """
    twice = measures[measures.duplicated(["generation", "name"])]
    if len(twice):
        generation, name = twice.iloc[0][["generation", "name"]]
        raise ValueError(f"measure {name!r} is recorded more than once for generation {generation}")
    table = measures.pivot(index="generation", columns="name", values="value").sort_index()
    table.columns.name = None
    return table
