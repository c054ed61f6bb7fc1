"""Checks recordings against the simulator: from the same start, the same acts give the same all."""

from __future__ import annotations

import numpy as np

from analysis.run import Run
from analysis.story import scenario_of, start_of
from evolution.storage import DamagedFile
from world import edits
from world.state import Action, Worlds

_ACTS = frozenset(Action)
_MAX_PROBLEMS_SHOWN = 5  # of one episode: a tampered act makes every later step differ


def verify_episode(row: dict) -> list[str]:
    """What in an episode row the simulator does not confirm, one sentence each; [] when all is.

    The start must be the world of that number; the recorded acts and answers, simulated again from there,
    must give the recorded edits, rewards and outcome; and the edits, decoded, must give the simulated states.
    What has no consequences in the world (messages, an act without a body) can only be checked for nonsense.
    """
    try:
        simulated = scenario_of(row).generate(np.array([row["world_number"]]), row["split"])
        recorded = start_of(row)
    except (ValueError, OverflowError) as error:  # of a tampered row; the sentence says which value
        return [f"the start cannot be made: {error}"]
    problems = _compare_starts(simulated, recorded)
    nonsense = _nonsense(row)
    if nonsense:
        return problems + nonsense
    return problems + _compare_steps(row, simulated, recorded)


def verify_run(run: Run) -> tuple[int, list[str]]:
    """Verify every recorded episode of a run: their number, and the problems found, with where they are."""
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
    return num_episodes, problems


def _compare_starts(made: Worlds, recorded: Worlds) -> list[str]:
    """How a recorded start differs from the scenario's world of that number."""
    problems = []
    for name in ("owner", "colour", "anchored", "agent_body", "role", "goal"):
        expected, got = getattr(made, name)[0], getattr(recorded, name)[0]
        if expected.shape != got.shape:
            problems.append(f"the start's {name} has shape {got.shape}, expected {expected.shape}")
        elif not np.array_equal(expected, got):
            where = tuple(int(i) for i in np.argwhere(expected != got)[0])
            problems.append(f"the start's {name}{list(where)} is {got[where]}, expected {expected[where]}")
    return problems


def _nonsense(row: dict) -> list[str]:
    """Steps that are missing, and acts and symbols that there are none of."""
    num_steps = row["num_steps"]
    problems = [
        f"{len(row[name])} steps of {name} are recorded, expected {num_steps}"
        for name in ("actions", "said", "answers", "rewards", "edits")
        if len(row[name]) != num_steps
    ]
    for t, acts in enumerate(row["actions"]):
        wrong = [act for act in acts if act not in _ACTS]
        problems += [f"step {t + 1} has act {act}, expected 0 to {max(_ACTS)}" for act in wrong]
    for t, messages in enumerate(row["said"]):
        if any(symbol < 0 for message in messages for symbol in message):
            problems.append(f"step {t + 1} has a symbol below 0")
    return problems


def _compare_steps(row: dict, simulated: Worlds, recorded: Worlds) -> list[str]:
    """Live the acts again from `simulated`, decode the edits from `recorded`, and compare."""
    scenario = scenario_of(row)
    problems: list[str] = []
    decoded: Worlds | None = recorded
    over_at = -1
    for t in range(row["num_steps"]):
        before = simulated.copy()
        try:
            actions = np.array([row["actions"][t]], np.int8)
            rewards = scenario.advance(simulated, actions, np.array([row["answers"][t]], np.int16))[0]
        except (ValueError, IndexError) as error:  # acts of too few agents, answers to too few attributes
            return [*problems, f"step {t + 1} cannot be simulated: {error}"]
        if over_at < 0 and simulated.is_over[0]:
            over_at = t + 1
        if not np.array_equal(rewards, np.array(row["rewards"][t], np.float32)):
            problems.append(f"step {t + 1} has rewards {row['rewards'][t]}, expected {rewards.tolist()}")
        tokens = edits.encode(before, simulated)[0].tolist()
        if tokens != row["edits"][t]:
            problems.append(f"step {t + 1} has edits {row['edits'][t]}, expected {tokens}")
        if decoded is not None:
            try:
                decoded = edits.apply(decoded, [np.array(row["edits"][t], np.int16)])
            except (
                ValueError,
                IndexError,
                OverflowError,
            ) as error:  # a stream that means nothing in this state
                problems.append(f"the edits of step {t + 1} cannot be decoded: {error}")
                decoded = None
        if decoded is not None and not _look_the_same(decoded, simulated):
            problems.append(f"the edits up to step {t + 1}, decoded, do not give the simulated state")
            decoded = None  # from here on every state differs
    if bool(simulated.is_won[0]) != row["is_won"]:
        problems.append(f"is_won is {row['is_won']}, expected {bool(simulated.is_won[0])}")
    if over_at != row["over_at"]:
        problems.append(f"over_at is {row['over_at']}, expected {over_at}")
    return problems


def _look_the_same(one: Worlds, other: Worlds) -> bool:
    return np.array_equal(one.owner, other.owner) and np.array_equal(one.colour, other.colour)
