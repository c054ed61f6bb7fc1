"""A run on disk: stopped anywhere and in any way it goes on to the same bits, and it seeds others."""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import os
import random
import shutil
import signal
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from evolution.config import LearningConfig, RunConfig
from evolution.records import SCHEMAS, read_language, read_records
from evolution.run import (
    Interrupted,
    Report,
    _newest_usable,
    evolve,
    find_checkpoint,
    load_population,
    read_config,
    resume,
    stop_request,
)
from evolution.society import Society, filled_config
from evolution.storage import SPARE, TEMPORARY, DamagedFile, RunInUse, RunLock, list_checkpoints, read_checkpoint
from language.words import lexicon_csv, spell, train_words
from population.lineage import NO_MOTHER
from population.policy import Policy
from tests.evolution.conftest import FullDisk, first_words, tiny
from world import scenarios

# how often a run is killed before it is let to its end; ten in the nightly run
NUM_KILLS = int(os.environ.get("BOXLINGS_TEST_KILLS", "3"))
FORK = multiprocessing.get_context("fork")  # a child has all imports behind it
LAST = 4  # generations of a run in these tests
NOT_REPEATED = {"timing.parquet", ".lock", "config.toml"}  # seconds; the lock; the folder's own name


def hashes(folder: Path) -> dict[str, str]:
    """Every file of a folder that the same seed repeats to the bit."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in NOT_REPEATED and path.parent.name != SPARE
    }


def run_config(folder: Path, scenario: str = "guide", **changes: object) -> RunConfig:
    """Four generations, of which not every one is measured and recorded."""
    return tiny(scenario, out=str(folder), **({"generations": LAST, "measure_every": 3, "record_every": 3} | changes))


@pytest.fixture(scope="module", params=["guide", "name"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A scenario, and the folder of a run that was never stopped."""
    folder = tmp_path_factory.mktemp("whole") / request.param
    return request.param, evolve(run_config(folder, request.param))


class Stop(Exception):  # noqa: N818 - what stops a run in these tests
    pass


def stop_after(generation: int):  # type: ignore[no-untyped-def]
    def listener(report: Report) -> None:
        if not report.text and report.generation >= generation:
            raise Stop

    return listener


# ---- what is on disk ----


def test_a_run_leaves_tables_recordings_and_checkpoints(whole: tuple[str, Path]):
    scenario, folder = whole
    config = read_config(folder)
    assert config == filled_config(run_config(folder, scenario))
    assert [path.name for path in list_checkpoints(folder / "checkpoints")][-3:] == ["000002", "000003", "000004"]
    assert sorted(path.name for path in (folder / "episodes").iterdir()) == [
        f"{generation:06d}.parquet" for generation in (0, 3, 4)
    ]
    assert sorted(path.name for path in (folder / "languages").iterdir()) == [
        f"{generation:06d}.parquet" for generation in (0, 3, 4)
    ]
    tables = {name: read_records(folder / f"{name}.parquet", schema) for name, schema in SCHEMAS.items()}
    rows = [row for row in tables["generations"].to_pylist() if row["generation"] >= 0]
    assert {row["generation"] for row in rows} == {0, 1, 2, 3, 4}  # the last population is judged as well
    muted = {row["generation"] for row in rows if row["name"] == "success_muted"}
    assert muted == {0, 3, 4}
    assert len(tables["boxlings"]) == 5 * config.population
    assert {row["name"] for row in tables["timing"].to_pylist()} >= {"wall_seconds", "cpu_seconds", "agent_steps"}


def test_two_runs_of_one_seed_leave_the_same_bytes(whole: tuple[str, Path], tmp_path: Path):
    scenario, folder = whole
    other = evolve(run_config(tmp_path / "twin", scenario))
    assert hashes(other) == hashes(folder)
    assert len(hashes(folder)) > 15


def test_the_number_of_a_checkpoint_is_the_generation_its_boxlings_are_judged_in(whole: tuple[str, Path]):
    _, folder = whole
    boxlings = read_records(folder / "boxlings.parquet", SCHEMAS["boxlings"]).to_pylist()
    for path in list_checkpoints(folder / "checkpoints"):
        _, _, state = read_checkpoint(path)
        judged = [row["boxling"] for row in boxlings if row["generation"] == int(path.name)]
        assert state["boxling"].tolist() == judged


