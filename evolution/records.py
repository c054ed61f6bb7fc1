"""What a run records, as tables: one row a measure, a boxling, an episode, a message.

The schemas below are the contract with everything that reads a run. Tables are tidy (Wickham 2014, "Tidy
data", https://doi.org/10.18637/jss.v059.i10): a new measure is a new name, not a new column.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evolution.storage import RESTORE, SPARE, DamagedFile, GrowingTable, read_table, write_bytes, write_table

# One row a generation and measure; `generations` holds what a run of the same seed repeats to the bit.
GENERATIONS = pa.schema([("generation", pa.int32()), ("name", pa.string()), ("value", pa.float64())])
# wall_seconds, cpu_seconds, agent_steps, agent_steps_per_second: differs from run to run.
TIMING = GENERATIONS
BOXLINGS = pa.schema(
    [
        ("generation", pa.int32()),
        ("boxling", pa.int64()),  # id, never reused
        ("slot", pa.int32()),  # row of the population
        ("mother", pa.int64()),  # id, -1 for none
        ("father", pa.int64()),  # id of a second parent, -1 for none
        ("birth_generation", pa.int32()),
        ("origin", pa.string()),  # founder, seed, mutant or newborn
        ("fitness", pa.float64()),
        ("as_guide", pa.float64()),  # its fitness in the worlds where it was the guide
        ("as_builder", pa.float64()),  # and where it was a builder
        ("is_eliminated", pa.bool_()),  # at the end of this generation
        ("learning_rate", pa.float64()),  # its genes, or the run's options where there are none
        ("entropy_bonus", pa.float64()),
        ("temperature", pa.float64()),
        ("mutation_step", pa.float64()),
    ]
)
# T steps, A agents, L symbols, G private attributes, H x W cells, K bodies.
EPISODES = pa.schema(
    [
        ("generation", pa.int32()),
        ("episode", pa.int32()),
        ("scenario", pa.string()),
        ("split", pa.string()),  # see world.splits
        ("world_number", pa.int64()),
        ("channel", pa.string()),  # on, mute or shuffle
        ("height", pa.int16()),
        ("width", pa.int16()),
        ("start_owner", pa.list_(pa.int16())),  # H*W: the body in each cell
        ("floor", pa.list_(pa.uint8())),  # H*W: the colour that shows where nothing lies
        ("colour", pa.list_(pa.uint8())),  # K
        ("flags", pa.list_(pa.uint8())),  # K: world.engine.Body
        ("laws", pa.list_(pa.int16())),  # world.engine.Law
        ("agent_body", pa.list_(pa.int16())),  # A
        ("role", pa.list_(pa.int8())),  # A
        ("goal", pa.list_(pa.int16())),  # G
        ("boxlings", pa.list_(pa.int64())),  # A ids
        ("num_steps", pa.int16()),
        ("actions", pa.list_(pa.list_(pa.int8()))),  # T x A
        ("said", pa.list_(pa.list_(pa.list_(pa.int16())))),  # T x A x L, 0 is silence
        ("answers", pa.list_(pa.list_(pa.list_(pa.int16())))),  # T x A x G
        ("rewards", pa.list_(pa.list_(pa.float32()))),  # T x A
        ("edits", pa.list_(pa.list_(pa.int16()))),  # T codes of world.codec
        ("bodies", pa.list_(pa.list_(pa.int16()))),  # T x (cell, body) where the code does not tell whose a cell is
        # T x A x (H*W, or 0 for who does not ask the picture): attention before the step x 255, see evolution.insight
        ("attention", pa.list_(pa.list_(pa.list_(pa.uint8())))),
        ("expert_use", pa.list_(pa.list_(pa.list_(pa.uint8())))),  # T x A x (visual, others): share of tokens x 255
        ("is_won", pa.bool_()),
        ("over_at", pa.int16()),  # steps until over
    ]
)

# What every boxling would say first of a meaning; K attributes, L symbols.
LANGUAGES = pa.schema(
    [
        ("generation", pa.int32()),
        ("boxling", pa.int64()),
        ("split", pa.string()),  # whether the meaning is trained on, see world.splits
        ("meaning", pa.list_(pa.int16())),  # K: the value of each attribute
        ("message", pa.list_(pa.int16())),  # L: 0 is silence, after the end of a message too
    ]
)

# An episode of everybody who lives, and of those whom they descend from: what was said and done in it, from which and
# from the number of the world all else follows.
ANCESTORS = pa.schema(
    [
        ("generation", pa.int32()),
        ("boxling", pa.int64()),  # who leads: the guide, or the first where there is none
        ("mother", pa.int64()),  # id, -1 for none
        ("scenario", pa.string()),
        ("split", pa.string()),
        ("world_number", pa.int64()),
        ("boxlings", pa.list_(pa.int64())),  # A ids
        ("num_steps", pa.int16()),
        ("actions", pa.list_(pa.list_(pa.int8()))),  # T x A
        ("said", pa.list_(pa.list_(pa.list_(pa.int16())))),  # T x A x L
        ("answers", pa.list_(pa.list_(pa.list_(pa.int16())))),  # T x A x G
        ("is_won", pa.bool_()),
    ]
)

SCHEMAS = {"generations": GENERATIONS, "timing": TIMING, "boxlings": BOXLINGS}


class Tables:
    """The growing tables of a run: rows are appended in memory, `write` writes each file whole.

    A file's bytes depend on its rows alone, not on how often the run was stopped and resumed. A run writes
    its tables before the checkpoint of a generation, so the tables of a run that was killed reach at least as
    far as its checkpoints. What a table was before it was written last stays as its spare copy.
    """

    def __init__(self, run_folder: str | Path, checkpoint_every: int = 1) -> None:
        self.run_folder = Path(run_folder)
        self.checkpoint_every = checkpoint_every
        self.fittest: tuple[float, int] | None = None  # highest mean fitness of the generations of checkpoints; which
        self._tables = {
            name: GrowingTable(self.path(name), schema, self.spare(name)) for name, schema in SCHEMAS.items()
        }

    @classmethod
    def load(cls, run_folder: str | Path, last_generation: int, checkpoint_every: int = 1) -> tuple[Self, list[str]]:
        """The tables of an existing run without the rows of generations after `last_generation`.

        A damaged table is mended from its spare copy, of which the sentences that are returned tell; DamagedFile where
        that does not reach so far. Seconds are not worth a run: where they are lost, they begin anew.
        """
        tables = cls(run_folder, checkpoint_every)
        found, mended, told = {}, [], []
        for name, schema in SCHEMAS.items():
            try:
                found[name] = _read_up_to(tables.path(name), schema, last_generation)
            except DamagedFile as damage:
                try:
                    found[name] = _read_up_to(tables.spare(name), schema, last_generation)
                    mended.append(name)
                    told.append(f"{tables.path(name)} was damaged, and is mended from its spare copy")
                except DamagedFile:
                    if name != "timing":
                        raise damage from None
                    found[name] = schema.empty_table()
                    told.append(f"{tables.path(name)} is damaged, and begins anew")
        for name in mended:  # before the next `write` makes the damaged file the spare copy
            write_bytes(tables.path(name), tables.spare(name).read_bytes())
        for name, table in found.items():
            rows = table.filter(pc.less_equal(table["generation"], last_generation))
            tables._tables[name].add(rows)
            if name == "generations":
                rows = rows.filter(pc.equal(rows["name"], "fitness_mean"))
                for generation, value in zip(rows["generation"].to_pylist(), rows["value"].to_pylist(), strict=True):
                    tables._compare(generation, value)
        return tables, told

    def path(self, name: str) -> Path:
        """Where the table of that name lies: generations, timing or boxlings."""
        return self.run_folder / f"{name}.parquet"

    def spare(self, name: str) -> Path:
        """Where its spare copy lies."""
        return self.run_folder / SPARE / f"{name}.parquet"

    def add_measures(self, generation: int, measures: Mapping[str, float]) -> None:
        """Append measures that the same seed repeats to the bit; nan where undefined."""
        self._add("generations", _tidy_rows(generation, measures))
        self._compare(generation, measures.get("fitness_mean", math.nan))

    def add_timing(self, generation: int, measures: Mapping[str, float]) -> None:
        """Append measures of the machine: seconds, steps, steps a second."""
        self._add("timing", _tidy_rows(generation, measures))

    def add_boxlings(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append one row a boxling, with the columns of BOXLINGS."""
        self._add("boxlings", list(rows))

    def write(self) -> None:
        """Write the three files, each whole or not at all."""
        (self.run_folder / SPARE).mkdir(exist_ok=True)
        for table in self._tables.values():
            table.write()

    def _add(self, name: str, rows: list[Mapping[str, Any]]) -> None:
        self._tables[name].add(_table_of(rows, SCHEMAS[name]))

    def _compare(self, generation: int, fitness: float) -> None:
        if generation % self.checkpoint_every == 0 and fitness == fitness:
            self.fittest = max(self.fittest or (fitness, generation), (fitness, generation))


