"""The tables of a run: what was added comes back, resuming changes no byte, other columns are refused."""

import math

import numpy as np
import pyarrow as pa
import pytest

from evolution import records, storage
from evolution.records import Tables
from evolution.storage import DamagedFile

NUM_STEPS, NUM_AGENTS, LENGTH, NUM_GOALS = 3, 2, 4, 2


def boxling(generation: int, number: int) -> dict:
    return {
        "generation": generation,
        "boxling": 10 * generation + number,
        "slot": number,
        "mother": -1,
        "father": -1,
        "birth_generation": generation,
        "origin": "founder",
        "fitness": np.float32(0.5) * number,
        "as_guide": 0.25,
        "as_builder": math.nan,
        "is_eliminated": np.bool_(number == 1),
        "learning_rate": 3e-3,
        "entropy_bonus": 0.01,
        "temperature": 0.5,
        "mutation_step": 0.02,
    }


def episode(number: int = 0) -> dict:
    rng = np.random.default_rng(number)
    return {
        "generation": 120,
        "episode": number,
        "scenario": "name",
        "split": "held-out",
        "world_number": 2**40 + number,
        "channel": "on",
        "height": 5,
        "width": np.int64(6),
        "start_owner": rng.integers(0, 9, 30).astype(np.int16),
        "floor": rng.integers(0, 9, 30).astype(np.uint8),
        "colour": np.array([0, 9, 10], np.uint8),
        "flags": np.array([1, 0, 4], np.uint8),
        "laws": np.arange(14, dtype=np.int16),
        "agent_body": [0, 3],
        "role": np.array([0, 1], np.int8),
        "goal": np.array([3, 4]),
        "boxlings": np.array([2**40, 5]),
        "num_steps": NUM_STEPS,
        "actions": rng.integers(0, 5, (NUM_STEPS, NUM_AGENTS)).astype(np.int8),
        "said": rng.integers(0, 12, (NUM_STEPS, NUM_AGENTS, LENGTH)),
        "answers": rng.integers(0, 8, (NUM_STEPS, NUM_AGENTS, NUM_GOALS)).astype(np.int16),
        "rewards": rng.normal(size=(NUM_STEPS, NUM_AGENTS)).astype(np.float32),
        "edits": [np.array([1, 2, 3], np.int16), np.zeros(0, np.int16), np.array([7], np.int16)],
        "bodies": [np.zeros(0, np.int16), np.array([4, 2], np.int16), np.zeros(0, np.int16)],
        "is_won": True,
        "over_at": 2,
    }


def add_generation(tables: Tables, generation: int) -> None:
    tables.add_measures(generation, {"success": generation / 10, "agreement": math.nan})
    tables.add_timing(generation, {"wall_seconds": 1.5})
    tables.add_boxlings([boxling(generation, number) for number in range(2)])


