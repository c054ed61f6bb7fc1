"""A run's data for other programs: tables as pandas, CSV or Parquet, episodes as a Minari dataset, TensorBoard events.

Minari: Younis et al. 2024, https://minari.farama.org. TensorBoard's event files are written by tensorboardX. Both are
optional: `pip install 'boxlings[minari]'` and `pip install 'boxlings[tensorboard]'`.
"""

from __future__ import annotations

import io
import math
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.run import Run
from analysis.story import message_in_words, num_steps_of, scenario_of, tell
from evolution.storage import DamagedFile, write_bytes
from language.vocabulary import LexiconRow, lexicon_of
from world import scenarios
from world.codes import Act, Role
from world.scenarios.base import Scenario

FORMATS = ("csv", "parquet", "minari", "tensorboard")
# headers of tables without rows
_LEXICON = ("generation", "boxling", *LexiconRow.__annotations__)
_EPISODE = [
    "generation", "episode", "scenario", "split", "channel", "world_number", "height", "width", "goal", "guide",
    "boxlings", "num_steps", "is_won", "reward",
]  # fmt: skip
_STEP = [
    "generation", "episode", "step", "agent", "boxling", "role", "act", "says", "believes", "is_right", "reward",
    "changes",
]  # fmt: skip
_EVENTS = "events.out.tfevents.0.boxlings"  # TensorBoard reads what has "tfevents" in its name


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Everything a run recorded, as tables without an index.

    measures (generation, name, value) and the same wide as generations; timing; boxlings (a row a boxling and
    generation); lineage (a row a birth); lexicon (a row a symbol, place and recorded generation, of the fittest);
    languages (a row a generation, boxling and meaning); episodes; steps (a row an episode, step and agent).
    """
    found = {
        "measures": run.measures,
        "generations": run.generations.reset_index(),
        "timing": run.timing,
        "boxlings": run.boxlings,
        "lineage": _lineage(run),
        "lexicon": _lexicon(run),
        "languages": _languages(run),
    }
    rows = run.all_episodes()
    return found | {
        "episodes": pd.DataFrame([_episode(row) for row in rows], columns=_EPISODE if not rows else None),
        "steps": pd.DataFrame([step for row in rows for step in _steps(row)], columns=_STEP if not rows else None),
    }


def write_tables(run: Run, folder: str | Path, file_format: str) -> list[Path]:
    """Write every table as csv or parquet into a folder, each whole or not at all; returns their paths."""
    if file_format not in ("csv", "parquet"):
        raise ValueError(f"file_format must be csv or parquet, got {file_format!r}")
    folder = _free_of_runs(folder)
    found = tables(run)  # first, so that nothing is half-written where a recording is damaged
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, table in found.items():
        file = io.BytesIO()
        if file_format == "csv":
            table.to_csv(file, index=False)
        else:
            table.to_parquet(file, index=False)
        paths.append(folder / f"{name}.{file_format}")
        write_bytes(paths[-1], file.getvalue())
    return paths


def write_events(run: Run, folder: str | Path) -> Path:
    """Write every measure as TensorBoard scalars, in place of what this wrote there before; returns the file.

    The founder's childhood has negative steps. The time of a generation is that of the run's beginning and the seconds
    that it took since.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise ValueError(
            "TensorBoard events need tensorboardX, which is not installed: pip install 'boxlings[tensorboard]'"
        ) from None
    folder = _free_of_runs(folder)
    seconds = run.timing[run.timing["name"] == "wall_seconds"].set_index("generation")["value"].cumsum()
    began = (run.folder / "config.toml").stat().st_mtime
    with tempfile.TemporaryDirectory() as temporary:
        with SummaryWriter(temporary, write_to_disk=True) as writer:
            # by generation, so that what is new comes last
            for row in pd.concat([run.measures, run.timing]).sort_values("generation", kind="stable").itertuples():
                if np.isfinite(row.value):
                    when = began + float(seconds.get(row.generation, 0.0))
                    writer.add_scalar(tag_of(row.name), row.value, row.generation, walltime=when)
        (events,) = Path(temporary).glob("*tfevents*")
        data = events.read_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _EVENTS
    old = path.read_bytes() if path.is_file() else b""
    # the first record, a length of 8 bytes, so much data and two checksums of 4 bytes, holds the time of writing
    head = 16 + int.from_bytes(data[:8], "little")
    if len(old) >= head and (old[:head] + data[head:]).startswith(old):
        with path.open("ab") as file:  # a TensorBoard that reads it goes on, and would not see another file
            file.write(data[len(old) :])
    else:
        write_bytes(path, data)
    return path


def tag_of(name: str) -> str:
    """The tag of a measure, by whose first word TensorBoard groups.

    >>> tag_of("success_held_out"), tag_of("expert_use/heard/expert_0"), tag_of("agreement")
    ('success/held_out', 'expert_use/heard/expert_0', 'agreement')
    """
    return name if "/" in name else name.replace("_", "/", 1)


