"""What a run records, as tables: one row a measure, a boxling, an episode, a message.

The schemas below are the contract with everything that reads a run. Tables are tidy (Wickham 2014, "Tidy
data", https://doi.org/10.18637/jss.v059.i10): a new measure is a new name, not a new column.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evolution.storage import RESTORE, DamagedFile, read_table, write_table

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

SCHEMAS = {"generations": GENERATIONS, "timing": TIMING, "boxlings": BOXLINGS}


class Tables:
    """The growing tables of a run: rows are appended in memory, `write` writes each file whole.

    A file's bytes depend on its rows alone, not on how often the run was stopped and resumed. A run writes
    its tables before the checkpoint of a generation, so the tables of a run that was killed reach at least as
    far as its checkpoints.
    """

    def __init__(self, run_folder: str | Path) -> None:
        self.run_folder = Path(run_folder)
        self._written = {name: schema.empty_table() for name, schema in SCHEMAS.items()}
        self._new: dict[str, list[pa.Table]] = {name: [] for name in SCHEMAS}

    @classmethod
    def load(cls, run_folder: str | Path, last_generation: int) -> Self:
        """The tables of an existing run without the rows of generations after `last_generation`."""
        tables = cls(run_folder)
        for name, schema in SCHEMAS.items():
            table = read_records(tables.path(name), schema)
            tables._written[name] = table.filter(pc.less_equal(table["generation"], last_generation))
        return tables

    def path(self, name: str) -> Path:
        """Where the table of that name lies: generations, timing or boxlings."""
        return self.run_folder / f"{name}.parquet"

    def add_measures(self, generation: int, measures: Mapping[str, float]) -> None:
        """Append measures that the same seed repeats to the bit; nan where undefined."""
        self._add("generations", _tidy_rows(generation, measures))

    def add_timing(self, generation: int, measures: Mapping[str, float]) -> None:
        """Append measures of the machine: seconds, steps, steps a second."""
        self._add("timing", _tidy_rows(generation, measures))

    def add_boxlings(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append one row a boxling, with the columns of BOXLINGS."""
        self._add("boxlings", list(rows))

    def table(self, name: str) -> pa.Table:
        """All rows so far of generations, timing or boxlings, in the order in which they were added."""
        self._written[name] = pa.concat_tables([self._written[name], *self._new[name]]).combine_chunks()
        self._new[name] = []
        return self._written[name]

    def write(self) -> None:
        """Write the three files, each whole or not at all."""
        for name in SCHEMAS:
            write_table(self.path(name), self.table(name))

    def _add(self, name: str, rows: list[Mapping[str, Any]]) -> None:
        self._new[name].append(_table_of(rows, SCHEMAS[name]))


def write_episodes(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one row an episode, with the columns of EPISODES, as arrays or lists; the folder must exist."""
    write_table(path, _table_of(list(rows), EPISODES))


def read_episodes(path: str | Path) -> list[dict[str, Any]]:
    """The episodes that `write_episodes` wrote, as plain Python values and lists."""
    return read_records(path, EPISODES).to_pylist()


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


def read_records(path: str | Path, schema: pa.Schema) -> pa.Table:
    """A recorded table; DamagedFile, naming file and column, unless it has just the columns of the schema."""
    table = read_table(path)
    for field in schema:
        if field.name not in table.column_names:
            raise DamagedFile(f"{path} has no column {field.name}: expected {field.type}, {RESTORE}")
        found = table.schema.field(field.name).type
        if found != field.type:
            raise DamagedFile(
                f"{path} has another column {field.name}: expected {field.type}, found {found}, {RESTORE}"
            )
        if table[field.name].null_count:
            raise DamagedFile(f"{path} has gaps in column {field.name}: expected {field.type} in every row, {RESTORE}")
    if unknown := sorted(set(table.column_names) - set(schema.names)):
        raise DamagedFile(f"{path} has an unknown column {unknown[0]}: expected {', '.join(schema.names)}, {RESTORE}")
    return table.select(schema.names)


# ---- parts ----


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