def file_bytes(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


def test_the_schemas_are_those_that_were_agreed():
    tidy = {"generation": "int32", "name": "string", "value": "double"}
    assert {field.name: str(field.type) for field in records.GENERATIONS} == tidy
    assert {field.name: str(field.type) for field in records.TIMING} == tidy
    assert " ".join(f"{field.name}:{field.type}" for field in records.BOXLINGS) == (
        "generation:int32 boxling:int64 slot:int32 mother:int64 father:int64 birth_generation:int32 "
        "origin:string fitness:double as_guide:double as_builder:double is_eliminated:bool "
        "learning_rate:double entropy_bonus:double temperature:double mutation_step:double"
    )
    assert " ".join(f"{field.name}:{field.type}" for field in records.EPISODES).replace("item: ", "") == (
        "generation:int32 episode:int32 scenario:string split:string world_number:int64 channel:string "
        "height:int16 width:int16 start_owner:list<int16> floor:list<uint8> colour:list<uint8> "
        "flags:list<uint8> laws:list<int16> agent_body:list<int16> role:list<int8> goal:list<int16> "
        "boxlings:list<int64> num_steps:int16 "
        "actions:list<list<int8>> said:list<list<list<int16>>> answers:list<list<list<int16>>> "
        "rewards:list<list<float>> edits:list<list<int16>> bodies:list<list<int16>> is_won:bool over_at:int16"
    )
    assert " ".join(f"{field.name}:{field.type}" for field in records.LANGUAGES).replace("item: ", "") == (
        "generation:int32 boxling:int64 split:string meaning:list<int16> message:list<int16>"
    )


def test_what_was_added_is_what_is_read(tmp_path):
    tables = Tables(tmp_path)
    add_generation(tables, 0)
    add_generation(tables, 1)
    tables.write()
    assert set(file_bytes(tmp_path)) == {"generations.parquet", "timing.parquet", "boxlings.parquet"}
    found = storage.read_table(tmp_path / "generations.parquet").to_pylist()
    assert [(row["generation"], row["name"]) for row in found] == [
        (0, "success"),
        (0, "agreement"),
        (1, "success"),
        (1, "agreement"),
    ]
    assert [row["value"] for row in found[::2]] == [0.0, 0.1]
    assert math.isnan(found[1]["value"])
    assert storage.read_table(tmp_path / "timing.parquet")["value"].to_pylist() == [1.5, 1.5]
    boxlings = storage.read_table(tmp_path / "boxlings.parquet").to_pylist()
    assert [row["boxling"] for row in boxlings] == [0, 1, 10, 11]
    assert boxlings[3] == pytest.approx(boxling(1, 1), nan_ok=True)


def test_nothing_is_on_disk_before_it_is_written(tmp_path):
    tables = Tables(tmp_path)
    add_generation(tables, 0)
    assert file_bytes(tmp_path) == {}
    assert tables.table("boxlings").num_rows == 2


def test_a_resumed_run_writes_the_bytes_of_one_never_stopped(tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir()
    stopped.mkdir()
    tables = Tables(whole)
    for generation in range(9):
        add_generation(tables, generation)
    tables.write()

    tables = Tables(stopped)
    for generation in range(6):  # killed after generation 5, whose checkpoint is that of generation 3
        add_generation(tables, generation)
        tables.write()
    tables = Tables.load(stopped, 3)
    assert tables.table("generations")["generation"].to_pylist()[-1] == 3
    assert tables.table("boxlings").num_rows == 8
    for generation in range(4, 9):
        add_generation(tables, generation)
    tables.write()
    assert file_bytes(stopped) == file_bytes(whole)


def test_loading_keeps_the_last_generation_and_drops_all_after_it(tmp_path):
    tables = Tables(tmp_path)
    for generation in (1, 2, 3):
        add_generation(tables, generation)
    tables.write()
    for last, expected in ((0, []), (1, [1, 1]), (3, [1, 1, 2, 2, 3, 3])):
        assert Tables.load(tmp_path, last).table("boxlings")["generation"].to_pylist() == expected
    assert storage.read_table(tmp_path / "boxlings.parquet").num_rows == 6  # loading changes no file


def test_episodes_come_back_as_plain_lists(tmp_path):
    path = tmp_path / "000120.parquet"
    written = [episode(0), episode(1)]
    records.write_episodes(path, written)
    found = records.read_episodes(path)
    assert len(found) == 2
    for row, expected in zip(found, written, strict=True):
        assert list(row) == records.EPISODES.names
        assert row["edits"] == [[1, 2, 3], [], [7]]
        assert type(row["said"][0][0][0]) is int
        assert row["bodies"] == [[], [4, 2], []]
        for name in set(row) - {"edits", "bodies"}:
            np.testing.assert_array_equal(np.array(row[name]), expected[name], err_msg=name)


def test_equal_episodes_have_equal_bytes(tmp_path):
    for name in ("a.parquet", "b.parquet"):
        records.write_episodes(tmp_path / name, [episode(0), episode(1)])
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_no_episodes_are_an_empty_list(tmp_path):
    records.write_episodes(tmp_path / "none.parquet", [])
    assert records.read_episodes(tmp_path / "none.parquet") == []


def of_another_type(table: pa.Table, column: str, values: list, data_type: pa.DataType) -> pa.Table:
    return table.set_column(table.column_names.index(column), column, pa.array(values, data_type))


@pytest.mark.parametrize(
    ("change", "column", "found"),
    [
        (lambda table: table.drop_columns(["goal"]), "goal", "no column"),
        (lambda table: table.set_column(1, "episode", pa.array([0], pa.int64())), "episode", "int64"),
        (lambda table: of_another_type(table, "goal", [[3]], pa.list_(pa.int32())), "goal", "int32"),
        (lambda table: table.set_column(1, "episode", pa.array([None], pa.int32())), "episode", "gaps"),
        (lambda table: table.append_column("mood", pa.array([1])), "mood", "unknown"),
    ],
)
def test_a_file_with_other_columns_is_refused_by_name(change, column, found, tmp_path):
    path = tmp_path / "000120.parquet"
    records.write_episodes(path, [episode()])
    storage.write_table(path, change(storage.read_table(path)))
    with pytest.raises(DamagedFile) as error:
        records.read_episodes(path)
    message = str(error.value)
    assert str(path) in message
    assert f"column {column}" in message
    assert found in message
    assert "\n" not in message
    assert ". " not in message


def language() -> tuple[np.ndarray, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Three boxlings who speak of four meanings and of one that is held out."""
    rng = np.random.default_rng(0)
    spoken = {
        "train": (rng.integers(0, 8, (4, 2)), rng.integers(0, 12, (3, 4, 5)).astype(np.int16)),
        "held-out": (np.array([[7, 7]]), rng.integers(0, 12, (3, 1, 5))),
    }
    return np.array([2**40, 3, 9]), spoken


def test_a_language_comes_back_as_it_was_spoken(tmp_path):
    boxlings, spoken = language()
    records.write_language(tmp_path / "000120.parquet", 120, boxlings, spoken)
    found_boxlings, found = records.read_language(tmp_path / "000120.parquet")
    np.testing.assert_array_equal(found_boxlings, boxlings)
    assert list(found) == ["train", "held-out"]
    for split, (meanings, messages) in spoken.items():
        np.testing.assert_array_equal(found[split][0], meanings)
        np.testing.assert_array_equal(found[split][1], messages)
        assert found[split][1].dtype == np.int16


def test_a_language_is_a_tidy_table_of_messages(tmp_path):
    boxlings, spoken = language()
    records.write_language(tmp_path / "000120.parquet", 120, boxlings, spoken)
    rows = storage.read_table(tmp_path / "000120.parquet").to_pylist()
    assert len(rows) == 3 * 4 + 3
    meanings, messages = spoken["train"]
    assert rows[6] == {
        "generation": 120,
        "boxling": 3,
        "split": "train",
        "meaning": meanings[2].tolist(),
        "message": messages[1, 2].tolist(),
    }


def test_equal_languages_have_equal_bytes_and_none_is_empty(tmp_path):
    for name in ("a.parquet", "b.parquet"):
        records.write_language(tmp_path / name, 120, *language())
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    records.write_language(tmp_path / "none.parquet", 0, np.zeros(0, int), {})
    boxlings, spoken = records.read_language(tmp_path / "none.parquet")
    assert (len(boxlings), spoken) == (0, {})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows[:-4],  # a message of a trained meaning is missing
        lambda rows: [{**row, "message": row["message"][: 4 + (i > 5)]} for i, row in enumerate(rows)],
        lambda rows: [{**row, "meaning": [6, 6] if i == 5 else row["meaning"]} for i, row in enumerate(rows)],
        lambda rows: [{**row, "boxling": 3 if i == 0 else row["boxling"]} for i, row in enumerate(rows)],
        lambda rows: rows[1:] + rows[:1],
    ],
)
def test_a_language_with_holes_is_refused_by_name(spoil, tmp_path):
    path = tmp_path / "000120.parquet"
    records.write_language(path, 120, *language())
    rows = spoil(storage.read_table(path).to_pylist())
    storage.write_table(path, pa.Table.from_pylist(rows, schema=records.LANGUAGES))
    with pytest.raises(
        DamagedFile, match=r"000120\.parquet does not hold a message of every boxling .* of split train"
    ):
        records.read_language(path)


def test_a_damaged_language_is_refused_by_name(tmp_path):
    path = tmp_path / "000120.parquet"
    records.write_language(path, 120, *language())
    storage.write_table(path, storage.read_table(path).drop_columns(["split"]))
    with pytest.raises(DamagedFile, match=r"000120\.parquet has no column split"):
        records.read_language(path)


def test_a_language_that_does_not_fit_is_refused_before_the_file_is_touched(tmp_path):
    path = tmp_path / "000120.parquet"
    path.write_bytes(b"old")
    boxlings, spoken = language()
    meanings, messages = spoken["train"]
    for told, wrong in (
        ("3 boxlings about 4 meanings, got shape \\(3, 3, 5\\)", (meanings, messages[:, 1:])),
        ("column message must hold list<int16>", (meanings, messages.astype(int) + 40_000)),
        ("column meaning must hold list<int16>", (meanings / 2, messages)),
    ):
        with pytest.raises(ValueError, match=told):
            records.write_language(path, 120, boxlings, {"train": wrong})
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("name", ["generations", "timing", "boxlings"])
def test_a_run_with_a_missing_or_damaged_table_is_not_loaded(name, tmp_path):
    tables = Tables(tmp_path)
    add_generation(tables, 0)
    tables.write()
    path = tables.path(name)
    whole = path.read_bytes()
    storage.write_table(path, storage.read_table(path).drop_columns(["generation"]))
    with pytest.raises(DamagedFile, match=rf"{name}\.parquet has no column generation"):
        Tables.load(tmp_path, 0)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedFile, match=rf"{name}\.parquet"):
        Tables.load(tmp_path, 0)
    path.unlink()
    with pytest.raises(DamagedFile, match=rf"{name}\.parquet is missing"):
        Tables.load(tmp_path, 0)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("height", 40_000),  # beyond int16
        ("height", 2.5),
        ("height", None),
        ("scenario", 3),
        ("goal", [1.5]),
        ("actions", np.array([[300]])),  # beyond int8
        ("actions", np.array([1, 2])),  # an axis too few
        ("said", np.zeros((2, 2), int)),
    ],
)
def test_a_value_that_does_not_fit_its_column_is_refused_before_the_file_is_touched(column, value, tmp_path):
    path = tmp_path / "000120.parquet"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match=f"column {column} must hold"):
        records.write_episodes(path, [{**episode(), column: value}])
    assert path.read_bytes() == b"old"


def test_a_row_with_a_forgotten_or_a_misspelt_column_is_refused(tmp_path):
    row = boxling(0, 0)
    with pytest.raises(ValueError, match="must have the columns"):
        Tables(tmp_path).add_boxlings([{**row, "wealth": 1.0}])
    del row["mother"]
    with pytest.raises(ValueError, match="must have the columns"):
        Tables(tmp_path).add_boxlings([row])
