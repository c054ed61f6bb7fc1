"""Files are whole or not there, and damage is told, in one sentence, by the name of the file."""

import errno
import hashlib
import itertools
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

from evolution import storage
from evolution.storage import DamagedFile, RunInUse, RunLock
from tests.evolution.conftest import FullDisk

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(0)
CONFIG = {"name": "näme", "seed": 3, "rate": 0.1, "layers": [1, 2], "nested": {"b": True, "a": None}}
TENSORS = {
    "genomes": RNG.normal(size=(4, 7)).astype(np.float32),
    "fitness": np.array([1.0, np.nan, -np.inf, 0.0]),
}
STATE = {
    "ages": np.arange(5, dtype=np.int64),
    "stream": np.array([2**64 - 1, 1], np.uint64),
    "is_alive": np.array([True, False]),
    "step": np.array(7),
    "nobody": np.zeros((0, 3), np.float32),
}
TABLE = pa.table({"generation": pa.array(range(300), pa.int32()), "value": RNG.normal(size=300), "name": ["ä"] * 300})
TOML = {
    "seed": 3,
    "rate": 1e-3,
    "name": 'a "quoted" \\ näme\n',
    "sizes": [1, 2],
    "world": {"height": 5, "is_open": True},
}


def write_checkpoint(folder: Path, generation: int = 120, seed: int = 3) -> Path:
    config = {**CONFIG, "seed": seed}
    return storage.write_checkpoint(folder, generation, config, TENSORS, STATE, '{"a": 1}', "# A card\n")


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def assert_one_sentence(error: pytest.ExceptionInfo, *parts: object) -> None:
    message = str(error.value)
    assert "\n" not in message
    assert ". " not in message
    assert all(str(part) in message for part in parts), message


def is_sentence_about(path: Path, read, *arguments) -> bool:
    with pytest.raises(DamagedFile) as error:
        read(*arguments)
    assert_one_sentence(error, path)
    return True


# ---- one file ----


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "a.bin"
    storage.write_bytes(path, b"old")
    storage.write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_may_be_read_by_those_the_umask_admits(tmp_path):
    umask = os.umask(0o022)
    try:
        storage.write_bytes(tmp_path / "a.bin", b"")
    finally:
        os.umask(umask)
    assert (tmp_path / "a.bin").stat().st_mode & 0o777 == 0o644


