"""What every scenario offers: a generator of worlds, a goal, who may see what, and when it is over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from world.codes import NUM_PLAIN_ACTS
from world.splits import COMPOSITIONS, SEEDS, TRAIN

if TYPE_CHECKING:  # `boxlings --help` names scenarios and splits, and needs no compiled kernels
    from world.state import Worlds


@dataclass(frozen=True)
class Attribute:
    """One part of what the guide knows, with the names of its values.

    What is visible can be found in a picture of the world, as a colour or a place can; a direction in which to push
    cannot.
    """

    name: str
    values: tuple[str, ...]
    is_visible: bool = True

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Observation:
    """What the agents can sense of B worlds, besides what they hear."""

    view: np.ndarray  # (B, A, h, w) uint8 look codes, world.sense
    sees: np.ndarray  # (B, A) bool: whether there is a view at all
    knows: np.ndarray  # (B, A) bool: whether the agent is told of the goal itself
    told: np.ndarray | None = None  # (B, A, G) bool: which attributes of it; None: all, to who knows


class Scenario(ABC):
    """A family of worlds. World number n of a split is the same world for ever, whatever the batch.

    Splits are those of `world.splits`; every scenario has "train", "held-out" and "held-out-seeds".

    A *meaning* is a goal: one value for each attribute. Some meanings are held out of training; each single value of
    theirs is trained on in other company.
    """

    name: str  # with its argument, where it was made with one
    summary: str
    attributes: tuple[Attribute, ...]
    num_agents: int
    num_steps: int  # steps until a world that is not decided counts as lost
    view_shape: tuple[int, int]
    num_looks: int  # look codes in the view are in [0, num_looks)
    is_decided_by_answers: bool  # by what the builders' world models say, rather than by what their bodies do
    guide_sees: bool  # the guide has a picture of what it talks about; otherwise it is told the goal
    num_actions: int = NUM_PLAIN_ACTS  # acts of a body are in [0, num_actions), 0 is to stay
    view_is_whole: bool = False  # of the grid; otherwise the agent is in the middle of what it sees
    has_guide: bool = True  # one agent of each world is a guide; otherwise all are builders and nobody is told anything
    num_choices: int = 0  # C, objects that builders choose their answer from; 0: they may answer anything
    splits: tuple[str, ...] = (TRAIN, COMPOSITIONS, SEEDS)
    variants: tuple[str, ...] = ()  # names with an argument that are scenarios too

    @property
    def kind(self) -> str:
        """The name without an argument, under which the registry knows the scenario."""
        return self.name.partition(":")[0]

    def with_argument(self, argument: str) -> Scenario:
        """The variant that is meant by "name:argument"; ValueError where there is none."""
        raise ValueError(f"scenario {self.name} takes no argument, got {argument!r}")

    @property
    def num_attributes(self) -> int:
        return len(self.attributes)

    @property
    def attribute_sizes(self) -> tuple[int, ...]:
        return tuple(len(attribute) for attribute in self.attributes)

    @abstractmethod
    def is_held_out(self, meanings: np.ndarray) -> np.ndarray:
        """Whether each meaning (N, G) is kept out of training, (N,) bool."""

    @abstractmethod
    def generate(self, numbers: np.ndarray, split: str) -> Worlds:
        """The worlds with these numbers (B,) int64 of a split."""

    @abstractmethod
    def observe(self, worlds: Worlds) -> Observation:
        """What each agent senses now."""

    def cells_in_view(self, worlds: Worlds) -> np.ndarray:
        """Which cell each place of a view shows, as `world.sense.cells_in_view`, which is right for most."""
        from world.sense import cells_in_view

        return cells_in_view(worlds, self.view_shape, self.view_is_whole)

    @abstractmethod
    def advance(self, worlds: Worlds, actions: np.ndarray, answers: np.ndarray | None) -> np.ndarray:
        """One step, in place: acts (B, A), and what each agent says the goal is, (B, A, G). Rewards (B, A) float32."""

    @abstractmethod
    def plan(self, worlds: Worlds) -> np.ndarray:
        """The simulator's own search: (B, A) uint8, bit a set where Act a is on a shortest way; 0 for no advice."""

    def ran_out(self, worlds: Worlds, reward: np.ndarray) -> np.ndarray:
        """Whether each world ended undecided because its steps were up, (B,) bool, by its last reward (B, A).

        A world was decided if that pays or costs anybody anything, or if it is over before its time, or is asked for
        answers, which its last step always judges.
        """
        is_early = worlds.steps_taken < self.num_steps
        is_decided = is_early | (reward != 0).any(axis=1) | self.is_decided_by_answers
        return worlds.is_over & ~is_decided

    takes_turns: bool = False  # some of the agents are silent in some steps, see `had_turn`

    def had_turn(self, worlds: Worlds) -> np.ndarray:
        """Whose words of the step before can be heard now, (B, A) bool: everybody's, unless agents take turns."""
        return np.ones(worlds.role.shape, bool)

    def is_right(self, worlds: Worlds, answers: np.ndarray) -> np.ndarray:
        """Whether each agent's answer (B, A, G) is right, (B, A) bool: in every attribute, unless fewer are asked."""
        return (answers == worlds.goal[:, None]).all(axis=-1)

    def asked_attributes(self, meanings: np.ndarray) -> np.ndarray:
        """Which attributes of each meaning (N, G) count in an answer, (N, G) bool: all, unless fewer are asked."""
        return np.ones(meanings.shape, bool)

    def meanings(self, split: str) -> np.ndarray:
        """All meanings of a split, (N, G) int16; other splits than "held-out" have the trained ones."""
        self.check_split(split)
        grid = np.indices(self.attribute_sizes).reshape(self.num_attributes, -1).T.astype(np.int16)
        return grid[self.is_held_out(grid) == (split == COMPOSITIONS)]

    def check_split(self, split: str) -> None:
        """ValueError for a split that the scenario does not have."""
        if split not in self.splits:
            raise ValueError(f"split of {self.name} must be one of {', '.join(self.splits)}, got {split!r}")

    def meaning_in_words(self, meaning: np.ndarray) -> str:
        """For people: the attribute values of one meaning."""
        return ", ".join(
            f"{attribute.name} {attribute.values[int(value)]}"
            for attribute, value in zip(self.attributes, meaning, strict=True)
        )

    def picture_of(self, meanings: np.ndarray) -> np.ndarray:
        """Where guides see: the view (N, h, w) that goes with each meaning (N, G)."""
        raise ValueError(f"the guides of scenario {self.name} see nothing")

    def candidates(self, goals: np.ndarray, numbers: np.ndarray, split: str) -> np.ndarray:
        """Where builders choose: the goals (N, G), each among others of its split, (N, C, G) int16, by numbers (N,)."""
        raise ValueError(f"the builders of scenario {self.name} have nothing to choose from")

    @abstractmethod
    def chance_success(self) -> float:
        """Share of trained worlds that the best policy without talk can win, or more; nan where nobody knows."""

    def silent_vote(self) -> float:
        """Share of trained worlds that are won if all act on what each knows alone, and vote without a word.

        Where one alone decides it is what that one makes of it, as in most scenarios: `chance_success`.
        """
        return self.chance_success()


def check_numbers(numbers: np.ndarray) -> np.ndarray:
    """World numbers as int64 (B,); ValueError otherwise."""
    numbers = np.asarray(numbers)
    if numbers.ndim != 1 or not np.issubdtype(numbers.dtype, np.integer) or (numbers < 0).any():
        raise ValueError(f"world numbers must be a list of whole numbers >= 0, got {numbers!r:.60}")
    return numbers.astype(np.int64)