def write_minari(run: Run, folder: str | Path) -> tuple[Path, str, int]:
    """Write recorded episodes as a Minari dataset; returns its root, its name and how many episodes it has.

    Every agent of an episode is an episode of its own, since each senses and acts for itself; spaces are those of the
    worlds' Gymnasium face (`world.faces`). What was sensed is simulated again. Minari finds it with
    MINARI_DATASETS_PATH set to the root.
    """
    try:
        import minari
        from minari.data_collector import EpisodeBuffer

        from world.faces import Stage
    except ImportError as missing:
        raise ValueError(
            f"a Minari dataset needs minari and the worlds' faces: pip install 'boxlings[minari]' ({missing})"
        ) from None
    folder = _free_of_runs(folder)
    rows = [row for row in run.all_episodes() if row["channel"] == "on"]
    if not rows:
        raise ValueError(f"{run.folder} has no recorded episodes to export")
    stages: dict[str, Any] = {}
    for split in dict.fromkeys(row["split"] for row in rows):
        stages[split] = Stage(
            scenario_of(rows[0]), 1, split=split, message_length=len(rows[0]["said"][0][0]),
            num_symbols=run.config["channel"]["num_symbols"],
            hearing_radius_cells=run.config["channel"]["hearing_radius_cells"],
        )  # fmt: skip
    buffers: list[EpisodeBuffer] = []
    for row in rows:
        for told in _sensed(row, stages[row["split"]]):
            buffers.append(EpisodeBuffer(id=len(buffers), seed=row["world_number"], **told))
    any_stage = next(iter(stages.values()))
    parts = run.folder.resolve().parts
    # of a study, the arm as well, as every arm has the same seeds
    own = "-".join(parts[-2:]) if re.fullmatch(r"(seed\W*)?\d+", parts[-1]) else parts[-1]
    words = [re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "run" for text in (rows[0]["scenario"], own)]
    name = f"boxlings/{'-'.join(words)}-v0"
    with tempfile.TemporaryDirectory() as temporary, _datasets_in(temporary), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it misses an environment's id and its author's address
        minari.create_dataset_from_buffers(
            name, buffers, observation_space=any_stage.observation_space(), action_space=any_stage.action_space(),
            algorithm_name="evolution and lifetime learning", data_format="arrow",
            description=f"Every agent of the recorded episodes of a boxlings run of scenario {rows[0]['scenario']}.",
        )  # fmt: skip
        made, place = Path(temporary, name), folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        new, old = (place.with_name(f".{which}-{place.name}") for which in ("new", "old"))
        for each in (new, old):
            shutil.rmtree(each, ignore_errors=True)
        shutil.copytree(made, new)
        if place.exists():
            os.rename(place, old)
        os.rename(new, place)
        shutil.rmtree(old, ignore_errors=True)
    return folder, name, len(buffers)


# ---- parts ----


def best_checkpoint(run: Run) -> Path:
    """The checkpoint of the fittest generation among those that are kept, the newest of equals.

    A checkpoint's number is that of the generation in which its boxlings were judged. ValueError where there is none.
    """
    fitness = run.generations["fitness_mean"].fillna(-math.inf) if len(run.generations) else {}
    if not run.checkpoints:
        raise ValueError(f"{run.folder} has no undamaged checkpoint, so there is no model to export")
    return max(run.checkpoints, key=lambda path: (fitness.get(int(path.name), -math.inf), path.name))


def _free_of_runs(folder: str | Path) -> Path:
    """The folder; ValueError where it is a run's, or a part of one, whose files have the same names."""
    folder = Path(folder)
    own = folder.resolve()
    for run in (own, own.parent):
        if (run / "config.toml").is_file() and (run == own or own.name in ("checkpoints", "episodes", "languages")):
            raise ValueError(
                f"data cannot be written into {folder}, which holds a run's own files: name another folder"
            )
    return folder


def _lineage(run: Run) -> pd.DataFrame:
    births = [asdict(run.lineage.birth(int(each))) for each in run.lineage.boxlings]
    clans = run.lineage.clans()
    return pd.DataFrame(births).assign(clan=clans)


def _scenario(run: Run) -> Scenario:
    return scenarios.get(str(run.config["scenario"]))


def _lexicon(run: Run) -> pd.DataFrame:
    """What the symbols of the fittest mean, in every recorded generation."""
    rows: list[dict[str, Any]] = []
    for generation in run.language_generations:
        language = run.language(generation)
        boxling = run.fittest(language)
        found = lexicon_of(language.meanings, language.of(boxling), _scenario(run).attributes)
        rows += [{"generation": generation, "boxling": boxling, **row} for row in found]
    return pd.DataFrame(rows, columns=_LEXICON if not rows else None)