def test_a_kill_before_the_rename_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    code = "import os, sys; from evolution import storage; os.replace = lambda *_: os._exit(9)\n"
    result = run_python(code + "storage.write_bytes(sys.argv[1], b'new')", path)
    assert result.returncode == 9, result.stderr
    assert path.read_bytes() == b"old"
    (leftover,) = set(tmp_path.iterdir()) - {path}
    assert leftover.read_bytes() == b"new"  # it was killed after writing, not before
    assert storage.clean_leftovers(tmp_path) == [leftover]
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_before_the_rename_leaves_the_old_file_and_no_temporary_one(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        storage.write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_data_reach_the_disk_before_the_name_does_and_the_name_before_the_return(tmp_path, monkeypatch):
    happened = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        happened.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real_fsync(descriptor)

    def replace(source: Path, target: Path) -> None:
        happened.append("rename")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    storage.write_bytes(tmp_path / "a.bin", b"new")
    assert happened == ["file", "rename", "folder"]


# ---- damage: every kind of file, under one suite ----


def table_file(folder: Path):
    storage.write_table(folder / "a.parquet", TABLE)
    return folder / "a.parquet", lambda: storage.read_table(folder / "a.parquet")


def toml_file(folder: Path):
    storage.write_config_toml(folder / "config.toml", TOML)
    return folder / "config.toml", lambda: storage.read_toml(folder / "config.toml")


def checkpoint_file(name: str):
    def write(folder: Path):
        path = write_checkpoint(folder)
        return path / name, lambda: storage.read_checkpoint(path)

    return write


FILES = {"table": table_file, "toml": toml_file} | {
    name: checkpoint_file(name)
    for name in ("config.json", "model.safetensors", "state.safetensors", "tokenizer.json", "README.md")
}


@pytest.mark.parametrize("kind", FILES)
def test_a_flipped_bit_anywhere_is_refused(kind, tmp_path):
    path, read = FILES[kind](tmp_path)
    read()  # as written it is fine
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for bit in {*rng.integers(0, 8 * len(whole), 400).tolist(), 0, 8 * len(whole) - 1}:
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        assert is_sentence_about(path, read), bit
    path.write_bytes(whole)
    read()


@pytest.mark.parametrize("kind", FILES)
def test_a_truncated_an_empty_and_a_longer_file_are_refused(kind, tmp_path):
    path, read = FILES[kind](tmp_path)
    whole = path.read_bytes()
    for size in {0, 1, 4, 7, len(whole) // 2, len(whole) - 1}:
        path.write_bytes(whole[:size])
        assert is_sentence_about(path, read), size
    for longer in (whole + b"\0", whole + b"\n", whole + whole, b"\n" + whole):
        path.write_bytes(longer)
        assert is_sentence_about(path, read)


@pytest.mark.parametrize("kind", FILES)
def test_a_missing_file_a_folder_and_text_in_its_place_are_refused(kind, tmp_path):
    path, read = FILES[kind](tmp_path)
    for other in (b"hello\n", b"PAR1 hello PAR1", b"null", b"[]", b"\xff\xfe", b"NaN"):
        path.write_bytes(other)
        assert is_sentence_about(path, read), other
    path.unlink()
    assert is_sentence_about(path, read)
    path.mkdir()
    assert is_sentence_about(path, read)


# ---- tables ----


def test_a_table_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "a.parquet"
    for table in (TABLE, TABLE[:0], TABLE.replace_schema_metadata({"unit": "cells"})):
        storage.write_table(path, table)
        assert storage.read_table(path).equals(table, check_metadata=True)


def test_other_parquet_readers_can_open_a_table(tmp_path):
    storage.write_table(tmp_path / "a.parquet", TABLE)
    assert pq.read_table(tmp_path / "a.parquet", page_checksum_verification=True).equals(TABLE)


def test_pages_carry_their_own_checksum(tmp_path):
    storage.write_table(tmp_path / "a.parquet", TABLE)
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    data[len(data) // 3] ^= 1  # inside a page of values
    with pytest.raises(OSError, match="CRC"):
        pq.ParquetFile(pa.BufferReader(bytes(data)), page_checksum_verification=True).read()


def test_equal_tables_have_equal_bytes_however_they_were_put_together(tmp_path):
    # Several data pages: a small table fits into one, and its bytes never differ.
    table = pa.table({"value": np.random.default_rng(0).normal(size=200_000)})
    cuts = [0, 1, 70_000, 70_001, 123_456, 200_000]
    pieces = [table[start:end] for start, end in itertools.pairwise(cuts)]
    storage.write_table(tmp_path / "whole.parquet", table)
    storage.write_table(tmp_path / "pieces.parquet", pa.concat_tables(pieces))
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "pieces.parquet").read_bytes()


def test_a_parquet_file_without_our_checksum_is_refused(tmp_path):
    pq.write_table(TABLE, tmp_path / "a.parquet")
    with pytest.raises(DamagedFile) as error:
        storage.read_table(tmp_path / "a.parquet")
    assert_one_sentence(error, tmp_path / "a.parquet", "no checksum")


# ---- tables that grow ----


def plain_parquet(table: pa.Table) -> bytes:
    """The table as pyarrow writes it at once, with our digest of it."""
    sink = pa.BufferOutputStream()
    metadata = {storage.DIGEST_KEY: storage.DIGEST_MARK + storage.NO_DIGEST}
    table = table.combine_chunks().replace_schema_metadata(metadata)
    pq.write_table(table, sink, write_page_checksum=True, row_group_size=storage.ROWS_A_GROUP)
    data = sink.getvalue().to_pybytes()
    return data.replace(storage.NO_DIGEST, hashlib.sha256(data).hexdigest().encode())


@pytest.mark.parametrize("steps", [[0], [1, 6, 7, 13, 14, 15, 29], [300], [0, 7, 300], [7, 7, 14]])
def test_a_growing_table_has_the_bytes_of_one_written_at_once(steps, tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "ROWS_A_GROUP", 7)
    monkeypatch.setattr(storage, "COPIED_BYTES", 100)
    growing = storage.GrowingTable(tmp_path / "a.parquet", TABLE.schema)
    for before, after in itertools.pairwise([0, *steps]):
        for row in range(before, after):
            growing.add(TABLE[row : row + 1])
        growing.write()
        assert (tmp_path / "a.parquet").read_bytes() == plain_parquet(TABLE[:after])
        assert storage.read_table(tmp_path / "a.parquet").equals(TABLE[:after])


def test_of_a_growing_table_only_the_last_group_stays_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "ROWS_A_GROUP", 100)
    encoded = []
    real_encode = storage._encode

    def encode(rows, *rest):
        encoded.append(len(rows))
        return real_encode(rows, *rest)

    monkeypatch.setattr(storage, "_encode", encode)
    growing = storage.GrowingTable(tmp_path / "a.parquet", TABLE.schema)
    for row in range(0, 300, 50):
        growing.add(TABLE[row : row + 50])
        growing.write()
        assert sum(rows.get_total_buffer_size() for rows in growing._rows) < TABLE[:60].nbytes
    assert encoded == [50, 100, 50, 100, 50, 100]


def test_what_a_table_was_before_stays_as_its_spare_copy(tmp_path):
    (tmp_path / "spare").mkdir()
    spare = tmp_path / "spare" / "a.parquet"
    growing = storage.GrowingTable(tmp_path / "a.parquet", TABLE.schema, spare)
    growing.write()
    assert not spare.exists()
    for end in (100, 200, 300):
        before = (tmp_path / "a.parquet").read_bytes()
        growing.add(TABLE[end - 100 : end])
        growing.write()
        assert spare.read_bytes() == before
        assert not spare.samefile(tmp_path / "a.parquet")  # damage to one does not reach the other
    assert {path.name for path in tmp_path.rglob("*")} == {"a.parquet", "spare"}


def test_where_files_have_one_name_only_the_spare_copy_is_a_copy(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    for data in (b"old", b"new"):
        storage.write_bytes(tmp_path / "a.bin", data, tmp_path / "b.bin")
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == [b"new", b"old"]


def test_damage_is_not_copied_into_what_a_table_becomes(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "ROWS_A_GROUP", 100)
    path = tmp_path / "a.parquet"
    growing = storage.GrowingTable(path, TABLE.schema, tmp_path / "b.parquet")
    for start in (0, 150):
        growing.add(TABLE[start : start + 150])
        growing.write()
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.write_bytes(data)
    growing.add(TABLE[:1])
    with pytest.raises(DamagedFile) as error:
        growing.write()
    assert_one_sentence(error, path, "was changed", "`boxlings resume`")
    assert path.read_bytes() == data
    assert storage.read_table(tmp_path / "b.parquet").equals(TABLE[:150])


# ---- options ----


def test_options_come_back_and_those_that_are_none_are_left_out(tmp_path):
    path = tmp_path / "config.toml"
    storage.write_config_toml(path, {**TOML, "nothing": None, "deep": {"nothing": None, "one": 1}})
    assert storage.read_toml(path) == {**TOML, "deep": {"one": 1}}


def test_equal_options_have_equal_bytes(tmp_path):
    for name in ("a.toml", "b.toml"):
        storage.write_config_toml(tmp_path / name, TOML)
    assert (tmp_path / "a.toml").read_bytes() == (tmp_path / "b.toml").read_bytes()


# ---- checkpoints ----


def test_a_checkpoint_comes_back_to_the_bit_and_may_be_written_to(tmp_path):
    path = write_checkpoint(tmp_path)
    assert path == tmp_path / "000120"
    config, tensors, state = storage.read_checkpoint(path)
    assert config == CONFIG
    for expected, found in ((TENSORS, tensors), (STATE, state)):
        assert set(found) == set(expected)
        for name, array in expected.items():
            assert found[name].dtype == array.dtype
            assert found[name].shape == array.shape
            assert found[name].tobytes() == array.tobytes()
    tensors["genomes"][0, 0] = 5.0
    state["ages"] += 1


def test_a_checkpoint_is_laid_out_as_a_model_hub_expects(tmp_path):
    path = write_checkpoint(tmp_path)
    names = {"config.json", "model.safetensors", "state.safetensors", "tokenizer.json", "README.md"}
    assert {file.name for file in path.iterdir()} == names
    assert (path / "README.md").read_text() == "# A card\n"
    assert (path / "tokenizer.json").read_text() == '{"a": 1}'
    np.testing.assert_array_equal(load_file(path / "model.safetensors")["genomes"], TENSORS["genomes"])
    config = json.loads((path / "config.json").read_text())
    assert (config["format"], config["format_version"]) == ("boxlings-checkpoint", 1)
    assert set(config["files"]) == names - {"config.json"}
    for name, entry in config["files"].items():
        assert entry["bytes"] == (path / name).stat().st_size
    assert list(config) == sorted(config)
    with_lexicon = storage.write_checkpoint(tmp_path, 122, CONFIG, TENSORS, STATE, "{}", lexicon_csv="word\nba\n")
    assert (with_lexicon / "lexicon.csv").read_text() == "word\nba\n"
    (with_lexicon / "lexicon.csv").write_text("word\nbe\n")
    with pytest.raises(DamagedFile, match=r"lexicon\.csv is damaged"):
        storage.read_checkpoint(with_lexicon)
    without_card = storage.write_checkpoint(tmp_path, 121, CONFIG, TENSORS, STATE, "{}")
    assert not (without_card / "README.md").exists()
    storage.read_checkpoint(without_card)


def test_equal_contents_give_equal_bytes_whatever_their_order_in_memory(tmp_path):
    first = write_checkpoint(tmp_path / "a")
    config, tensors, state = ({key: d[key] for key in reversed(d)} for d in (CONFIG, TENSORS, STATE))
    tensors["genomes"] = np.asfortranarray(tensors["genomes"])
    state["ages"] = np.arange(10)[::2] // 2
    second = storage.write_checkpoint(tmp_path / "b", 120, config, tensors, state, '{"a": 1}', "# A card\n")
    for file in first.iterdir():
        assert file.read_bytes() == (second / file.name).read_bytes(), file.name
    third = write_checkpoint(tmp_path / "c", seed=4)
    assert (third / "config.json").read_bytes() != (first / "config.json").read_bytes()


def test_a_checkpoint_of_the_same_generation_is_replaced(tmp_path):
    write_checkpoint(tmp_path, seed=1)
    path = write_checkpoint(tmp_path, seed=2)
    assert storage.read_checkpoint(path)[0]["seed"] == 2
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_stored_is_refused_before_anything_is_written(tmp_path):
    refused = [
        (-1, CONFIG, TENSORS, STATE),
        (1, {"files": {}}, TENSORS, STATE),
        (1, {"rate": float("nan")}, TENSORS, STATE),
        (1, CONFIG, {"names": np.array(["a"])}, STATE),
        (1, CONFIG, TENSORS, {"objects": np.array([None])}),
    ]
    for generation, config, tensors, state in refused:
        with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
            storage.write_checkpoint(tmp_path / "checkpoints", generation, config, tensors, state, "{}")
    assert list(tmp_path.iterdir()) == []


KILLED_RENAME = """
import os, sys
from pathlib import Path
import numpy as np
from evolution import storage
calls, real_rename = [], os.rename
def rename(*paths):
    calls.append(paths)
    if len(calls) == int(sys.argv[2]):
        os._exit(9)
    real_rename(*paths)
os.rename = rename
storage.write_checkpoint(sys.argv[1], 120, {"seed": 99}, {"a": np.zeros(3)}, {}, "{}")
"""


@pytest.mark.parametrize(("rename", "has_old"), [(1, False), (1, True), (2, True)])
def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(rename, has_old, tmp_path):
    checkpoints = tmp_path / "checkpoints"
    write_checkpoint(checkpoints, 110)
    if has_old:
        write_checkpoint(checkpoints, 120)
    result = run_python(KILLED_RENAME, checkpoints, rename)
    assert result.returncode == 9, result.stderr
    assert storage.newest_valid_checkpoint(checkpoints)[1] == []
    assert storage.clean_leftovers(tmp_path)
    newest = 120 if has_old else 110
    path, warnings = storage.newest_valid_checkpoint(checkpoints)
    assert path == checkpoints / f"{newest:06d}"
    assert warnings == []
    assert storage.read_checkpoint(path)[0]["seed"] == 3
    assert [int(path.name) for path in checkpoints.iterdir() if path.name.isdigit()].count(newest) == 1
    assert not [path for path in checkpoints.iterdir() if path.name.startswith(".")]


def test_a_checkpoint_of_another_format_is_refused_with_both_named(tmp_path):
    path = write_checkpoint(tmp_path) / "config.json"
    for key, value in (("format", "else"), ("format_version", 2)):
        config = json.loads(path.read_text())
        path.write_text(json.dumps({**config, key: value}))
        with pytest.raises(DamagedFile) as error:
            storage.read_checkpoint(path.parent)
        assert_one_sentence(error, path, json.dumps(value), json.dumps(config[key]))
        path.write_bytes(storage._json_to_bytes(config))
    storage.read_checkpoint(path.parent)


def test_a_checkpoint_that_lists_foreign_files_is_refused(tmp_path):
    path = write_checkpoint(tmp_path) / "config.json"
    config = json.loads(path.read_text())
    for files in ({**config["files"], "../../secret": {"bytes": 1, "sha256": ""}}, {}, None):
        unsigned = {**config, "files": files}
        del unsigned["config_sha256"]
        digest = storage._sha256(storage._json_to_bytes(unsigned)).decode()
        path.write_bytes(storage._json_to_bytes({**unsigned, "config_sha256": digest}))
        with pytest.raises(DamagedFile) as error:
            storage.read_checkpoint(path.parent)
        assert_one_sentence(error, path, "tokenizer.json")


def test_a_checkpoint_whose_checksums_vouch_for_something_else_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "_tensors_to_bytes", lambda tensors: b"no tensors")
    path = write_checkpoint(tmp_path)
    with pytest.raises(DamagedFile) as error:
        storage.read_checkpoint(path)
    assert_one_sentence(error, path / "model.safetensors", "expected safetensors")


def test_a_folder_that_is_no_checkpoint_is_refused(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(DamagedFile) as error:
            storage.read_checkpoint(path)
        assert_one_sentence(error, path)


def test_checkpoints_are_listed_by_generation_not_by_name(tmp_path):
    assert storage.list_checkpoints(tmp_path / "nowhere") == []
    for generation in (1_000_000, 999_999, 2, 10):
        write_checkpoint(tmp_path, generation)
    (tmp_path / "notes").mkdir()
    (tmp_path / ".tmp-1-000003").mkdir()
    (tmp_path / "000004").write_text("a file")
    assert [int(path.name) for path in storage.list_checkpoints(tmp_path)] == [2, 10, 999_999, 1_000_000]


def test_damaged_checkpoints_are_passed_over_with_a_warning_each(tmp_path):
    assert storage.newest_valid_checkpoint(tmp_path) == (None, [])
    paths = [write_checkpoint(tmp_path, generation) for generation in (1, 2, 3)]
    assert storage.newest_valid_checkpoint(tmp_path) == (paths[2], [])
    (paths[2] / "state.safetensors").unlink()
    (paths[1] / "model.safetensors").write_bytes(b"short")
    path, warnings = storage.newest_valid_checkpoint(tmp_path)
    assert path == paths[0]
    assert len(warnings) == 2
    assert str(paths[2] / "state.safetensors") in warnings[0]
    assert str(paths[1] / "model.safetensors") in warnings[1]
    (paths[0] / "config.json").write_text("{}")
    assert storage.newest_valid_checkpoint(tmp_path)[0] is None


def test_pruning_keeps_the_newest_and_the_chosen(tmp_path):
    for generation in (1, 2, 3, 4, 5):
        write_checkpoint(tmp_path, generation)
    assert storage.prune_checkpoints(tmp_path, 2, {2}) == [tmp_path / "000001", tmp_path / "000003"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000002", "000004", "000005"]
    assert storage.prune_checkpoints(tmp_path, 4) == []  # more than there are
    storage.prune_checkpoints(tmp_path, 0, {2})
    assert [path.name for path in tmp_path.iterdir()] == ["000002"]
    with pytest.raises(ValueError, match="got -1"):
        storage.prune_checkpoints(tmp_path, -1)


# ---- full disks ----


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_fills_at_any_moment_leaves_files_that_are_whole(code, tmp_path, monkeypatch):
    def save(folder: Path, end: int) -> None:
        """What a run does between two generations."""
        table = storage.GrowingTable(folder / "a.parquet", TABLE.schema, folder / "b.parquet")
        table.add(TABLE[:end])
        table.write()
        write_checkpoint(folder / "checkpoints", end)
        storage.prune_checkpoints(folder / "checkpoints", 1)

    expected = tmp_path / "expected"
    expected.mkdir()
    for end in (100, 200):
        save(expected, end)
    for room in itertools.count():
        folder = tmp_path / str(room)
        folder.mkdir()
        save(folder, 100)
        with monkeypatch.context() as patch:
            disk = FullDisk(patch, room, code)
            failed = None
            try:
                save(folder, 200)
            except OSError as error:
                failed = error
        if disk.left >= 0:
            break
        assert failed is not None
        assert failed.errno == code
        assert str(folder) in failed.filename
        assert ".tmp-" not in failed.filename
        for name in ("a.parquet", "b.parquet"):
            if (folder / name).exists():
                assert len(storage.read_table(folder / name)) in (100, 200)
        assert (folder / "a.parquet").exists()
        storage.clean_leftovers(folder)
        newest, warnings = storage.newest_valid_checkpoint(folder / "checkpoints")
        assert newest is not None
        assert warnings == []
        save(folder, 200)
        found = {path.relative_to(folder) for path in folder.rglob("*")}
        assert found == {path.relative_to(expected) for path in expected.rglob("*")}
        for path in found:
            if path.suffix and path.name != "b.parquet":
                assert (folder / path).read_bytes() == (expected / path).read_bytes()
    assert room > 25


# ---- the run folder ----


def test_cleaning_takes_leftovers_only(tmp_path):
    kept = [
        tmp_path / "config.toml",
        tmp_path / "episodes" / "000001.parquet",
        tmp_path / ".lock",
        tmp_path / "tmp-a",
    ]
    gone = [tmp_path / ".tmp-1-config.toml", tmp_path / "episodes" / ".tmp-2-000001.parquet"]
    (tmp_path / "episodes").mkdir()
    for path in kept + gone:
        path.write_text("x")
    half = tmp_path / "checkpoints" / ".tmp-3-000001"
    half.mkdir(parents=True)
    (half / "model.safetensors").write_text("x")
    checkpoint = write_checkpoint(tmp_path / "checkpoints")
    assert sorted(storage.clean_leftovers(tmp_path)) == sorted([*gone, half])
    assert not any(path.exists() for path in [*gone, half])
    assert all(path.exists() for path in kept)
    storage.read_checkpoint(checkpoint)


def test_a_second_process_is_refused_until_the_first_ends(tmp_path):
    code = "import sys; from evolution.storage import RunLock\nwith RunLock(sys.argv[1]): print('got it')"
    run = tmp_path / "run"
    with RunLock(run):
        refused = run_python(code, run)
        assert refused.returncode == 1
        assert f"RunInUse: {run} is in use by another process" in refused.stderr
        with pytest.raises(RunInUse) as error:
            RunLock(run).acquire()
        assert_one_sentence(error, run)
    assert run_python(code, run).stdout == "got it\n"


def test_a_killed_process_leaves_no_lock(tmp_path):
    code = """
import sys, time
from evolution.storage import RunLock
lock = RunLock(sys.argv[1])
lock.acquire()
print("locked", flush=True)
time.sleep(60)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        with pytest.raises(RunInUse):
            RunLock(tmp_path).acquire()
        process.kill()
    with RunLock(tmp_path):
        pass
