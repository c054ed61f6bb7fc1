"""What is exported is what was recorded."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import export
from analysis.run import Run
from analysis.story import message_in_words
from world.codes import Act


def with_channel(run: Run) -> Run:
    return replace(run, config=run.config | {"channel": {"num_symbols": 9, "hearing_radius_cells": 0}})


def test_every_table_can_be_had_as_pandas(talking_run: Run) -> None:
    tables = talking_run.tables()
    assert list(tables) == [
        "measures", "generations", "timing", "boxlings", "lineage", "lexicon", "languages", "episodes", "steps",
    ]  # fmt: skip
    assert all(len(table) and table.index.equals(pd.RangeIndex(len(table))) for table in tables.values())
    assert tables["generations"]["generation"].tolist() == list(range(12))
    births = tables["lineage"].set_index("boxling")
    assert births.loc[16, "mother"] == talking_run.lineage.birth(16).mother
    assert births["clan"].nunique() == 7
    told = tables["languages"].query("generation == 8 and split == 'train' and boxling == 8")
    language = talking_run.language(8)
    assert told["message"].tolist() == [message_in_words(said) for said in language.of(8).tolist()]
    assert told.iloc[0]["colour"] == "blue"
    lexicon = tables["lexicon"].query("generation == 8 and position == 2 and symbol == 5")
    assert (lexicon["value"].item(), lexicon["probability"].item()) == ("up", 1.0)


def test_episodes_and_steps_tell_what_happened(run: Run) -> None:
    tables = run.tables()
    row = run.episode(4, 1)
    episode = tables["episodes"].query("generation == 4 and episode == 1").iloc[0]
    assert (episode["is_won"], episode["num_steps"], episode["channel"]) == (row["is_won"], row["over_at"], "mute")
    assert episode["guide"] == row["boxlings"][row["role"].index(0)]
    assert episode["reward"] == pytest.approx(np.sum(row["rewards"]))
    steps = tables["steps"].query("generation == 4 and episode == 1")
    assert len(steps) == row["over_at"] * len(row["role"])
    for agent, boxling in enumerate(row["boxlings"]):
        own = steps[steps["boxling"] == boxling]
        assert own["reward"].tolist() == [rewards[agent] for rewards in row["rewards"]]
        if row["agent_body"][agent]:
            assert own["act"].tolist() == [Act(acts[agent]).name.lower() for acts in row["actions"]]
        assert own["says"].tolist() == [message_in_words(said[agent]) for said in row["said"]]


@pytest.mark.parametrize(("file_format", "read"), [("csv", pd.read_csv), ("parquet", pd.read_parquet)])
def test_tables_come_back_from_files(talking_run: Run, tmp_path: Path, file_format: str, read) -> None:
    paths = export.write_tables(talking_run, tmp_path / "out", file_format)
    assert [path.name for path in paths] == [f"{name}.{file_format}" for name in talking_run.tables()]
    for path, table in zip(paths, talking_run.tables().values(), strict=True):
        found = read(path)
        assert list(found) == list(table)
        for column in table:
            # a text of nothing is a gap in csv
            expected = table[column].replace("", None) if file_format == "csv" else table[column]
            if pd.api.types.is_numeric_dtype(table[column]):
                np.testing.assert_allclose(found[column].to_numpy(float), expected.to_numpy(float))
            else:
                assert found[column].astype(str).tolist() == expected.astype(str).tolist() or file_format == "csv"
    with pytest.raises(ValueError, match="csv or parquet, got 'xls'"):
        export.write_tables(talking_run, tmp_path / "no", "xls")


@pytest.mark.parametrize("file_format", export.FORMATS)
def test_a_runs_own_files_are_never_replaced(talking_run: Run, file_format: str) -> None:
    before = {path: path.read_bytes() for path in talking_run.folder.rglob("*") if path.is_file()}
    run = with_channel(talking_run)
    write = {"minari": export.write_minari, "tensorboard": export.write_events}.get(
        file_format, lambda run, folder: export.write_tables(run, folder, file_format)
    )
    for folder in (run.folder, run.folder / "episodes"):
        with pytest.raises(ValueError, match="holds a run's own files"):
            write(run, folder)
    assert before == {path: path.read_bytes() for path in talking_run.folder.rglob("*") if path.is_file()}


def test_empty_tables_have_headers(run: Run, talking_run: Run) -> None:
    full = talking_run.tables()
    for room in ("episodes", "languages"):
        for path in (run.folder / room).glob("*"):
            path.unlink()
    empty = run.tables()
    for name in ("lexicon", "languages", "episodes", "steps"):
        assert not len(empty[name])
        assert list(empty[name]) == list(full[name])


def test_a_damaged_recording_stops_an_export_before_it_begins(run: Run, tmp_path: Path) -> None:
    (run.folder / "episodes" / "000004.parquet").write_bytes(b"half a file")
    with pytest.raises(ValueError, match=r"000004\.parquet"):
        export.write_tables(run, tmp_path / "out", "csv")
    assert not (tmp_path / "out").exists()


def test_tensorboard_events_hold_every_measure(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    from tensorboardX.event_file_writer import EventsWriter  # noqa: F401 - the format is its own
    from tensorboardX.proto.event_pb2 import Event

    for _ in range(2):  # the second one takes the place of the first
        path = export.write_events(run, tmp_path / "events")
    assert [each.name for each in (tmp_path / "events").iterdir()] == [path.name]
    data, found, times = path.read_bytes(), {}, {}
    while data:  # length (8 bytes), its checksum (4), the event, its checksum (4)
        length = int.from_bytes(data[:8], "little")
        event = Event.FromString(data[12 : 12 + length])
        data = data[16 + length :]
        for value in event.summary.value:
            found[value.tag, event.step] = value.simple_value
            times[event.step] = event.wall_time
    measures = pd.concat([run.measures, run.timing])
    assert len(found) == len(measures)
    for row in measures.itertuples(index=False):
        assert found[export.tag_of(row.name), row.generation] == pytest.approx(row.value, rel=1e-6)
    assert times[11] - times[0] == pytest.approx(22.0)  # two seconds a generation


def test_events_of_a_run_that_goes_on_are_added_to_the_file_that_is_being_read(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    early = {
        name: table[table["generation"] <= 7] for name, table in (("measures", run.measures), ("timing", run.timing))
    }
    earlier = replace(run, **early)
    path = export.write_events(earlier, tmp_path)
    begun, inode = path.read_bytes(), path.stat().st_ino
    export.write_events(run, tmp_path)
    assert path.stat().st_ino == inode
    assert path.read_bytes().startswith(begun)
    whole = export.write_events(run, tmp_path / "whole").read_bytes()
    head = 16 + int.from_bytes(whole[:8], "little")  # what holds the time of writing
    assert path.read_bytes()[head:] == whole[head:]
    export.write_events(earlier, tmp_path)  # another history takes its place
    assert path.read_bytes()[head:] == begun[head:]


def test_a_minari_dataset_is_refused_where_the_simulator_gives_other_rewards(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("minari")
    from evolution.records import write_episodes

    rows = run.episodes(4)
    row = next(row for row in rows if row["channel"] == "on")
    row["rewards"][0][0] += 1.0
    write_episodes(run.folder / "episodes" / "000004.parquet", rows)
    with pytest.raises(ValueError, match=f"generation 4, episode {row['episode']}, step 1 has rewards"):
        export.write_minari(with_channel(run), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_datasets_of_the_arms_of_a_study_have_names_of_their_own(tmp_path: Path, copy_of_run) -> None:
    pytest.importorskip("minari")
    from analysis.run import load_run

    names = set()
    for arm in ("sharing", "alone"):
        (tmp_path / arm).mkdir()
        run = load_run(copy_of_run(tmp_path / arm / "1", "guide"))
        names.add(export.write_minari(with_channel(run), tmp_path / "out")[1])
    assert names == {"boxlings/guide-sharing-1-v0", "boxlings/guide-alone-1-v0"}


@pytest.mark.parametrize("scenario", ["guide", "name", "refer"])
def test_a_minari_dataset_holds_every_agents_side_of_the_episodes(
    tmp_path: Path, copy_of_run, scenario: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    minari = pytest.importorskip("minari")
    from analysis.run import load_run

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "elsewhere"))
    run = with_channel(load_run(copy_of_run(tmp_path / "a run", scenario)))
    root, name, number = export.write_minari(run, tmp_path / "data")
    export.write_minari(run, tmp_path / "data")  # the second one takes the place of the first
    assert os.environ["MINARI_DATASETS_PATH"] == str(tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()
    assert name == f"boxlings/{scenario}-a-run-v0"
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root))
    dataset = minari.load_dataset(name)
    rows = [row for g in run.generation_numbers for row in run.episodes(g) if row["channel"] == "on"]
    assert dataset.total_episodes == number == sum(len(row["role"]) for row in rows)
    sides = [(row, agent) for row in rows for agent in range(len(row["role"]))]
    for (row, agent), episode in zip(sides, dataset.iterate_episodes(), strict=True):
        num_steps = row["over_at"]
        assert len(episode.actions) == num_steps
        assert episode.actions[:, 0].tolist() == [acts[agent] for acts in row["actions"][:num_steps]]
        np.testing.assert_allclose(episode.rewards, [rewards[agent] for rewards in row["rewards"][:num_steps]])
        assert (episode.terminations | episode.truncations).tolist() == [False] * (num_steps - 1) + [True]
        assert set(episode.observations) == set(dataset.observation_space.keys())
        for step in range(num_steps + 1):
            sensed = {part: values[step] for part, values in episode.observations.items()}
            assert dataset.observation_space.contains(sensed)
        assert (np.asarray(episode.observations["role"]) == row["role"][agent]).all()
        others = [other for other in range(len(row["role"])) if other != agent]
        heard = [symbol for other in others for symbol in row["said"][0][other]]
        assert np.asarray(episode.observations["heard"])[1].tolist() == heard


@pytest.mark.parametrize(
    ("package", "write", "extra"),
    [("minari", export.write_minari, "minari"), ("tensorboardX", export.write_events, "tensorboard")],
)
def test_a_missing_package_is_named(run: Run, tmp_path: Path, monkeypatch, package: str, write, extra: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=rf"pip install 'boxlings\[{extra}\]'"):
        write(with_channel(run), tmp_path / "out")
    assert not (tmp_path / "out").exists()