def write_episodes(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one row an episode, with the columns of EPISODES, as arrays or lists; the folder must exist."""
    write_table(path, _table_of(list(rows), EPISODES))


def read_episodes(path: str | Path) -> list[dict[str, Any]]:
    """The episodes that `write_episodes` wrote, as plain Python values and lists.

    Older recordings tell neither of attention nor of experts: there, both are empty.
    """
    return read_records(path, EPISODES, since=("attention", "expert_use")).to_pylist()


def write_ancestors(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one row a boxling, with the columns of ANCESTORS, as arrays or lists; the folder must exist."""
    write_table(path, _table_of(list(rows), ANCESTORS))


def read_ancestors(path: str | Path, what_to_do: str = RESTORE) -> list[dict[str, Any]]:
    """What `write_ancestors` wrote, as plain Python values and lists."""
    return read_records(path, ANCESTORS, what_to_do).to_pylist()


def write_language(
    path: str | Path, generation: int, boxlings: np.ndarray, spoken: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> None:
    """Write what the `boxlings` (S ids) say, with the columns of LANGUAGES; the folder must exist.

    `spoken` holds, by split, meanings (M, K) and what each boxling says of them (S, M, L). Rows go by split, boxling
    and meaning, in the order given.
    """
    tables = []
    for split, (meanings, messages) in spoken.items():
        if messages.ndim != 3 or messages.shape[:2] != (len(boxlings), len(meanings)):
            raise ValueError(
                f"{split} must have messages (S, M, L) of {len(boxlings)} boxlings about {len(meanings)} meanings, "
                f"got shape {messages.shape}"
            )
        num_rows = messages.shape[0] * messages.shape[1]
        columns = [
            pa.array(np.full(num_rows, generation), pa.int32()),
            pa.array(np.repeat(np.asarray(boxlings, np.int64), len(meanings))),
            pa.array([split] * num_rows, pa.string()),
            _list_column("meaning", np.tile(meanings, (len(boxlings), 1))),
            _list_column("message", messages.reshape(num_rows, -1)),
        ]
        tables.append(pa.Table.from_arrays(columns, schema=LANGUAGES))
    write_table(path, pa.concat_tables(tables or [LANGUAGES.empty_table()]))


def read_language(path: str | Path) -> tuple[np.ndarray, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """The boxlings (S ids) and what they say, by split, as it was given to `write_language`.

    DamagedFile where the boxlings do not all speak of the same meanings, with messages of one length.
    """
    table = read_records(path, LANGUAGES)
    boxlings = table["boxling"].unique().to_numpy()
    spoken = {}
    for split in table["split"].unique().to_pylist():
        rows = table.filter(pc.equal(table["split"], split))
        try:
            meanings, messages = _rows_of(rows["meaning"]), _rows_of(rows["message"])
            meanings = meanings.reshape(len(boxlings), -1, meanings.shape[1])
            by_boxling = np.repeat(boxlings, meanings.shape[1])
            is_whole = (meanings == meanings[:1]).all() and (rows["boxling"].to_numpy() == by_boxling).all()
        except ValueError:  # lists of several lengths, or rows that are too many or too few
            is_whole = False
        if not is_whole:
            raise DamagedFile(
                f"{path} does not hold a message of every boxling for every meaning of split {split}: {RESTORE}"
            )
        spoken[split] = (meanings[0], messages.reshape(*meanings.shape[:2], -1))
    return boxlings, spoken


def read_records(
    path: str | Path, schema: pa.Schema, what_to_do: str = RESTORE, since: Collection[str] = ()
) -> pa.Table:
    """A recorded table; DamagedFile, naming file and column, unless it has just the columns of the schema.

    Lists in columns that came `since` are empty in older tables.
    """
    table = read_table(path, what_to_do)
    for name in since:
        if name not in table.column_names:
            table = table.append_column(schema.field(name), pa.array([[]] * len(table), schema.field(name).type))
    for field in schema:
        if field.name not in table.column_names:
            raise DamagedFile(f"{path} has no column {field.name}: expected {field.type}, {what_to_do}")
        found = table.schema.field(field.name).type
        if found != field.type:
            raise DamagedFile(
                f"{path} has another column {field.name}: expected {field.type}, found {found}, {what_to_do}"
            )
        if table[field.name].null_count:
            raise DamagedFile(
                f"{path} has gaps in column {field.name}: expected {field.type} in every row, {what_to_do}"
            )
    if unknown := sorted(set(table.column_names) - set(schema.names)):
        raise DamagedFile(
            f"{path} has an unknown column {unknown[0]}: expected {', '.join(schema.names)}, {what_to_do}"
        )
    return table.select(schema.names)


class Recordings:
    """Which episodes and languages of a run stay on disk: below a number of bytes, all of them together.

    When that is reached, the generations between two recordings become twice as many, and of the recordings that there
    are every second one goes. Those of the first, the last and the best generation stay; if they alone are too large,
    the bound does not hold. What has been decided is part of a checkpoint, so that a resumed run decides the same.
    """

    def __init__(self, run_folder: str | Path, max_bytes: float, every: Mapping[str, int]) -> None:
        self.run_folder = Path(run_folder)
        self.max_bytes = max_bytes
        self.every = dict(every)  # for each folder: generations between two recordings, at first
        self.num_doublings = 0
        self.kept: dict[tuple[str, int], tuple[int, float]] = {}  # folder and generation: bytes, mean fitness
        self.last: int | None = None  # generation of the run, once it is there

    def add(
        self, room: str, generation: int, fitness: float, write: Callable[[Path], None], is_last: bool = False
    ) -> None:
        """Record a generation in the folder `room`, by `write(path)`, unless it is one of those that go."""
        self.kept[room, generation] = (0, fitness)
        self.last = generation if is_last else None
        if (room, generation) in self._staying():
            path = self._path(room, generation)
            path.parent.mkdir(exist_ok=True)
            write(path)
            self.kept[room, generation] = (path.stat().st_size, fitness)
        self._thin()
        while sum(size for size, _ in self.kept.values()) > self.max_bytes and self._could_be_fewer(generation):
            self.num_doublings += 1
            self._thin()

    def state(self) -> dict[str, np.ndarray]:
        """What has been decided, as arrays for a checkpoint."""
        rooms = list(self.every)
        return {
            "recordings.num_doublings": np.array([self.num_doublings]),
            "recordings.room": np.array([rooms.index(room) for room, _ in self.kept], np.int64),
            "recordings.generation": np.array([generation for _, generation in self.kept], np.int64),
            "recordings.bytes": np.array([size for size, _ in self.kept.values()], np.int64),
            "recordings.fitness": np.array([fitness for _, fitness in self.kept.values()], np.float64),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from the `state` of a checkpoint."""
        self.num_doublings = int(state["recordings.num_doublings"][0])
        rooms = list(self.every)
        columns = (state[f"recordings.{name}"].tolist() for name in ("room", "generation", "bytes", "fitness"))
        for room, generation, size, fitness in zip(*columns, strict=True):
            self.kept[rooms[room], generation] = (size, fitness)

    def _path(self, room: str, generation: int) -> Path:
        return self.run_folder / room / f"{generation:06d}.parquet"

    def _staying(self) -> set[tuple[str, int]]:
        """The recordings that are due, the last one, and the newest of the highest fitness."""
        staying = {
            (room, generation)
            for room, generation in self.kept
            if generation % (self.every[room] << self.num_doublings) == 0 or generation == self.last
        }
        for room in self.every:
            known = [(fit, number) for (where, number), (_, fit) in self.kept.items() if where == room and fit == fit]
            if known:
                staying.add((room, max(known)[1]))
        return staying

    def _could_be_fewer(self, generation: int) -> bool:
        """Whether a recording before this one is there because it is due, and not the first."""
        return any(every << self.num_doublings <= generation for every in self.every.values())

    def _thin(self) -> None:
        staying = self._staying()
        for room, generation in [key for key in self.kept if key not in staying]:
            del self.kept[room, generation]
            self._path(room, generation).unlink(missing_ok=True)


# ---- parts ----


def _read_up_to(path: Path, schema: pa.Schema, last_generation: int) -> pa.Table:
    """A table that reaches that generation; DamagedFile otherwise."""
    table = read_records(path, schema)
    if last_generation >= 0 and (pc.max(table["generation"]).as_py() or 0) < last_generation:
        raise DamagedFile(f"{path} ends before generation {last_generation}: {RESTORE}")
    return table


def _tidy_rows(generation: int, measures: Mapping[str, float]) -> list[Mapping[str, Any]]:
    return [{"generation": generation, "name": name, "value": float(value)} for name, value in measures.items()]


def _table_of(rows: list[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """The rows as a table; ValueError for a row with other columns, a gap, or a value that does not fit."""
    for row in rows:
        if set(row) != set(schema.names):
            raise ValueError(f"a row must have the columns {sorted(schema.names)}, got {sorted(row)}")
    columns = []
    for field in schema:
        values = [_plain(row[field.name]) for row in rows]
        try:
            if pa.types.is_floating(_leaf(pa.array(values).type)) and pa.types.is_integer(_leaf(field.type)):
                raise TypeError("fractions would be cut off")  # silently, by pyarrow
            column = pa.array(values, field.type)
        except (pa.ArrowException, TypeError, OverflowError) as error:
            raise ValueError(f"column {field.name} must hold {field.type}: {error}") from error
        if column.null_count:
            raise ValueError(f"column {field.name} must hold {field.type} in every row, got None")
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=schema)


def _list_column(name: str, rows: np.ndarray) -> pa.Array:
    """The rows of (N, K) as a column of lists of int16; ValueError for what does not fit."""
    low, high = np.iinfo(np.int16).min, np.iinfo(np.int16).max
    if rows.dtype.kind not in "iu" or (rows.size and not low <= rows.min() <= rows.max() <= high):
        raise ValueError(f"column {name} must hold list<int16>, got {rows.dtype} beyond it")
    starts = np.arange(len(rows) + 1) * rows.shape[1]
    return pa.ListArray.from_arrays(pa.array(starts, pa.int32()), pa.array(rows.reshape(-1).astype(np.int16)))


def _rows_of(column: pa.ChunkedArray) -> np.ndarray:
    """The lists of a column as the rows of (N, K); ValueError where they differ in length."""
    lengths = pc.list_value_length(column).to_numpy()
    if lengths.min() != lengths.max():
        raise ValueError(f"lists must be equally long, got {lengths.min()} to {lengths.max()}")
    return pc.list_flatten(column).to_numpy().reshape(len(column), lengths[0])


def _leaf(data_type: pa.DataType) -> pa.DataType:
    """The type inside all lists."""
    while pa.types.is_list(data_type):
        data_type = data_type.value_type
    return data_type


def _plain(value: Any) -> Any:
    """Python numbers and nested lists in place of numpy's, which pyarrow takes with one axis only."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