def test_the_recorded_language_is_what_the_boxlings_of_the_checkpoint_say(whole: tuple[str, Path]):
    scenario, folder = whole
    _, spec, genomes = load_population(folder)
    boxlings, spoken = read_language(folder / "languages" / f"{LAST:06d}.parquet")
    assert boxlings.tolist() == read_checkpoint(folder / "checkpoints" / f"{LAST:06d}")[2]["boxling"].tolist()
    assert list(spoken) == ["train", "held-out"]
    for split, (meanings, messages) in spoken.items():
        said = first_words(Policy(spec), torch.from_numpy(genomes), scenarios.get(scenario), split)
        np.testing.assert_array_equal(meanings, said[0])
        np.testing.assert_array_equal(messages, said[1])


def test_a_checkpoint_holds_the_words_of_the_last_measured_generation(whole: tuple[str, Path]):
    _, folder = whole
    measured = {2: 0, 3: 0, 4: 3}  # checkpoints are written before their boxlings are judged
    for generation, of in measured.items():
        path = folder / "checkpoints" / f"{generation:06d}"
        _, spoken = read_language(folder / "languages" / f"{of:06d}.parquet")
        messages = spoken["train"][1]
        tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
        trained = train_words(messages.reshape(-1, 3), 8, num_speakers=len(messages))
        assert tokenizer.to_str() == trained.to_str()
        text = spell(messages[0, 0])
        assert tokenizer.decode(tokenizer.encode(text).ids) == text
        lexicon = read_checkpoint(path)[0]["lexicon"]
        assert (path / "lexicon.csv").read_text() == lexicon_csv(lexicon)
        fitness = [
            row["fitness"]
            for row in read_records(folder / "boxlings.parquet", SCHEMAS["boxlings"]).to_pylist()
            if row["generation"] == of
        ]
        said = messages[int(np.nanargmax(fitness)), :, 0]
        counts = {row["symbol"]: row["count"] for row in lexicon if row["position"] == 0}
        assert counts == dict(zip(*(part.tolist() for part in np.unique(said, return_counts=True)), strict=True))


def test_a_sample_of_many_meanings_is_the_same_in_each_generation_and_run(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("evolution.evaluate.MAX_MEANINGS", 5)
    kept = []
    for seed in (0, 1):
        folder = evolve(run_config(tmp_path / str(seed), generations=1, measure_every=1, seed=seed))
        for generation in (0, 1):
            _, spoken = read_language(folder / "languages" / f"{generation:06d}.parquet")
            kept.append({split: meanings.tolist() for split, (meanings, _) in spoken.items()})
            assert all(messages.shape[1] == 5 for _, messages in spoken.values())
    assert all(each == kept[0] for each in kept)
    every = scenarios.get("guide").meanings("train").tolist()
    assert all(meaning in every for meaning in kept[0]["train"])
    assert kept[0]["train"] not in (every[:5], every[-5:])


def test_where_nobody_talks_no_language_is_recorded(tmp_path: Path):
    folder = evolve(run_config(tmp_path / "run", "sokoban", generations=1))
    assert not (folder / "languages").exists()
    path = find_checkpoint(folder)
    assert Tokenizer.from_file(str(path / "tokenizer.json")).get_vocab_size() == 9
    assert (path / "lexicon.csv").read_text() == lexicon_csv([])


# ---- stopped and resumed ----


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_run_stopped_after_any_generation_goes_on_to_the_same_bytes(
    whole: tuple[str, Path], tmp_path: Path, stop: int
):
    scenario, folder = whole
    config = run_config(tmp_path / "stopped", scenario)
    with pytest.raises(Stop):
        evolve(config, stop_after(stop))
    resume(tmp_path / "stopped")
    assert hashes(tmp_path / "stopped") == hashes(folder)


def test_generations_that_were_not_saved_are_lived_again_the_same(whole: tuple[str, Path], tmp_path: Path):
    scenario, folder = whole
    with pytest.raises(Stop):
        evolve(run_config(tmp_path / "stopped", scenario, checkpoint_every=3), stop_after(2))
    assert [path.name for path in list_checkpoints(tmp_path / "stopped" / "checkpoints")] == ["000000"]
    resume(tmp_path / "stopped")
    name = f"checkpoints/{LAST:06d}"
    assert hashes(tmp_path / "stopped" / name) == hashes(folder / name)
    assert hashes(tmp_path / "stopped")["generations.parquet"] == hashes(folder)["generations.parquet"]


def test_a_run_stopped_in_the_founders_childhood_begins_again(whole: tuple[str, Path], tmp_path: Path):
    scenario, folder = whole

    def stop_at_once(report: Report) -> None:
        raise Stop

    with pytest.raises(Stop):
        evolve(run_config(tmp_path / "stopped", scenario), stop_at_once)
    assert not list_checkpoints(tmp_path / "stopped" / "checkpoints")
    resume(tmp_path / "stopped")
    assert hashes(tmp_path / "stopped") == hashes(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_finishes_its_generation_saves_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals):
    folder = tmp_path / "run"

    told: list[str] = []

    def interrupt(report: Report) -> None:
        told.append(report.text)
        if not report.text and report.generation == 2:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=r"saved after generation 3 of 4; go on with `boxlings resume ") as stopped:
        evolve(run_config(folder, checkpoint_every=5), interrupt)
    assert str(stopped.value).endswith(f"`boxlings resume {folder}`")
    assert signal.getsignal(number) == before
    assert find_checkpoint(folder).name == "000003"
    assert any(text.startswith("stopping after this generation; Ctrl-C again") for text in told)


