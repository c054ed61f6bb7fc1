"""Files that are whole or not there at all, and that tell when they were damaged.

Every file is written under a temporary name in its own folder, flushed to the disk and then renamed, and so
is a checkpoint folder: a killed run leaves the old file or the new one, never half of one (Pillai et al.
2014, "All file systems are not created equal",
https://www.usenix.org/conference/osdi14/technical-sessions/presentation/pillai). Every file carries a SHA-256
of all its bytes that is checked when it is read; parquet's own page checksums leave the footer unguarded.
Equal contents give equal bytes. Nothing is pickled. Where a file was replaced
as a run went on, the one before is kept as its spare copy.

A checkpoint is laid out as model hubs lay out a model: config.json, model.safetensors, tokenizer.json,
README.md; lexicon.csv is ours. state.safetensors, with which a run goes on, is in the checkpoints of runs alone.
"""

import hashlib
import io
import json
import os
import re
import shutil
import tomllib
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import filelock
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy
import tomli_w
from safetensors import SafetensorError

TEMPORARY = ".tmp-"  # how the name of an unfinished file or folder begins
LOCK = ".lock"  # the file that the process that works on a run folder has locked
SPARE = "spare"  # the folder with what tables were before they were written last, and a copy of the options
REPLACED = ".replaced-"  # how the name of a checkpoint folder begins while a new one takes its place

CHECKPOINT_FORMAT = "boxlings-checkpoint"
CHECKPOINT_FORMAT_VERSION = 1
STATE = "state.safetensors"
REQUIRED_FILES = {"model.safetensors", "tokenizer.json"}
OPTIONAL_FILES = {"README.md", "lexicon.csv", STATE}
MODEL_FILES = ("config.json", *sorted(REQUIRED_FILES), "README.md", "lexicon.csv")  # of a model without a run
BOOKKEEPING = ("config_sha256", "files", "format", "format_version")  # keys of config.json that are ours

RESTORE = "restore it from a copy or start a new run"
MEND = "`boxlings resume` mends it from its spare copy"
OTHER_CHECKPOINT = "use another checkpoint or restore this one from a copy"


class DamagedFile(ValueError):  # noqa: N818 - a sentence for the user, not an error of the program
    """A file is missing or not as it was written; the message is one sentence: which file, what to do."""


class RunInUse(ValueError):  # noqa: N818 - as above
    """Another process works on this run folder; the message is one sentence."""


# ---- one file ----


def write_bytes(path: str | Path, data: bytes | Iterable[bytes], spare: Path | None = None) -> None:
    """Write a file, or its pieces, whole or not at all; once this returns it survives a power cut.

    Its folder must exist. The file that was there before, if any, becomes `spare`. An OSError names the file.
    """
    path = Path(path)
    temporary = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}-{path.name}")
    try:
        _write_and_sync(temporary, [data] if isinstance(data, bytes) else data)
        if spare is not None and path.exists():
            _keep(path, spare)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        _name(error, path)
        raise
    finally:
        _remove(temporary)  # still there only if the lines above failed


