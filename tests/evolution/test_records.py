"""The tables of a run: what was added comes back, resuming changes no byte, other columns are refused."""

import functools
import math
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
        "attention": [[np.array([0, 255], np.uint8), np.zeros(0, np.uint8)]] * 3,
        "expert_use": [[np.array([255, 100, 155], np.uint8), np.array([0, 255, 0], np.uint8)]] * 3,
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
        "rewards:list<list<float>> edits:list<list<int16>> bodies:list<list<int16>> attention:list<list<list<uint8>>> "
        "expert_use:list<list<list<uint8>>> is_won:bool over_at:int16"
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
    assert list(tmp_path.iterdir()) == []


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
    tables, told = Tables.load(stopped, 3)
    assert told == []
    for generation in range(4, 9):
        add_generation(tables, generation)
    tables.write()
    assert file_bytes(stopped) == file_bytes(whole)


def test_loading_keeps_the_last_generation_and_drops_all_after_it(tmp_path):
    tables = Tables(tmp_path)
    for generation in (1, 2, 3):
        add_generation(tables, generation)
    tables.write()
    before = file_bytes(tmp_path)
    for last, expected in ((3, [1, 1, 2, 2, 3, 3]), (1, [1, 1]), (0, [])):
        loaded, _ = Tables.load(tmp_path, last)
        assert file_bytes(tmp_path) == before  # loading changes no file
        loaded.write()
        assert storage.read_table(tmp_path / "boxlings.parquet")["generation"].to_pylist() == expected
        before = file_bytes(tmp_path)


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
        assert row["attention"] == [[[0, 255], []]] * 3
        for name in set(row) - {"edits", "bodies", "attention"}:
            np.testing.assert_array_equal(np.array(row[name]), expected[name], err_msg=name)


def test_recordings_from_before_attention_was_kept_can_be_read(tmp_path):
    path = tmp_path / "000120.parquet"
    records.write_episodes(path, [episode(0)])
    older = storage.read_table(path).drop_columns(["attention", "expert_use"])
    storage.write_table(path, older)
    (row,) = records.read_episodes(path)
    assert row["attention"] == row["expert_use"] == []
    assert row["bodies"] == [[], [4, 2], []]
    storage.write_table(path, older.drop_columns(["said"]))
    with pytest.raises(storage.DamagedFile, match="no column said"):
        records.read_episodes(path)


def test_ancestors_come_back_as_plain_lists(tmp_path):
    path = tmp_path / "ancestors.parquet"
    row = {name: value for name, value in episode(0).items() if name in records.ANCESTORS.names}
    row |= {"boxling": 7, "mother": -1}
    records.write_ancestors(path, [row])
    (found,) = records.read_ancestors(path)
    assert list(found) == records.ANCESTORS.names
    assert (found["boxling"], found["mother"]) == (7, -1)
    np.testing.assert_array_equal(found["said"], row["said"])


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