def test_a_damaged_checkpoint_is_passed_over_and_the_run_reaches_the_same_bytes(
    whole: tuple[str, Path], tmp_path: Path
):
    scenario, folder = whole
    with pytest.raises(Stop):
        evolve(run_config(tmp_path / "run", scenario), stop_after(3))
    damaged = tmp_path / "run" / "checkpoints" / "000003" / "model.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    told: list[str] = []
    resume(tmp_path / "run", on_generation=lambda report: told.append(report.text))
    assert any(str(damaged) in text for text in told)
    assert hashes(tmp_path / "run") == hashes(folder)


def test_where_every_checkpoint_is_damaged_nothing_is_overwritten(tmp_path: Path):
    folder = tmp_path / "run"
    with pytest.raises(Stop):
        evolve(run_config(folder), stop_after(1))
    for path in list_checkpoints(folder / "checkpoints"):
        (path / "state.safetensors").write_bytes(b"nothing")
    before = hashes(folder)
    with pytest.raises(ValueError, match="has no undamaged checkpoint"):
        resume(folder)
    assert hashes(folder) == before


def test_a_finished_run_can_be_resumed_to_no_effect_and_further(whole: tuple[str, Path], tmp_path: Path):
    scenario, _ = whole
    folder = evolve(run_config(tmp_path / "run", scenario, generations=3))
    before = hashes(folder)
    resume(folder)
    assert hashes(folder) == before
    resume(folder, generations=4)
    assert read_config(folder).generations == 4
    assert find_checkpoint(folder).name == "000004"
    table = read_records(folder / "generations.parquet", SCHEMAS["generations"]).to_pylist()
    entries = [(row["generation"], row["name"]) for row in table]
    assert len(entries) == len(set(entries))  # nothing is entered twice
    assert max(generation for generation, _ in entries) == 4
    with pytest.raises(ValueError, match="generations must be at least the 4 that are done, got 2"):
        resume(folder, generations=2)


def test_a_folder_in_use_or_with_a_run_is_refused_and_left_alone(tmp_path: Path):
    folder = tmp_path / "run"
    with pytest.raises(Stop):
        evolve(run_config(folder), stop_after(1))
    before = hashes(folder)
    with pytest.raises(ValueError, match="already holds a run: choose another --out, or continue it"):
        evolve(run_config(folder))
    with RunLock(folder), pytest.raises(RunInUse, match="is in use by another process"):
        resume(folder)
    assert hashes(folder) == before
    with pytest.raises(ValueError, match="is no run folder"):
        resume(tmp_path / "nowhere")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(ValueError, match=r"must be a new or an empty folder, but .*mine holds other files"):
        evolve(run_config(tmp_path / "mine"))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def few_checkpoints(folder: Path, **changes: object) -> RunConfig:
    """Ten quick generations of which every third is a checkpoint."""
    options = {"generations": 10, "checkpoint_every": 3, "keep_checkpoints": 2, "live_worlds": 1} | changes
    return tiny("describe", out=str(folder), population=2, learning=NO_LEARNING, **options)


