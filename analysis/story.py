"""A recorded episode as people follow it: the world at every step, and who says, does and believes what.

The terminal, the GIF and the web page all tell this one story. It is read off the recording alone: nothing is
simulated; analysis/verify.py checks that the simulator agrees.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from language.vocabulary import symbol_name
from world import edits, scenarios
from world.scenarios.base import Scenario
from world.state import Action, Role, Worlds

CHANNELS = {
    "on": "what is said is heard one step later",
    "mute": "muted: nobody hears anything",
    "shuffle": "shuffled: what is heard was said in another world",
}
_ACTS = {Action.STAY: "stays"} | {act: f"goes {act.name.lower()}" for act in Action if act != Action.STAY}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Belief:
    """What an agent's world model says that one private attribute is."""

    attribute: str
    value: str
    is_right: bool


@dataclass(frozen=True)
class Turn:
    """What one agent did in one step."""

    says: str  # names of the symbols, "" for silence
    does: str  # "" for an agent that stands outside the grid
    believes: tuple[Belief, ...]  # () for those who know


@dataclass(frozen=True)
class Frame:
    """The world after one step, and what happened in that step."""

    step: int  # 0 is the start
    world: Worlds  # one world
    turns: tuple[Turn, ...]  # in the order of Story.agents; () at the start
    changes: tuple[str, ...]  # the edits in words, but for the agents' own moves
    marks: tuple[tuple[int, int, str], ...]  # row, column and letter of each agent on the grid


@dataclass(frozen=True)
class Story:
    """One episode, told."""

    scenario: str
    generation: int
    episode: int
    split: str
    channel: str
    goal: str
    agents: tuple[tuple[str, str], ...]  # the letter on its body, and who that is: "guide, boxling 12"
    num_steps: int  # that the episode lasted
    is_won: bool
    frames: tuple[Frame, ...]  # the start, then one a step

    @property
    def title(self) -> str:
        return f"{self.scenario}: generation {self.generation}, episode {self.episode}"

    @property
    def circumstances(self) -> str:
        goals = "a goal never trained on" if self.split == "held-out" else "a trained goal"
        return f"{goals}; {CHANNELS.get(self.channel, self.channel)}"

    @property
    def outcome(self) -> str:
        steps = f"{self.num_steps} step{'' if self.num_steps == 1 else 's'}"
        return f"won after {steps}" if self.is_won else f"lost after {steps}"


def scenario_of(row: dict) -> Scenario:
    """The scenario that an episode was played in; ValueError when there is none of that name any more."""
    return scenarios.get(row["scenario"])


def start_of(row: dict) -> Worlds:
    """The recorded start state, one world. What is not recorded is as the scenario makes it."""
    start = scenario_of(row).generate(np.array([row["world_number"]]), row["split"])
    size = (1, row["height"], row["width"])
    if len(row["start_owner"]) != row["height"] * row["width"]:
        raise ValueError(
            f"episode {row['episode']} starts with {len(row['start_owner'])} cells, "
            f"expected {row['height']} x {row['width']}"
        )
    return replace(
        start,
        owner=np.array(row["start_owner"], np.int16).reshape(size),
        colour=np.array([row["colour"]], np.int8),
        anchored=np.array([row["anchored"]], bool),
        agent_body=np.array([row["agent_body"]], np.int16),
        role=np.array([row["role"]], np.int8),
        goal=np.array([row["goal"]], np.int16),
    )


def states_of(row: dict) -> list[Worlds]:
    """The recorded states, one world each: the start, then after each step, decoded from the edits."""
    states = [start_of(row)]
    for tokens in row["edits"]:
        states.append(edits.apply(states[-1], [np.array(tokens, np.int16)]))
    return states


def tell(row: dict) -> Story:
    """The story of an episode row, up to the step in which it was over."""
    scenario = scenario_of(row)
    num_steps = min(int(row["over_at"]), len(row["actions"])) if row["over_at"] >= 0 else len(row["actions"])
    states = states_of(row)[: num_steps + 1]
    order = sorted(range(len(row["role"])), key=lambda a: row["role"][a])  # guides first: they start the talk
    frames = [Frame(0, states[0], (), (), _marks(states[0], order))]
    for step in range(num_steps):
        state = states[step + 1]
        turns = tuple(_turn(row, step, agent, scenario) for agent in order)
        changes = _changes(row, step, states[step])
        frames.append(Frame(step + 1, state, turns, changes, _marks(state, order)))
    agents = tuple(
        (letter_of(place), f"{Role(row['role'][agent]).name.lower()}, boxling {row['boxlings'][agent]}")
        for place, agent in enumerate(order)
    )
    return Story(
        scenario=row["scenario"],
        generation=row["generation"],
        episode=row["episode"],
        split=row["split"],
        channel=row["channel"],
        goal=scenario.meaning_in_words(np.array(row["goal"])),
        agents=agents,
        num_steps=num_steps,
        is_won=bool(row["is_won"]),
        frames=tuple(frames),
    )


def letter_of(place: int) -> str:
    """The letter that marks an agent's body, by the agent's place in the story.

    >>> letter_of(0), letter_of(27)
    ('A', 'B1')
    """
    return _LETTERS[place % 26] + (str(place // 26) if place >= 26 else "")


def message_in_words(symbols: list[int]) -> str:
    """The names of a message's symbols; "" when nothing is said.

    >>> message_in_words([1, 0, 2]), message_in_words([0, 0, 0])
    ('ba _ be', '')
    """
    return " ".join(symbol_name(symbol) for symbol in symbols) if any(symbols) else ""


def _turn(row: dict, step: int, agent: int, scenario: Scenario) -> Turn:
    has_body = row["agent_body"][agent] > 0
    believes: tuple[Belief, ...] = ()
    if row["role"][agent] != Role.GUIDE:
        answers = zip(scenario.attributes, row["answers"][step][agent], row["goal"], strict=True)
        believes = tuple(
            Belief(
                attribute.name,
                attribute.values[value] if 0 <= value < len(attribute) else "?",
                is_right=value == truth,
            )
            for attribute, value, truth in answers
        )
    return Turn(
        says=message_in_words(row["said"][step][agent]),
        does=_ACTS[Action(row["actions"][step][agent])] if has_body else "",
        believes=believes,
    )


def _changes(row: dict, step: int, before: Worlds) -> tuple[str, ...]:
    stream: list[int] = []
    for operation, arguments in edits.parse(np.array(row["edits"][step], np.int16)):
        if operation != edits.Edit.MOVE or arguments[0] not in row["agent_body"]:
            stream += [operation, *arguments]
    return tuple(edits.describe(np.array(stream, np.int16), before.colour[0]))


def _marks(state: Worlds, order: list[int]) -> tuple[tuple[int, int, str], ...]:
    """Row, column and letter of the first cell of each agent's body."""
    marks = []
    for place, agent in enumerate(order):
        body = state.agent_body[0, agent]
        cells = np.argwhere(state.owner[0] == body)
        if body > 0 and len(cells):
            marks.append((int(cells[0, 0]), int(cells[0, 1]), letter_of(place)))
    return tuple(marks)
