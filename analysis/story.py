"""A recorded episode as people follow it: the world at every step, and who says, does and believes what.

The terminal, the GIF and the web page all tell this one story. It is read off the recording alone, but for the objects
that a builder chose from, which follow from the world's number: nothing is simulated; analysis/verify.py checks that
the simulator agrees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from language.vocabulary import symbol_name
from world import scenarios
from world.codes import Act, Role
from world.recording import Scene, changes_in_words, replay
from world.scenarios.base import Scenario
from world.splits import COMPOSITIONS, TRAIN

CHANNELS = {
    "on": "what is said is heard one step later",
    "mute": "muted: nobody hears anything",
    "shuffle": "shuffled: what is heard was said in another world",
}
_ACTS = {Act.STAY: "stays"} | {act: f"goes {act.name.lower()}" for act in Act if act != Act.STAY}
_MAX_CANDIDATES_SHOWN = 9
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
    scene: Scene
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
    talks: bool  # somebody guides; otherwise words and beliefs mean nothing, and none are told
    frames: tuple[Frame, ...]  # the start, then one a step
    seats: tuple[int, ...]  # the place in the recording of each of `agents`

    @property
    def title(self) -> str:
        return f"{self.scenario}: generation {self.generation}, episode {self.episode}"

    @property
    def circumstances(self) -> str:
        if not self.talks:
            return "a world of the kind trained on" if self.split == TRAIN else f"split {self.split}"
        goals = "a goal never trained on" if self.split == COMPOSITIONS else "a trained goal"
        return f"{goals}; {CHANNELS.get(self.channel, self.channel)}"

    @property
    def outcome(self) -> str:
        steps = f"{self.num_steps} step{'' if self.num_steps == 1 else 's'}"
        return f"won after {steps}" if self.is_won else f"lost after {steps}"


def scenario_of(row: dict) -> Scenario:
    """The scenario that an episode was played in; ValueError when there is none of that name any more."""
    return scenarios.get(row["scenario"])


def start_of(row: dict) -> Scene:
    """The recorded start; ValueError when it is none."""
    size = (row["height"], row["width"])
    owner, floor, colour = (np.array(row[name], np.int64) for name in ("start_owner", "floor", "colour"))
    for name, cells in (("start_owner", owner), ("floor", floor)):
        if len(cells) != size[0] * size[1]:
            raise ValueError(
                f"episode {row['episode']} starts with {len(cells)} cells of {name}, expected {size[0]} x {size[1]}"
            )
    if owner.min() < 0 or owner.max() >= len(colour):
        raise ValueError(
            f"episode {row['episode']} starts with bodies {owner.min()} to {owner.max()}, expected 0 to "
            f"{len(colour) - 1}"
        )
    body = owner.reshape(size).astype(np.uint8)
    return Scene(colour.astype(np.uint8)[body] * (body > 0), body, floor.reshape(size).astype(np.uint8))


def scenes_of(row: dict) -> list[Scene]:
    """What the world looked like: the start, then after each step, decoded from the edits."""
    scenes = [start_of(row)]
    for tokens, bodies in zip(row["edits"], row["bodies"], strict=True):
        scenes.append(replay(scenes[-1], np.array(tokens, np.int64), np.array(bodies, np.int64)))
    return scenes


def num_steps_of(row: dict) -> int:
    """Up to the step in which an episode was over."""
    return min(int(row["over_at"]), len(row["actions"])) if row["over_at"] >= 0 else len(row["actions"])


def tell(row: dict) -> Story:
    """The story of an episode row, up to the step in which it was over."""
    scenario = scenario_of(row)
    num_steps = num_steps_of(row)
    scenes = scenes_of(row)[: num_steps + 1]
    order = sorted(range(len(row["role"])), key=lambda a: row["role"][a])  # guides first: they start the talk
    frames = [Frame(0, scenes[0], (), (), _marks(row, scenes[0], order))]
    for step in range(num_steps):
        scene = scenes[step + 1]
        turns = tuple(_turn(row, step, agent, scenario) for agent in order)
        changes = tuple(changes_in_words(scenes[step], scene, set(row["agent_body"]) - {0}))
        frames.append(Frame(step + 1, scene, turns, changes, _marks(row, scene, order)))
    agents = tuple(
        (letter_of(place), f"{Role(row['role'][agent]).name.lower()}, boxling {row['boxlings'][agent]}")
        for place, agent in enumerate(order)
    )
    return Story(
        scenario=row["scenario"].partition("#")[0],
        generation=row["generation"],
        episode=row["episode"],
        split=row["split"],
        channel=row["channel"],
        goal=goal_in_words(row, scenario),
        agents=agents,
        num_steps=num_steps,
        is_won=bool(row["is_won"]),
        talks=scenario.has_guide,
        frames=tuple(frames),
        seats=tuple(order),
    )


def goal_in_words(row: dict, scenario: Scenario) -> str:
    """The goal of an episode, and among what candidates it was to be found: "a 1, b 3, among (1·3), (2·2)"."""
    words = scenario.meaning_in_words(np.array(row["goal"]))
    if not scenario.num_choices:
        return words
    candidates = scenario.generate(np.array([row["world_number"]]), row["split"]).choices[0]
    shown = [
        "(" + "·".join(attribute.values[v] for attribute, v in zip(scenario.attributes, each, strict=True)) + ")"
        for each in candidates[:_MAX_CANDIDATES_SHOWN]
    ]
    rest = len(candidates) - len(shown)
    return f"{words}, among {', '.join(shown)}" + (f" and {rest} more" if rest else "")


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
    if row["role"][agent] != Role.GUIDE and scenario.has_guide:
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
        says=message_in_words(row["said"][step][agent]) if scenario.has_guide else "",
        does=_ACTS[Act(row["actions"][step][agent])] if has_body else "",
        believes=believes,
    )


def _marks(row: dict, scene: Scene, order: list[int]) -> tuple[tuple[int, int, str], ...]:
    """Row, column and letter of the first cell of each agent's body."""
    marks = []
    for place, agent in enumerate(order):
        body = row["agent_body"][agent]
        cells = np.argwhere(scene.body == body)
        if body > 0 and len(cells):
            marks.append((int(cells[0, 0]), int(cells[0, 1]), letter_of(place)))
    return tuple(marks)