NO_LEARNING = {"fine_tuning": False}


def start_or_resume(config: RunConfig, listener: Callable[[Report], None] | None = None) -> Path:
    folder = Path(str(config.out))
    return resume(folder, on_generation=listener) if folder.exists() else evolve(config, listener)


def test_what_interruptions_save_makes_place_for_what_an_unstopped_run_keeps(tmp_path: Path):
    options = {"seed": 3, "live_worlds": 8, "generations": 11}
    whole = evolve(few_checkpoints(tmp_path / "whole", **options))
    # the last two that are due, and the fittest one
    assert [path.name for path in list_checkpoints(whole / "checkpoints")] == ["000003", "000009", "000011"]
    config = few_checkpoints(tmp_path / "stopped", **options)
    for end in (1, 4, 9):

        def interrupt(report: Report, end: int = end) -> None:
            if report.generation == end and not report.text:
                press_ctrl_c()

        with pytest.raises(Interrupted, match=f"saved after generation {end + 1} of 11"):
            start_or_resume(config, interrupt)
        assert find_checkpoint(tmp_path / "stopped").name == f"{end + 1:06d}"
    assert hashes(start_or_resume(config)) == hashes(whole)


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_who_interrupts_the_last_judgement_has_a_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = evolve(few_checkpoints(tmp_path / "whole", generations=2))
    real_judge = Society.judge

    def judge(society: Society) -> None:
        if society.generation == 2:
            press_ctrl_c()
        real_judge(society)

    monkeypatch.setattr(Society, "judge", judge)
    with pytest.raises(Interrupted, match="stopped when the run was whole; draw its pictures with `boxlings plot"):
        evolve(few_checkpoints(tmp_path / "stopped", generations=2))
    assert hashes(tmp_path / "stopped") == hashes(whole)


class Impatient(FullDisk):
    """A disk on which the user presses Ctrl-C twice while the operation number `room` goes on."""

    def take(self, *named: str) -> None:
        self.left -= 1
        if self.left == -1:
            press_ctrl_c()
            press_ctrl_c()


def test_who_presses_ctrl_c_twice_leaves_a_folder_that_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    options = {"generations": 2, "checkpoint_every": 1, "record_every": 1, "measure_every": 1}
    with monkeypatch.context() as patch:
        disk = Impatient(patch, 10**6)
        whole = evolve(few_checkpoints(tmp_path / "whole", **options))
    folder = tmp_path / "run"
    num_at_once = 0
    for room in random.Random(1).sample(range(10, 10**6 - disk.left), 12):
        shutil.rmtree(folder, ignore_errors=True)
        with monkeypatch.context() as patch:
            Impatient(patch, room)
            with pytest.raises((KeyboardInterrupt, Interrupted)) as stopped:
                evolve(few_checkpoints(folder, **options))
        num_at_once += stopped.type is KeyboardInterrupt
        assert find_and_check(folder)
        assert hashes(resume(folder)) == hashes(whole)
    assert num_at_once == 12