def read_bytes(path: str | Path, what_to_do: str = RESTORE) -> bytes:
    """The bytes of a file; DamagedFile when it is missing or cannot be read."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise DamagedFile(f"{path} is missing: {what_to_do}") from None
    except OSError as error:
        raise DamagedFile(f"{path} cannot be read ({error.strerror}): {what_to_do}") from None


# ---- tables ----

MAGIC = b"PAR1"  # how a parquet file begins, and ends
ROWS_A_GROUP = 1 << 14
COPIED_BYTES = 1 << 20  # at a time
# A value of parquet's footer: the SHA-256 of the whole file with zeros in the digest's place.
DIGEST_KEY = b"boxlings"
DIGEST_MARK = b"boxlings-sha256:"
NO_DIGEST = b"0" * 64


def write_table(path: str | Path, table: pa.Table) -> None:
    """Write a table as parquet, whole or not at all; any parquet reader can open it."""
    growing = GrowingTable(path, table.schema)
    growing.add(table)
    growing.write()


class GrowingTable:
    """A table that is written again and again while it grows, at the cost of its new rows.

    Rows are encoded in groups. A full group is encoded once; from then on its bytes go from the file straight into the
    file's successor, and only the rows of the last group stay in memory. The bytes depend on the rows alone: they are
    those of pyarrow's `write_table` for all of them. What was there before the newest `write` becomes `spare`.
    """

    def __init__(self, path: str | Path, schema: pa.Schema, spare: Path | None = None) -> None:
        self.path = Path(path)
        self.spare = spare
        self._schema = schema.with_metadata({**(schema.metadata or {}), DIGEST_KEY: DIGEST_MARK + NO_DIGEST})
        self._rows: list[pa.Table] = []  # of groups that are not full
        self._written = len(MAGIC)  # bytes of the file up to the end of its last full group
        self._digest = hashlib.sha256(MAGIC).digest()  # of these
        self._footer: bytes | None = None  # of a file with the full groups alone

    def add(self, rows: pa.Table) -> None:
        """Append rows of the schema."""
        self._rows.append(rows.replace_schema_metadata(self._schema.metadata))

    def write(self) -> None:
        """Write the file with all rows, whole or not at all; DamagedFile where what it had written was changed."""
        # one chunk a column, so that the bytes do not depend on how the table was put together
        rows = pa.concat_tables([self._schema.empty_table(), *self._rows]).combine_chunks()
        num_grouped = len(rows) // ROWS_A_GROUP * ROWS_A_GROUP
        groups, footer, end = [], self._footer, self._written
        for start in range(0, num_grouped, ROWS_A_GROUP):
            group, footer = _encode(rows[start : start + ROWS_A_GROUP], end, footer)
            groups.append(group)
            end += len(group)
        last, whole_footer = b"", footer
        if num_grouped < len(rows) or footer is None:  # a table of no rows has one group
            last, whole_footer = _encode(rows[num_grouped:], end, footer)
        assert whole_footer is not None
        found = hashlib.sha256()

        def pieces() -> Iterator[bytes]:
            for piece in self._full_groups():
                found.update(piece)
                yield piece
            if found.digest() != self._digest:
                raise DamagedFile(f"{self.path} was changed while the run went on: {MEND}")
            for piece in groups:
                found.update(piece)
                yield piece
            before, mark, rest = whole_footer.rpartition(DIGEST_MARK)
            after = rest[len(NO_DIGEST) :]
            whole = found.copy()
            whole.update(last + before + mark + NO_DIGEST + after)
            yield last + before + mark + whole.hexdigest().encode() + after

        write_bytes(self.path, pieces(), self.spare)
        # a copy: a slice would keep all of them in memory
        self._rows = [rows.take(pa.array(range(num_grouped, len(rows)), pa.int64()))]
        self._written, self._digest, self._footer = end, found.digest(), footer

    def _full_groups(self) -> Iterator[bytes]:
        """The bytes of the file up to the end of its last full group."""
        if self._footer is None:
            yield MAGIC
            return
        with open(self.path, "rb") as file:
            for start in range(0, self._written, COPIED_BYTES):
                yield file.read(min(COPIED_BYTES, self._written - start))


def read_table(path: str | Path, what_to_do: str = RESTORE) -> pa.Table:
    """The table that `write_table` wrote; DamagedFile when missing, not parquet, or changed in any byte."""
    data = read_bytes(path, what_to_do)
    if not (data.startswith(MAGIC) and data.endswith(MAGIC)):
        raise DamagedFile(f"{path} is not a whole parquet file ({len(data)} bytes): {what_to_do}")
    before, mark, rest = data.rpartition(DIGEST_MARK)
    digest, after = rest[: len(NO_DIGEST)], rest[len(NO_DIGEST) :]
    if not mark:
        raise DamagedFile(f"{path} carries no checksum, so it was not written by a run or is damaged: {what_to_do}")
    if digest != _sha256(before + mark + NO_DIGEST + after):
        raise DamagedFile(f"{path} is damaged, its bytes do not match their checksum: {what_to_do}")
    try:
        # with threads the process may abort or hang when it ends (https://github.com/apache/arrow/issues/34314, /50482)
        table = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True).read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise DamagedFile(f"{path} is not a readable table ({type(error).__name__}): {what_to_do}") from None
    metadata = {key: value for key, value in (table.schema.metadata or {}).items() if key != DIGEST_KEY}
    return table.replace_schema_metadata(metadata or None)


# ---- options ----

SEAL = b"# sha256 of the lines above: "


def write_config_toml(path: str | Path, config: Mapping[str, Any]) -> None:
    """Write options as TOML whose last line is a comment with the checksum of all others.

    An option that is None is left out, as TOML has no such value; whoever reads gives it back its default.
    """
    body = tomli_w.dumps(_without_none(config)).encode()
    write_bytes(path, body + SEAL + _sha256(body) + b"\n")


def read_toml(path: str | Path, what_to_do: str = RESTORE) -> dict[str, Any]:
    """The options that `write_config_toml` wrote; DamagedFile when it is missing or changed in any byte."""
    data = read_bytes(path, what_to_do)
    body = data.rpartition(SEAL)[0]
    if data != body + SEAL + _sha256(body) + b"\n":
        raise DamagedFile(
            f"{path} is damaged or was edited, its lines do not match the checksum in the last: {what_to_do}"
        )
    return tomllib.loads(body.decode())


# ---- checkpoints ----


def write_checkpoint(
    folder_checkpoints: str | Path,
    generation: int,
    config: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    state: Mapping[str, np.ndarray],
    tokenizer_json: str,
    model_card: str | None = None,
    lexicon_csv: str | None = None,
) -> Path:
    """Write the checkpoint folder of a generation (000120), whole or not at all, and return its path.

    `config` becomes config.json, joined with the format and the size and SHA-256 of every file: JSON values
    only, without nan, as the file must be readable by others. `tensors` become model.safetensors, `state`
    state.safetensors: arrays of numbers or bools. `model_card` becomes README.md, `lexicon_csv` lexicon.csv. A
    folder of the same generation is replaced. Equal contents give equal bytes, whatever the order of the keys.
    """
    if generation < 0:
        raise ValueError(f"generation must not be negative, got {generation}")
    target = Path(folder_checkpoints) / f"{generation:06d}"
    return write_model(target, config, tensors, tokenizer_json, model_card, lexicon_csv, state)


def write_model(
    target: str | Path,
    config: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    tokenizer_json: str,
    model_card: str | None = None,
    lexicon_csv: str | None = None,
    state: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """Write a model's folder, whole or not at all, in place of one that was there; as `write_checkpoint`."""
    files = {"model.safetensors": _tensors_to_bytes(tensors), "tokenizer.json": tokenizer_json.encode()}
    if state is not None:
        files[STATE] = _tensors_to_bytes(state)
    if model_card is not None:
        files["README.md"] = model_card.encode()
    if lexicon_csv is not None:
        files["lexicon.csv"] = lexicon_csv.encode()
    files["config.json"] = _config_to_bytes(config, files)

    target = Path(target)
    folder, name = target.parent, target.name
    replaced = folder / (REPLACED + name)
    temporary = folder / f"{TEMPORARY}{uuid.uuid4().hex}-{name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sync_folder(folder.parent)
        temporary.mkdir()
        for file_name, data in files.items():
            _write_and_sync(temporary / file_name, [data])
        _sync_folder(temporary)
        if target.exists():
            shutil.rmtree(replaced, ignore_errors=True)
            os.rename(target, replaced)
        os.rename(temporary, target)
        _sync_folder(folder)
    except OSError as error:
        _name(error, target)
        raise
    finally:
        _remove(temporary)  # still there only if the lines above failed
    shutil.rmtree(replaced, ignore_errors=True)
    return target