def damaged(path, how):
    data = path.read_bytes()
    if how == "columns":
        storage.write_table(path, storage.read_table(path).drop_columns(["generation"]))
    elif how == "bit":
        path.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    elif how == "half":
        path.write_bytes(data[: len(data) // 2])
    elif how == "older":
        table = storage.read_table(path)
        storage.write_table(path, table.filter(pc.less(table["generation"], 1)))
    else:
        path.unlink()
    return path


DAMAGES = {
    "columns": "has no column generation",
    "bit": "is damaged",
    "half": "is not a whole parquet file",
    "older": "ends before generation 1",
    "gone": "is missing",
}


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", ["generations", "boxlings"])
def test_a_damaged_table_is_mended_from_its_spare_copy_if_that_reaches_far_enough(name, how, tmp_path):
    tables = Tables(tmp_path)
    for generation in range(3):
        add_generation(tables, generation)
        tables.write()
    before = file_bytes(tmp_path)
    path = damaged(tables.path(name), how)
    with pytest.raises(DamagedFile, match=rf"{name}\.parquet {DAMAGES[how].replace('1', '2')}"):
        Tables.load(tmp_path, 2)
    assert file_bytes(tmp_path) != before  # refused, it is left as it is
    loaded, told = Tables.load(tmp_path, 1)
    assert told == [f"{path} was damaged, and is mended from its spare copy"]
    assert path.read_bytes() == tables.spare(name).read_bytes()
    add_generation(loaded, 2)
    loaded.write()
    assert file_bytes(tmp_path) == before
    damaged(path, how)
    damaged(tables.spare(name), how)
    with pytest.raises(DamagedFile, match=rf"{tmp_path}/{name}\.parquet {DAMAGES[how]}"):
        Tables.load(tmp_path, 1)


def test_lost_seconds_stop_no_run(tmp_path):
    tables = Tables(tmp_path)
    for generation in range(2):
        add_generation(tables, generation)
        tables.write()
    before = file_bytes(tmp_path)
    damaged(tables.path("timing"), "bit")
    damaged(tables.spare("timing"), "bit")
    loaded, told = Tables.load(tmp_path, 1)
    assert told == [f"{tmp_path / 'timing.parquet'} is damaged, and begins anew"]
    add_generation(loaded, 2)
    loaded.write()
    assert storage.read_table(tmp_path / "timing.parquet")["generation"].to_pylist() == [2]
    assert file_bytes(tmp_path).keys() == before.keys()


@pytest.mark.parametrize("every", [1, 2])
def test_the_fittest_generation_of_a_checkpoint_is_known_when_a_run_goes_on(every, tmp_path):
    tables = Tables(tmp_path, every)
    expected = []
    for generation, fitness in enumerate([0.5, 0.9, math.nan, 0.1, 0.7, 0.9, 0.7, 0.2]):
        tables.add_measures(generation, {"success": 5.0, "fitness_mean": fitness})
        tables.add_boxlings([boxling(generation, 0)])
        expected.append(tables.fittest)
    tables.write()
    assert [fittest and fittest[1] for fittest in expected] == (
        [0, 1, 1, 1, 1, 5, 5, 5] if every == 1 else [0, 0, 0, 0, 4, 4, 6, 6]
    )
    for generation in (7, 5, 3, 0):
        assert Tables.load(tmp_path, generation, every)[0].fittest == expected[generation]


# ---- a bound on what is recorded ----


def record_all(folder, sizes, max_bytes, fitness=None, *, stop=(), every=1):
    """Record generations of these sizes, in two folders; from a checkpoint's state again after those in `stop`."""
    recordings = records.Recordings(folder, max_bytes, {"episodes": every, "languages": 2 * every})
    history = []
    for generation in range(0, len(sizes)):
        state = recordings.state()
        for repetition in range(1 + (generation in stop)):
            if repetition:  # as after a kill: files are there, and what was decided is not
                recordings = records.Recordings(folder, max_bytes, {"episodes": every, "languages": 2 * every})
                recordings.restore(state)
            for room in recordings.every:
                if generation % recordings.every[room] == 0:
                    is_last = generation == len(sizes) - 1
                    fit = fitness[generation] if fitness else math.nan
                    write = functools.partial(Path.write_bytes, data=bytes(sizes[generation]))
                    recordings.add(room, generation, fit, write, is_last)
        history.append(sum(path.stat().st_size for path in folder.rglob("*.parquet")))
    return history


def recorded(folder, room="episodes") -> list[int]:
    return sorted(int(path.stem) for path in (folder / room).iterdir())


def test_recordings_stay_below_their_bound_and_are_spread_evenly(tmp_path):
    history = record_all(tmp_path, [10] * 40, 200)
    assert max(history) <= 200 < 10 * 40
    assert recorded(tmp_path) == [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 39]
    assert recorded(tmp_path, "languages") == [0, 8, 16, 24, 32]
    assert history[12] > 100  # not thinned before it is full


def test_all_recordings_stay_while_there_is_room(tmp_path):
    record_all(tmp_path, [10] * 40, 600)
    assert recorded(tmp_path) == list(range(40))


def test_the_first_the_last_and_the_best_recording_stay_whatever_the_bound(tmp_path):
    fitness = [0.1, 0.3, 0.2, math.nan, 0.2, 0.9, 0.1, 0.4, 0.2]
    record_all(tmp_path, [10] * 9, 0, fitness)
    assert recorded(tmp_path) == [0, 5, 8]
    assert recorded(tmp_path, "languages") == [0, 8]


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=40),
    max_bytes=st.integers(0, 500),
    every=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_a_run_stopped_anywhere_decides_the_same_recordings(sizes, max_bytes, every, seed):
    rng = np.random.default_rng(seed)
    fitness = rng.integers(0, 10, len(sizes)).astype(float).tolist()
    stop = set(np.flatnonzero(rng.random(len(sizes)) < 0.3).tolist())
    with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as stopped:
        history = record_all(Path(whole), sizes, max_bytes, fitness, every=every)
        record_all(Path(stopped), sizes, max_bytes, fitness, stop=stop, every=every)
        files = [
            {path.relative_to(folder): path.read_bytes() for path in Path(folder).rglob("*.parquet")}
            for folder in (whole, stopped)
        ]
        assert files[0] == files[1]
        # the first, the best and the last of each folder
        assert max(history) <= max(max_bytes, 6 * max(sizes))


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