def test_checkpoints_lie_a_generation_of_learning_or_a_million_agent_steps_apart():
    def every(scenario: str, **changes: object) -> int | None:
        return filled_config(tiny(scenario, **changes)).checkpoint_every

    guide = scenarios.get("guide")
    steps = 256 * 32 * guide.num_agents * guide.num_steps
    assert every("guide", population=256, live_worlds=32) == 1
    alone = {"live_worlds": 32, "learning": NO_LEARNING}
    assert every("guide", population=256, **alone) == max(1, 1_000_000 // steps)
    assert every("guide", population=8, **alone) == 1_000_000 // (steps // 32)
    assert every("guide", population=2048, **alone) == 2048 * 4_000 // (8 * steps) == 2
    assert every("guide", population=2048, **alone | {"live_worlds": 128}) == 1
    assert every("guide", checkpoint_every=7) == every("guide", checkpoint_every=7, **alone) == 7


def test_full_measurements_are_twenty_in_long_runs_without_learning():
    def every(generations: int | None, **changes: Any) -> int | None:
        return filled_config(RunConfig(generations=generations, **changes)).measure_every

    alone = {"learning": LearningConfig(fine_tuning=False)}
    assert every(None, **alone) == every(75, **alone) == every(1000) == every(None) == 4
    assert every(1000, **alone) == 50
    assert every(1000, measure_every=3, **alone) == 3


def test_a_clock_that_jumps_changes_nothing(whole: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    scenario, folder = whole
    rng = random.Random(0)
    asked = []

    def jumping() -> float:
        asked.append(rng.uniform(-1e9, 4e9))
        return asked[-1]

    monkeypatch.setattr("time.time", jumping)
    monkeypatch.setattr("time.time_ns", lambda: int(1e9 * jumping()))
    with pytest.raises(Stop):
        evolve(run_config(tmp_path / "run", scenario), stop_after(2))
    resume(tmp_path / "run")
    assert hashes(tmp_path / "run") == hashes(folder)
    timing = read_records(tmp_path / "run" / "timing.parquet", SCHEMAS["timing"]).to_pylist()
    assert all(0 <= row["value"] < 1e8 for row in timing)


# ---- recordings within a bound ----


def test_recordings_within_a_bound_are_the_same_however_often_the_run_is_stopped(tmp_path: Path):
    options = {"record_megabytes": 0.07, "record_every": 1, "measure_every": 1, "checkpoint_every": 2}

    def size(folder: Path) -> int:
        return sum(path.stat().st_size for room in ("episodes", "languages") for path in (folder / room).iterdir())

    sizes = []
    config = few_checkpoints(tmp_path / "whole", **options)
    whole = evolve(config, lambda report: sizes.append(size(tmp_path / "whole")) if not report.text else None)
    assert 40_000 < max(sizes) <= 70_000
    kept = [int(path.stem) for path in sorted((whole / "episodes").iterdir())]
    assert kept[0] == 0
    assert kept[-1] == 10
    assert 2 < len(kept) < 8
    config = few_checkpoints(tmp_path / "stopped", **options)
    for stop in (3, 7, 9):
        with pytest.raises(Stop):
            start_or_resume(config, stop_after(stop))
    assert hashes(start_or_resume(config)) == hashes(whole)


# ---- memory ----


def test_memory_does_not_grow_with_generations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("evolution.storage.ROWS_A_GROUP", 128)
    held: dict[int, int] = {}

    def listen(report: Report) -> None:
        if report.text or report.generation not in (20, 40, 80):
            return
        gc.collect()
        if report.generation == 20:
            tracemalloc.start()
        held[report.generation] = tracemalloc.get_traced_memory()[0] + pa.total_allocated_bytes()

    try:
        config = few_checkpoints(tmp_path / "run", generations=81, record_megabytes=0.0, measure_every=25)
        evolve(replace(config, population=16), listen)
    finally:
        tracemalloc.stop()
    assert held[80] - held[40] < 80_000  # mesa alone would collect 100,000


# ---- full disks ----


def test_a_full_disk_stops_a_run_that_goes_on_to_the_same_bytes_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    options = {"generations": 2, "checkpoint_every": 1, "record_every": 1, "measure_every": 1}
    with monkeypatch.context() as patch:
        disk = FullDisk(patch, 10**6)
        whole = evolve(few_checkpoints(tmp_path / "whole", **options))
    num_operations = 10**6 - disk.left
    assert num_operations > 150
    folder = tmp_path / "run"
    for room in random.Random(0).sample(range(num_operations), 12):
        shutil.rmtree(folder, ignore_errors=True)
        with monkeypatch.context() as patch:
            FullDisk(patch, room)
            with pytest.raises(OSError, match="No space left on device") as error:
                evolve(few_checkpoints(folder, **options))
        assert str(folder) in str(error.value)
        assert find_and_check(folder)
        if (folder / "config.toml").exists():
            if room > 20:
                assert error.value.__notes__ == [f"when that is mended, go on with `boxlings resume {folder}`"]
            resume(folder)
        else:
            evolve(few_checkpoints(folder, **options))
        assert hashes(folder) == hashes(whole)


def find_and_check(folder: Path) -> bool:
    """Whether every checkpoint that there is, and every table, is whole."""
    for path in list_checkpoints(folder / "checkpoints"):
        read_checkpoint(path)
    for name, schema in SCHEMAS.items():
        if (folder / f"{name}.parquet").exists():
            read_records(folder / f"{name}.parquet", schema)
    return True


# ---- damaged ----


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_anywhere_in_a_checkpoint_makes_the_one_before_be_used(whole: tuple[str, Path], data):
    _, folder = whole
    newest, before = list_checkpoints(folder / "checkpoints")[:-3:-1]
    path = data.draw(st.sampled_from(sorted(newest.iterdir())), label="file")
    content = path.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(content) - 1), label="bit")
    flipped = bytearray(content)
    flipped[bit // 8] ^= 1 << bit % 8
    try:
        path.write_bytes(flipped)
        found, damages = _newest_usable(folder, 1)
    finally:
        path.write_bytes(content)
    assert found is not None
    assert found.path == before
    assert len(damages) == 1
    assert str(path) in damages[0]


@pytest.mark.parametrize("name", ["generations", "boxlings", "timing"])
def test_a_run_with_a_damaged_table_goes_on_to_the_same_bytes(whole: tuple[str, Path], tmp_path: Path, name: str):
    scenario, folder = whole
    with pytest.raises(Stop):
        evolve(run_config(tmp_path / "run", scenario), stop_after(3))
    flip_a_bit(tmp_path / "run" / f"{name}.parquet")
    told: list[str] = []
    resume(tmp_path / "run", on_generation=lambda report: told.append(report.text))
    assert any(f"{name}.parquet" in text for text in told)
    # its spare copy is that of the checkpoint before
    is_back = any(text.endswith("000002, of generation 2") for text in told)
    assert is_back == (name != "timing")
    assert hashes(tmp_path / "run") == hashes(folder)


def test_damaged_options_are_mended_from_their_spare_copy(tmp_path: Path):
    folder = evolve(few_checkpoints(tmp_path / "run", generations=1))
    options = (folder / "config.toml").read_bytes()
    flip_a_bit(folder / "config.toml")
    told: list[str] = []
    resume(folder, on_generation=lambda report: told.append(report.text))
    assert told[0] == f"{folder / 'config.toml'} was damaged, and is mended from its spare copy"
    assert (folder / "config.toml").read_bytes() == options
    resume(folder, generations=2)
    for path in (folder / "config.toml", folder / SPARE / "config.toml"):
        assert b"generations = 2\n" in path.read_bytes()
        flip_a_bit(path)
    with pytest.raises(DamagedFile, match=rf"{folder}/config.toml is damaged"):
        resume(folder)


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_run_killed_before_its_options_were_whole_never_began(tmp_path: Path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / f"{TEMPORARY}0-config.toml").write_text("seed = ")
    evolve(few_checkpoints(folder, generations=1))
    assert not list(folder.glob(f"{TEMPORARY}*"))


# ---- killed ----


def go_on(folder: Path, scenario: str) -> None:
    """Start the run, or go on with it."""
    if (folder / "config.toml").exists():
        resume(folder)
    else:
        evolve(run_config(folder, scenario))


def test_a_run_killed_at_random_moments_goes_on_to_the_same_bytes(whole: tuple[str, Path], tmp_path: Path):
    """By SIGKILL, which nobody can catch: checkpoint, tables and recordings are whole or not there.

    `benchmarks/kills.py` does the same a hundred times.
    """
    scenario, folder = whole
    rng = random.Random(f"{scenario} {NUM_KILLS}")
    num_kills, killed, process = 0, tmp_path / "killed", None
    # to its own end: one that is killed after its last generation was entered has not written the other tables yet
    while num_kills < NUM_KILLS or process is None or process.exitcode != 0:
        if process is not None and process.exitcode == 0:  # it was quicker than its killer
            shutil.rmtree(killed)
        process = FORK.Process(target=go_on, args=(killed, scenario))
        process.start()
        process.join(rng.uniform(0, 2) if num_kills < NUM_KILLS else None)
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
            process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        num_kills += process.exitcode == -signal.SIGKILL
    assert hashes(killed) == hashes(folder)


@pytest.mark.skipif(os.name == "nt", reason="signals of other systems")
def test_who_asks_twice_while_a_kernel_compiles_is_obeyed_once_it_has(monkeypatch: pytest.MonkeyPatch):
    compiles = [True]
    monkeypatch.setattr("evolution.run.is_compiling", lambda: compiles[0])
    monkeypatch.setattr("evolution.run.INSISTS_EVERY_SECONDS", 0.05)
    told: list[str] = []
    with stop_request(lambda: told.append("asked")) as is_asked_to_stop:
        signal.raise_signal(signal.SIGINT)
        assert is_asked_to_stop()
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.3)  # nothing happens to the compiler
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it comes from elsewhere
            compiles[0] = False
            time.sleep(10)
    assert told == ["asked"]


