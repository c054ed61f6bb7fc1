"""A recorded run, read back from its folder: options, tables, episodes and checkpoints.

Only what evolution/ wrote is read; figures, replays and the report start from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from evolution.records import BOXLINGS, GENERATIONS, TIMING, read_episodes, read_records
from evolution.storage import list_checkpoints, read_toml


@dataclass(frozen=True)
class Run:
    """Everything a run folder holds; tables are read at once, episodes when they are asked for."""

    folder: Path
    config: dict  # the resolved options of config.toml, tables nested
    measures: pd.DataFrame  # tidy: generation int32, name str, value float64
    generations: pd.DataFrame  # the same, wide: index generation, one float64 column a measure, nan = not measured
    boxlings: pd.DataFrame  # one row a boxling and generation
    timing: pd.DataFrame  # tidy as `measures`; wall clock, so never the same twice

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @property
    def generation_numbers(self) -> list[int]:
        """Generations with recorded episodes, in order."""
        paths = (self.folder / "episodes").glob("*.parquet")
        return sorted(int(path.stem) for path in paths if path.stem.isdigit())

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
    measures = read_records(folder / "generations.parquet", GENERATIONS).to_pandas()
    return Run(
        folder=folder,
        config=read_toml(folder / "config.toml"),
        measures=measures,
        generations=wide(measures),
        boxlings=read_records(folder / "boxlings.parquet", BOXLINGS).to_pandas(),
        timing=read_records(folder / "timing.parquet", TIMING).to_pandas(),
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