def read_checkpoint(path: str | Path) -> tuple[dict[str, Any], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return (config, tensors, state) as they were given to `write_checkpoint`; the arrays may be written to.

    Of a model without the state of a run, an empty state.

    DamagedFile when anything is missing, of another format, or changed in any byte.
    """
    path = Path(path)
    if not path.is_dir():
        raise DamagedFile(f"{path} is missing: expected a checkpoint folder, {OTHER_CHECKPOINT}")
    config = _config_from_bytes(path / "config.json", read_bytes(path / "config.json", OTHER_CHECKPOINT))
    data = {}
    for name, expected in config["files"].items():
        data[name] = read_bytes(path / name, OTHER_CHECKPOINT)
        _expect(path / name, expected, _size_and_digest(data[name]))
    tensors = _tensors_from_bytes(path / "model.safetensors", data["model.safetensors"])
    state = _tensors_from_bytes(path / STATE, data[STATE]) if STATE in data else {}
    return {key: value for key, value in config.items() if key not in BOOKKEEPING}, tensors, state


def list_checkpoints(folder_checkpoints: str | Path) -> list[Path]:
    """All checkpoint folders by ascending generation, damaged ones too; [] when the folder is missing."""
    folder = Path(folder_checkpoints)
    found = [path for path in folder.iterdir() if _is_checkpoint_name(path.name)] if folder.is_dir() else []
    return sorted((path for path in found if path.is_dir()), key=lambda path: int(path.name))


def newest_valid_checkpoint(folder_checkpoints: str | Path) -> tuple[Path | None, list[str]]:
    """The newest checkpoint that is not damaged, or None, and a sentence on each damaged one passed over."""
    warnings = []
    for path in reversed(list_checkpoints(folder_checkpoints)):
        try:
            read_checkpoint(path)
        except DamagedFile as error:  # the run falls back on the checkpoint before
            warnings.append(str(error))
        else:
            return path, warnings
    return None, warnings


def prune_checkpoints(folder_checkpoints: str | Path, keep: int, also: Collection[int] = ()) -> list[Path]:
    """Delete all checkpoints but the newest `keep` and the generations in `also`; return what was deleted."""
    if keep < 0:
        raise ValueError(f"keep must not be negative, got {keep}")
    paths = list_checkpoints(folder_checkpoints)
    surplus = [path for path in paths[: max(0, len(paths) - keep)] if int(path.name) not in also]
    for path in surplus:
        temporary = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}-{path.name}")
        os.rename(path, temporary)  # first: a checkpoint half deleted must not look like one
        shutil.rmtree(temporary)
    return surplus


# ---- the run folder ----


def clean_leftovers(run_folder: str | Path) -> list[Path]:
    """Remove what a killed run left unfinished in its folder, and return the removed paths; hold the lock.

    A checkpoint that was about to be replaced is put back where its successor did not arrive.
    """
    removed = []
    for parent, folders, files in os.walk(run_folder):
        for name in sorted(folders + files):
            path = Path(parent, name)
            successor = path.with_name(name.removeprefix(REPLACED))
            if name.startswith(REPLACED) and not successor.exists():
                os.rename(path, successor)
            elif name.startswith((TEMPORARY, REPLACED)):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
                removed.append(path)
        folders[:] = [name for name in folders if not name.startswith((TEMPORARY, REPLACED))]
    return removed


class RunLock:
    """Keeps a run folder to one process, `with RunLock(folder): ...`; makes the folder where it is missing.

    The operating system releases the lock of a process that ends in any way, so a killed run leaves no lock
    behind.
    """

    def __init__(self, run_folder: str | Path) -> None:
        self.run_folder = Path(run_folder)
        # whoever asks whether the folder is locked holds the lock for an instant, and is no other process at work
        self._lock = filelock.FileLock(self.run_folder / LOCK, timeout=0.25, poll_interval=0.05)

    def acquire(self) -> None:
        """Take the lock, or raise RunInUse at once."""
        self.run_folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise RunInUse(
                f"{self.run_folder} is in use by another process: wait for its end or choose another folder"
            ) from None

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def is_locked(run_folder: str | Path) -> bool:
    """Whether a process works on this run folder now; where that cannot be found out, no."""
    path = Path(run_folder) / LOCK
    if not path.exists():
        return False
    lock = filelock.FileLock(path, timeout=0)
    try:
        with lock:
            return False
    except filelock.Timeout:
        return True
    except OSError:  # such as that of a folder that may only be read
        return False


# ---- parts ----


def _write_and_sync(path: Path, pieces: Iterable[bytes]) -> None:
    with open(path, "xb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def _keep(path: Path, spare: Path) -> None:
    """Let `spare` be the file that `path` is now, which is about to be replaced."""
    temporary = spare.with_name(f"{TEMPORARY}{uuid.uuid4().hex}-{spare.name}")
    try:
        try:
            os.link(path, temporary)
        except OSError:  # a file system without second names
            _write_and_sync(temporary, [path.read_bytes()])
        os.replace(temporary, spare)  # after a power cut an older spare copy will do
    finally:
        _remove(temporary)


def _name(error: OSError, path: Path) -> None:
    """Let an error tell of this file: some tell of none, others of a temporary one."""
    if error.errno is not None:
        error.filename, error.filename2 = str(path), None


def _remove(path: Path) -> None:
    """Remove a file or folder if it is there, and can be; what stays is cleaned away by a later `resume`."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):  # where nothing can be removed, what could not be written is the news
            path.unlink()


def _sync_folder(folder: Path) -> None:
    """Make the renames inside a folder survive a power cut."""
    if os.name == "nt":  # Windows opens no folders; its file system journals renames itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _encode(rows: pa.Table, start: int, footer: bytes | None) -> tuple[bytes, bytes]:
    """Rows as a group of a parquet file that begins at byte `start`, and the footer of a file that ends with it.

    `footer` is that of the groups before.
    """
    sink = _Sink()
    file = pa.PythonFile(sink, "w")
    metadata: list[pq.FileMetaData] = []
    writer = pq.ParquetWriter(file, rows.schema, write_page_checksum=True, metadata_collector=metadata)
    # pyarrow notes where in its file a group lies, so we let it write up to there
    for position in range(len(MAGIC), start, COPIED_BYTES):
        file.write(bytes(min(COPIED_BYTES, start - position)))
    sink.pieces.clear()
    writer.write_table(rows, row_group_size=max(1, len(rows)))
    group = b"".join(sink.pieces)
    writer.close()
    whole = metadata[0]
    if footer is not None:
        whole = pq.read_metadata(pa.BufferReader(MAGIC + footer))
        whole.append_row_groups(metadata[0])
    result = io.BytesIO()
    whole.write_metadata_file(result)
    return group, result.getvalue()[len(MAGIC) :]


class _Sink(io.RawIOBase):
    """Where pyarrow writes to."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.pieces.append(bytes(data))
        return len(data)


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


def _size_and_digest(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": _sha256(data).decode()}


def _without_none(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in options.items()
        if value is not None
    }


def _is_checkpoint_name(name: str) -> bool:
    return re.fullmatch(r"[0-9]{6,}", name) is not None


def _json_to_bytes(values: Mapping[str, Any]) -> bytes:
    return (json.dumps(values, sort_keys=True, indent=2, allow_nan=False) + "\n").encode()


def _config_to_bytes(config: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """The config.json of a checkpoint with these files; `config_sha256` is its own, without that key."""
    if taken := sorted(set(config) & set(BOOKKEEPING)):
        raise ValueError(f"the config of a checkpoint must not contain {', '.join(taken)}, which describe the files")
    whole = {
        **config,
        "format": CHECKPOINT_FORMAT,
        "format_version": CHECKPOINT_FORMAT_VERSION,
        "files": {name: _size_and_digest(data) for name, data in files.items()},
    }
    return _json_to_bytes({**whole, "config_sha256": _sha256(_json_to_bytes(whole)).decode()})


def _config_from_bytes(path: Path, data: bytes) -> dict[str, Any]:
    """The whole config of a checkpoint, after checking its format, its checksum and which files it lists."""
    try:
        config = json.loads(data)
        unsigned = {key: value for key, value in config.items() if key != "config_sha256"}
        digest = _sha256(_json_to_bytes(unsigned)).decode()
    except (ValueError, AttributeError):  # no text, no JSON, a value that JSON does not know; no object
        raise DamagedFile(f"{path} is damaged: expected a JSON object, {OTHER_CHECKPOINT}") from None
    for key, expected in (("format", CHECKPOINT_FORMAT), ("format_version", CHECKPOINT_FORMAT_VERSION)):
        _expect(path, {key: expected}, {key: config.get(key)})
    _expect(path, {"config_sha256": config.get("config_sha256")}, {"config_sha256": digest})
    if data != _json_to_bytes(config):
        raise DamagedFile(f"{path} is damaged: its values are right but not its white space, {OTHER_CHECKPOINT}")
    names = sorted(config["files"]) if isinstance(config.get("files"), dict) else []
    if not REQUIRED_FILES <= set(names) <= REQUIRED_FILES | OPTIONAL_FILES:
        _expect(path, {"files": sorted(REQUIRED_FILES)}, {"files": names})
    return config


def _expect(path: Path, expected: Any, found: Any) -> None:
    if expected != found:
        raise DamagedFile(
            f"{path} is damaged or of another kind: expected {json.dumps(expected)}, "
            f"found {json.dumps(found)}, {OTHER_CHECKPOINT}"
        )


def _tensors_to_bytes(tensors: Mapping[str, np.ndarray]) -> bytes:
    for name, tensor in tensors.items():
        if tensor.dtype.kind not in "biuf":
            raise ValueError(f"tensor {name} must hold numbers or bools, got {tensor.dtype}")
    # safetensors reads raw memory, so every array must be contiguous.
    return safetensors.numpy.save({name: np.asarray(tensors[name], order="C") for name in sorted(tensors)})


def _tensors_from_bytes(path: Path, data: bytes) -> dict[str, np.ndarray]:
    try:
        return safetensors.numpy.load(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise DamagedFile(
            f"{path} is damaged: expected safetensors, got {type(error).__name__}, {OTHER_CHECKPOINT}"
        ) from None