# ---- seeded ----


@pytest.mark.parametrize("population", [2, 4, 7])
def test_a_run_seeded_from_another_begins_with_its_boxlings(whole: tuple[str, Path], tmp_path: Path, population: int):
    scenario, folder = whole
    source = folder / "checkpoints" / "000003"
    _, _, theirs = load_population(source)
    fitness = read_checkpoint(source)[1]["fitness"]
    order = np.argsort(-np.nan_to_num(fitness, nan=-np.inf), kind="stable")
    seeded = evolve(
        run_config(tmp_path / "seeded", scenario, generations=1, population=population, seed_from=str(source), seed=9)
    )
    _, _, ours = load_population(seeded / "checkpoints" / "000000")
    num_exact = min(population, len(theirs))
    np.testing.assert_array_equal(ours[:num_exact], theirs[np.sort(order[:num_exact])])  # the fittest, as they sat
    for slot in range(num_exact, population):  # the rest are mutated copies, the fittest first
        original = theirs[order[slot % len(theirs)]]
        size = np.sqrt(np.mean(original.astype(np.float64) ** 2))
        assert 0 < np.sqrt(np.mean((ours[slot] - original).astype(np.float64) ** 2)) < 0.05 * size
    first = [
        row
        for row in read_records(seeded / "boxlings.parquet", SCHEMAS["boxlings"]).to_pylist()
        if row["generation"] == 0
    ]
    assert {row["origin"] for row in first} == {"seed"}
    assert {row["mother"] for row in first} == {NO_MOTHER}
    assert [row["boxling"] for row in first] == list(range(1, population + 1))