def _languages(run: Run) -> pd.DataFrame:
    """What every boxling would say first of every meaning, in words."""
    parts = []
    for generation in run.language_generations:
        for split in ("train", "held-out"):
            try:
                language = run.language(generation, split)
            except DamagedFile:
                raise
            except ValueError:  # nothing is held out there, or a run that goes on made room
                continue
            num_speakers, num_meanings, _ = language.messages.shape
            meanings = {
                attribute.name: np.tile(np.array(attribute.values, object)[column], num_speakers)
                for attribute, column in zip(_scenario(run).attributes, language.meanings.T, strict=True)
            }
            parts.append(
                pd.DataFrame(
                    {
                        "generation": generation,
                        "boxling": np.repeat(language.boxlings, num_meanings),
                        "split": split,
                        **meanings,
                        "message": [message_in_words(said) for each in language.messages.tolist() for said in each],
                    }
                )
            )
    if parts:
        return pd.concat(parts, ignore_index=True)
    return pd.DataFrame(
        columns=["generation", "boxling", "split", *(a.name for a in _scenario(run).attributes), "message"]
    )


def _episode(row: dict) -> dict[str, Any]:
    same = ("generation", "episode", "scenario", "split", "channel", "world_number", "height", "width")
    guides = [boxling for boxling, role in zip(row["boxlings"], row["role"], strict=True) if role == Role.GUIDE]
    return {name: row[name] for name in same} | {
        "goal": scenario_of(row).meaning_in_words(np.array(row["goal"])),
        "guide": guides[0] if guides and scenario_of(row).has_guide else -1,
        "boxlings": " ".join(map(str, row["boxlings"])),
        "num_steps": num_steps_of(row),
        "is_won": row["is_won"],
        "reward": float(np.sum(row["rewards"])),
    }


def _steps(row: dict) -> Iterator[dict[str, Any]]:
    """What every agent did in every step of an episode, in words."""
    story = tell(row)
    for frame in story.frames[1:]:
        for seat, turn, (letter, _) in zip(story.seats, frame.turns, story.agents, strict=True):
            yield {
                "generation": row["generation"],
                "episode": row["episode"],
                "step": frame.step,
                "agent": letter,
                "boxling": row["boxlings"][seat],
                "role": Role(row["role"][seat]).name.lower(),
                "act": Act(row["actions"][frame.step - 1][seat]).name.lower() if row["agent_body"][seat] else "",
                "says": turn.says,
                "believes": ", ".join(f"{belief.attribute} {belief.value}" for belief in turn.believes),
                "is_right": all(belief.is_right for belief in turn.believes) if turn.believes else None,
                "reward": row["rewards"][frame.step - 1][seat],
                "changes": "; ".join(frame.changes),
            }


def _sensed(row: dict, stage: Any) -> list[dict[str, Any]]:
    """What each agent of an episode sensed, did and got, as a Minari buffer holds it."""
    stage.reset(row["world_number"])
    num_agents, num_steps = len(row["role"]), num_steps_of(row)
    told: list[dict[str, Any]] = [
        {"observations": {}, "actions": [], "rewards": [], "terminations": [], "truncations": [], "infos": {}}
        for _ in range(num_agents)
    ]

    def look() -> None:
        for part, values in stage.observe().items():
            for agent in range(num_agents):
                told[agent]["observations"].setdefault(part, []).append(values[0, agent])

    look()
    for t in range(num_steps):
        acts = np.zeros((1, num_agents, len(stage.act_sizes)), np.int64)
        acts[0, :, 0] = row["actions"][t]
        acts[0, :, 1 : 1 + stage.message_length] = row["said"][t]
        if stage.scenario.is_decided_by_answers:
            acts[0, :, 1 + stage.message_length :] = row["answers"][t]
        reward, is_decided, ran_out = stage.step(acts)
        if not np.array_equal(reward[0].astype(np.float32), np.array(row["rewards"][t], np.float32)):
            raise DamagedFile(
                f"generation {row['generation']}, episode {row['episode']}, step {t + 1} has rewards "
                f"{row['rewards'][t]}, and the simulator gives {reward[0].tolist()}: "
                "`boxlings replay RUN --verify` tells more"
            )
        look()
        for agent in range(num_agents):
            told[agent]["actions"].append(acts[0, agent])
            told[agent]["rewards"].append(float(reward[0, agent]))
            told[agent]["terminations"].append(bool(is_decided[0]))
            # an episode ends where its recording does
            told[agent]["truncations"].append(bool(ran_out[0]) or (t == num_steps - 1 and not is_decided[0]))
    return told


@contextmanager
def _datasets_in(folder: str | Path) -> Iterator[None]:
    """Minari's datasets lie in this folder; afterwards where they did before."""
    before = os.environ.get("MINARI_DATASETS_PATH")
    os.environ["MINARI_DATASETS_PATH"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["MINARI_DATASETS_PATH"]
        else:
            os.environ["MINARI_DATASETS_PATH"] = before
