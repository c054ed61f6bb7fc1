"""Checks recordings against the simulator: from the same start, the same acts give the same all."""

from __future__ import annotations

import numpy as np

from analysis.run import Run
from analysis.story import scenario_of, start_of
from evolution.storage import DamagedFile
from world.recording import Scene, record, replay, scene_of, start_columns
from world.state import Worlds

_MAX_PROBLEMS_SHOWN = 5  # of one episode: a tampered act makes every later step differ


def verify_episode(row: dict) -> list[str]:
    """What in an episode row the simulator does not confirm, one sentence each; [] when all is.

    The start must be the world of that number; the recorded acts and answers, simulated again from there,
    must give the recorded edits, rewards and outcome; and the edits, decoded, must give the simulated states.
    What has no consequences in the world (messages, an act without a body) can only be checked for nonsense.
    """
    try:
        simulated = scenario_of(row).generate(np.array([row["world_number"]]), row["split"])
        start_of(row)
    except (ValueError, OverflowError) as error:  # of a tampered row; the sentence says which value
        return [f"the start cannot be made: {error}"]
    problems = _compare_starts(simulated, row)
    nonsense = _nonsense(row)
    if nonsense:
        return problems + nonsense
    return problems + _compare_steps(row, simulated)


def verify_run(run: Run) -> tuple[int, list[str]]:
    """Verify every recorded episode of a run, those of ancestors too: their number, and the problems found, and where.

    Of an ancestor's episode only the outcome is recorded besides what was done: that, and its end, are compared.
    """
    num_episodes = 0
    problems = []
    for generation in run.generation_numbers:
        try:
            rows = run.episodes(generation)
        except DamagedFile as error:
            problems.append(str(error))
            continue
        for row in rows:
            num_episodes += 1
            found = verify_episode(row)
            if row["generation"] != generation:
                found.insert(0, f"generation is {row['generation']}, expected {generation}")
            where = f"episodes/{generation:06d}.parquet, episode {row['episode']}"
            problems += [f"{where}: {problem}" for problem in found[:_MAX_PROBLEMS_SHOWN]]
            if len(found) > _MAX_PROBLEMS_SHOWN:
                problems.append(f"{where}: and {len(found) - _MAX_PROBLEMS_SHOWN} more problems")
    try:
        remembered = run.remembered
    except DamagedFile as error:
        return num_episodes, [*problems, str(error)]
    for boxling in remembered:
        num_episodes += 1
        try:
            run.ancestor_episode(boxling)
        except DamagedFile as error:
            problems.append(str(error))
    return num_episodes, problems


def _compare_starts(made: Worlds, row: dict) -> list[str]:
    """How a recorded start differs from the scenario's world of that number."""
    problems = []
    for name, expected in start_columns(made, 0).items():
        expected, got = np.atleast_1d(expected), np.atleast_1d(row[name])
        if expected.shape != got.shape:
            problems.append(f"the start's {name} has shape {got.shape}, expected {expected.shape}")
        elif not np.array_equal(expected, got):
            where = int(np.flatnonzero(expected != got)[0])
            problems.append(f"the start's {name}[{where}] is {got[where]}, expected {expected[where]}")
    return problems


def _nonsense(row: dict) -> list[str]:
    """Steps that are missing, and acts and symbols that there are none of."""
    num_steps = row["num_steps"]
    last = scenario_of(row).num_actions - 1
    problems = [
        f"{len(row[name])} steps of {name} are recorded, expected {num_steps}"
        for name in ("actions", "said", "answers", "rewards", "edits", "bodies")
        if len(row[name]) != num_steps
    ]
    for t, acts in enumerate(row["actions"]):
        problems += [f"step {t + 1} has act {act}, expected 0 to {last}" for act in acts if not 0 <= act <= last]
    for t, messages in enumerate(row["said"]):
        if any(symbol < 0 for message in messages for symbol in message):
            problems.append(f"step {t + 1} has a symbol below 0")
    return problems + _misshapen(row)


def _misshapen(row: dict) -> list[str]:
    """What is recorded of attention and experts that does not fit the steps, agents and cells of the episode."""
    num_steps, num_agents, num_cells = row["num_steps"], len(row["role"]), row["height"] * row["width"]
    problems = []
    for name in ("attention", "expert_use"):
        steps = row[name]
        if not steps:  # of an older recording, or an ancestor
            continue
        if len(steps) != num_steps or any(len(agents) != num_agents for agents in steps):
            problems.append(f"{name} is not that of {num_agents} agents in {num_steps} steps")
            continue
        lengths = {len(values) for agents in steps for values in agents}
        if name == "attention" and not lengths <= {0, num_cells}:
            problems.append(f"attention has {sorted(lengths)} cells, expected 0 or {num_cells}")
        if name == "expert_use" and len(lengths) > 1:
            problems.append(f"expert_use has {sorted(lengths)} experts, expected the same number everywhere")
    return problems


def _compare_steps(row: dict, simulated: Worlds) -> list[str]:
    """Live the acts again from `simulated`, decode the edits from the recorded start, and compare."""
    scenario = scenario_of(row)
    problems: list[str] = []
    decoded: Scene | None = start_of(row)
    after = scene_of(simulated, 0)
    over_at = -1
    for t in range(row["num_steps"]):
        before = after
        try:
            actions = np.array([row["actions"][t]], np.int8)
            rewards = scenario.advance(simulated, actions, np.array([row["answers"][t]], np.int16))[0]
        except (ValueError, IndexError) as error:  # acts of too few agents, answers to too few attributes
            return [*problems, f"step {t + 1} cannot be simulated: {error}"]
        if over_at < 0 and simulated.is_over[0]:
            over_at = t + 1
        if not np.array_equal(rewards, np.array(row["rewards"][t], np.float32)):
            problems.append(f"step {t + 1} has rewards {row['rewards'][t]}, expected {rewards.tolist()}")
        after = scene_of(simulated, 0)
        for name, values in zip(("edits", "bodies"), record(before, after), strict=True):
            expected = values.ravel().tolist()
            if expected != row[name][t]:
                problems.append(f"step {t + 1} has {name} {row[name][t]}, expected {expected}")
        if decoded is not None:
            try:
                decoded = replay(decoded, *(np.array(row[name][t], np.int64) for name in ("edits", "bodies")))
            except (
                ValueError,
                IndexError,
                OverflowError,
            ) as error:  # a stream that means nothing in this state
                problems.append(f"the edits of step {t + 1} cannot be decoded: {error}")
                decoded = None
        if decoded is not None and decoded != after:
            problems.append(f"the edits up to step {t + 1}, decoded, do not give the simulated state")
            decoded = None  # from here on every state differs
    if bool(simulated.is_won[0]) != row["is_won"]:
        problems.append(f"is_won is {row['is_won']}, expected {bool(simulated.is_won[0])}")
    if over_at != row["over_at"]:
        problems.append(f"over_at is {row['over_at']}, expected {over_at}")
    return problems