def test_the_same_population_seeded_lives_its_first_generation_as_well_as_the_checkpoint_promised(
    whole: tuple[str, Path], tmp_path: Path
):
    scenario, folder = whole
    seeded = evolve(run_config(tmp_path / "seeded", scenario, generations=1, seed_from=str(folder)))
    _, _, ours = load_population(seeded / "checkpoints" / "000000")
    _, _, theirs = load_population(folder)  # a run's folder means its newest checkpoint
    np.testing.assert_array_equal(ours, theirs)


def test_boxlings_of_another_make_are_refused_in_one_sentence(whole: tuple[str, Path], tmp_path: Path):
    scenario, folder = whole
    config = run_config(tmp_path / "new", scenario, seed_from=str(folder), policy={"width": 20})
    with pytest.raises(ValueError, match="width 12 instead of 20") as error:
        evolve(config)
    assert f"{folder / 'checkpoints' / '000004'} cannot seed scenario {scenario}" in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "new").exists()
    other = {"guide": "name", "name": "guide"}[scenario]
    with pytest.raises(ValueError, match=f"cannot seed scenario {other}: its boxlings are of another make"):
        evolve(run_config(tmp_path / "new", other, seed_from=str(folder)))


def test_a_seed_that_is_no_checkpoint_is_refused(whole: tuple[str, Path], tmp_path: Path):
    scenario, _ = whole
    with pytest.raises(ValueError, match="expected a run or a checkpoint folder"):
        evolve(run_config(tmp_path / "new", scenario, seed_from=str(tmp_path)))
    with pytest.raises(ValueError, match=r"expected a run or a checkpoint folder|is missing") as error:
        evolve(run_config(tmp_path / "new", scenario, seed_from=str(tmp_path / "nowhere")))
    assert isinstance(error.value, DamagedFile | ValueError)
    assert not (tmp_path / "new").exists()


def test_a_device_that_is_not_there_is_refused_before_anything_is_written(tmp_path: Path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(ValueError, match="device must be cpu here, got cuda"):
        evolve(replace(run_config(tmp_path / "run"), device="cuda"))
    assert not (tmp_path / "run").exists()
