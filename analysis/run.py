"""A recorded run, read back from its folder: options, tables, episodes, languages and checkpoints.

Only what evolution/ wrote is read; figures, replays and the report start from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from evolution.config import MEASURED_WORLDS
from evolution.records import BOXLINGS, GENERATIONS, TIMING, read_ancestors, read_episodes, read_language, read_records
from evolution.storage import MEND, DamagedFile, is_locked, list_checkpoints, newest_valid_checkpoint, read_toml
from population.lineage import Lineage
from world import scenarios
from world.recording import record, scene_of, start_columns

_SHARES_OF_WORLDS = (
    "success", "success_muted", "success_shuffled", "success_held_out", "understanding", "understanding_held_out",
)  # fmt: skip

_REWRITE = "`boxlings resume` of a run that is not over writes it anew"  # a file that every save replaces


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
class RunState:
    """How far a run has come, and what it lacks."""

    last_generation: int  # that was judged and is in the tables
    num_generations: int  # planned; as many as were lived where that is unknown
    is_running: bool  # a process works on it now
    missing: tuple[str, ...]  # a sentence each: what is not there that would be there in a whole run

    @property
    def is_finished(self) -> bool:
        return self.last_generation >= self.num_generations


@dataclass(frozen=True)
class Run:
    """Everything a run folder holds; tables are read at once, episodes and languages when they are asked for.

    Of a run that goes on, or that was killed, what its newest tables hold: all of them up to the same generation.
    """

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

    def tables(self) -> dict[str, pd.DataFrame]:
        """Everything that was recorded, as tables by name; see `analysis.export.tables`."""
        from analysis.export import tables  # which reads runs

        return tables(self)

    @cached_property
    def state(self) -> RunState:
        """How far the run has come and what it lacks, as its files are now."""
        last = int(self.generations.index[-1]) if len(self.generations) else 0
        planned = self.config.get("generations")
        num_generations = planned if isinstance(planned, int) else last
        is_running = is_locked(self.folder)
        missing = []
        if is_running and last < num_generations:
            missing.append(f"The run goes on: {last} of {num_generations} generations are in its tables so far.")
        elif last < num_generations:
            missing.append(
                f"The run ended early, in generation {last} of {num_generations}: `boxlings resume {self.folder}` "
                "goes on."
            )
        newest, damages = newest_valid_checkpoint(self.folder / "checkpoints")
        missing += [f"A checkpoint is damaged: {sentence}." for sentence in damages]
        if newest is None:
            missing.append("There is no undamaged checkpoint: nothing is known of the lexicon, and nobody can live on.")
        elif not is_running and int(newest.name) < last < num_generations:
            missing.append(
                f"Generations {int(newest.name) + 1} to {last} are in no checkpoint: they are lived again if the run "
                "goes on."
            )
        if not self.generation_numbers:
            missing.append("No episodes were recorded: there is nothing to replay.")
        for generation in self.generation_numbers:
            try:
                self.episodes(generation)
            except DamagedFile as damage:
                if generation in self.generation_numbers:  # a run that goes on makes room by removing old ones
                    missing.append(f"The episodes of generation {generation} cannot be replayed: {damage}.")
        try:
            _ = self._ancestors
        except DamagedFile as damage:
            missing.append(f"The episodes of ancestors cannot be replayed: {damage}.")
        return RunState(last, num_generations, is_running, tuple(missing))

    @property
    def generation_numbers(self) -> list[int]:
        """Generations with recorded episodes, in order."""
        return self._recorded("episodes")

    @property
    def language_generations(self) -> list[int]:
        """Generations whose language was recorded, in order; none in old runs, and where nobody talks."""
        return self._recorded("languages")

    def _recorded(self, folder: str) -> list[int]:
        # a run that was killed may have left that of a generation that is not in the tables yet
        known = set(self.boxlings["generation"])
        numbers = (int(path.stem) for path in (self.folder / folder).glob("*.parquet") if path.stem.isdigit())
        return sorted(number for number in numbers if number in known)

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

    def all_episodes(self) -> list[dict]:
        """The recorded episodes of all generations, in order; those that a run that goes on just removed are left out.

        DamagedFile for those that are there and cannot be read.
        """
        rows: list[dict] = []
        for generation in self.generation_numbers:
            try:
                rows += self.episodes(generation)
            except ValueError:
                if generation in self.generation_numbers:
                    raise
        return rows

    def episode(self, generation: int | None = None, episode: int | None = None) -> dict:
        """One recorded episode; by default the first one of the last recorded generation."""
        rows = self.episodes(generation)
        for row in rows:
            if episode is None or row["episode"] == episode:
                return row
        recorded = listed([row["episode"] for row in rows])
        wanted = "" if episode is None else f" {episode}"
        raise ValueError(f"there is no recorded episode{wanted} in that generation; recorded are {recorded}")

    @cached_property
    def _ancestors(self) -> dict[int, dict]:
        """What is kept of the living and of their ancestors, by boxling."""
        path = self.folder / "ancestors.parquet"
        return {row["boxling"]: row for row in read_ancestors(path, _REWRITE)} if path.is_file() else {}

    @property
    def remembered(self) -> list[int]:
        """Ids of those of whom an episode is kept as they, or descendants of theirs, live in the last generation."""
        return sorted(self._ancestors)

    def ancestor_episode(self, boxling: int) -> dict:
        """The episode that is kept of one of these, of its last generation, as `episode` gives them: simulated again.

        ValueError where there is none. DamagedFile where the simulator does not make of it what was recorded.
        """
        if boxling not in self._ancestors:
            known = listed(self.remembered)
            raise ValueError(f"no episode of boxling {boxling} is kept; there is one of {known}")
        kept = self._ancestors[boxling]
        where = f"{self.folder / 'ancestors.parquet'}, boxling {boxling}"
        lengths = {name: len(kept[name]) for name in ("actions", "said", "answers")}
        if wrong := [f"{num} steps of {name}" for name, num in lengths.items() if num != kept["num_steps"]]:
            raise DamagedFile(f"{where}: expected {kept['num_steps']} steps, found {wrong[0]}; {_REWRITE}")
        if boxling not in kept["boxlings"]:
            raise DamagedFile(f"{where}: expected an episode of that boxling, found one of {listed(kept['boxlings'])}")
        try:
            row = simulate(kept)
        except (ValueError, IndexError, OverflowError) as error:  # acts or answers that there are none of
            raise DamagedFile(f"{where}: the episode cannot be simulated: {error}; {_REWRITE}") from None
        if row["is_won"] != kept["is_won"] or row["over_at"] < 0:
            raise DamagedFile(f"{where}: the episode ends otherwise in this version of the simulator")
        return row

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

    def worlds_behind(self, measure: str) -> int | None:
        """How many worlds a share of worlds solved or understood was counted over, each generation; None if unknown."""
        live, population = (self.config.get(name) for name in ("live_worlds", "population"))
        if measure not in _SHARES_OF_WORLDS or not isinstance(live, int) or not isinstance(population, int):
            return None
        is_of_all = measure in ("success", "understanding")
        return population * (live if is_of_all else min(live, -(-MEASURED_WORLDS // population)))

    def fittest(self, language: Language) -> int:
        """The speaker of the highest fitness when the language was recorded, the first of several."""
        lived = self.boxlings[self.boxlings["generation"] == language.generation].set_index("boxling")
        fitness = lived["fitness"].reindex(language.boxlings).fillna(-np.inf)
        return int(language.boxlings[int(np.argmax(fitness))])


def simulate(kept: dict) -> dict:
    """An episode row, made of what is kept of an ancestor's: the world of that number, and the acts and answers in it.

    Its number is that of the boxling. Neither attention nor use of experts is known.
    """
    scenario = scenarios.get(kept["scenario"])
    worlds = scenario.generate(np.array([kept["world_number"]]), kept["split"])
    start = {name: _plain(value) for name, value in start_columns(worlds, 0).items()}
    scenes, rewards, over_at = [scene_of(worlds, 0)], [], -1
    for step, (acts, answers) in enumerate(zip(kept["actions"], kept["answers"], strict=True), 1):
        earned = scenario.advance(worlds, np.array([acts], np.int8), np.array([answers], np.int16))
        rewards.append(earned[0].tolist())
        scenes.append(scene_of(worlds, 0))
        if over_at < 0 and worlds.is_over[0]:
            over_at = step
    changes = [record(before, after) for before, after in pairwise(scenes)]
    same = ("generation", "scenario", "split", "world_number", "boxlings", "num_steps", "actions", "said", "answers")
    return (
        {name: kept[name] for name in same}
        | start
        | {
            "episode": kept["boxling"],
            "channel": "on",
            "rewards": rewards,
            "edits": [tokens.tolist() for tokens, _ in changes],
            "bodies": [bodies.ravel().tolist() for _, bodies in changes],
            "attention": [],
            "expert_use": [],
            "is_won": bool(worlds.is_won[0]),
            "over_at": over_at,
        }
    )


def _plain(value: object) -> object:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def lineage_of(boxlings: pd.DataFrame) -> Lineage:
    """The lineage that a table of boxlings tells, with one row or more a boxling."""
    births = boxlings.drop_duplicates("boxling")
    columns = (births.get(name) for name in ("mother", "father", "birth_generation", "origin"))
    return Lineage(births["boxling"], *columns)


def listed(numbers: list[int]) -> str:
    """Whole numbers in a sentence, shortened in the middle.

    >>> listed([0, 5, 10]), listed(list(range(100)))
    ('0, 5, 10', '0, 1, 2 … 99 (100 in all)')
    """
    if len(numbers) <= 8:
        return ", ".join(map(str, numbers)) or "none"
    return f"{', '.join(map(str, numbers[:3]))} … {numbers[-1]} ({len(numbers)} in all)"


def load_run(folder: str | Path) -> Run:
    """Read the run in `folder`, whether it is whole, goes on or was killed.

    ValueError with one sentence when the folder is no run, DamagedFile (a ValueError) when a file is damaged.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a run folder: there is no such folder")
    for name in ("config.toml", "generations.parquet", "boxlings.parquet", "timing.parquet"):
        if not (folder / name).is_file():
            raise ValueError(f"{folder} is not a run folder (or its first generation is not over): it has no {name}")
    measures = read_records(folder / "generations.parquet", GENERATIONS, MEND).to_pandas()
    boxlings = read_records(folder / "boxlings.parquet", BOXLINGS, MEND).to_pandas()
    timing = read_records(folder / "timing.parquet", TIMING, MEND).to_pandas()
    if not len(boxlings) or not len(measures):
        raise ValueError(f"{folder} holds no generation that is over: there is nothing to read yet")
    # files are replaced one after the other: a run that goes on may have replaced some while we read the others
    last = min(measures["generation"].max(), boxlings["generation"].max())
    measures, boxlings, timing = (
        table[table["generation"] <= last].reset_index(drop=True) for table in (measures, boxlings, timing)
    )
    return Run(
        folder=folder,
        config=read_toml(folder / "config.toml", MEND),
        measures=measures,
        generations=wide(measures),
        boxlings=boxlings,
        timing=timing,
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
