"""Standard faces of the worlds, over the same arrays: PettingZoo's ParallelEnv, Gymnasium's Env and VectorEnv.

PettingZoo: Terry et al. 2021, https://arxiv.org/abs/2009.14471. Gymnasium: Towers et al. 2024,
https://arxiv.org/abs/2407.17032. Departure: a seed is the number of a world, not the start of a stream of chance; once
a world has begun there is no chance in it.

Letters: B worlds, A agents, L symbols in a message out of V, G attributes of the goal, C candidates for it, h x w cells
in view.

An *act* is one row of D = 1 + L (+ G) whole numbers, `MultiDiscrete`, int64: not a dictionary, because
Stable-Baselines3 cannot act in those.

    act[0]            what the body does, in [0, num_actions): `world.codes.Act`
    act[1 : 1 + L]    the message: symbols 1 to V, 0 for silence; the others hear it in the next step
    act[1 + L :]      the answer: one value of each attribute; only where answers decide, as in scenario `name`.
                      Where there are candidates, as in `refer`, an answer that is none of them is simply wrong

An *observation* is a dictionary. `heard` is flat, because Stable-Baselines3 takes `MultiDiscrete` of one axis only.

    view      Box (h, w) uint8             look codes, `world.sense`; all 0 for an agent that does not see
    sees      Discrete(2)                  whether there is a view at all
    goal      MultiDiscrete (G,) int64     the value of each attribute; one more than the last value: not told
    choices   MultiDiscrete (C * G,)       the values of each candidate, one candidate after the other, the goal among
                                           them; one more than the last value for guides, to whom they are not shown.
                                           Left out where there are no candidates
    heard     MultiDiscrete ((A - 1) * L,) what the others said a step ago, in order of their names; 0 for silence.
                                           Left out if there are no others or no messages
    role      Discrete(2)                  `world.state.Role`
    last_act  Discrete(num_actions)        what the body tried in the last step
    moved     Discrete(2)                  whether it moved

A world that is decided terminates; one whose steps are up is truncated. `info` has `is_success` (bool) and
`world_number` (int). Pictures (`render_mode="rgb_array"`) are (height, width, 3) uint8.

Options of all faces:

    split                 "train" (default), or one of those that are never trained on, see `world.splits`
    message_length        L >= 0, by default one symbol for each attribute; 0: there is no channel
    num_symbols           V >= 1, by default as many as the largest attribute has values
    hearing_radius_cells  who is further away hears nothing; 0 (default): everybody hears everybody
    world_stride          numbers from one world to the next of an environment, by default 1 (in the vector face
                          num_envs). Environments seeded s, s + 1, ... share no world if it is how many there are

A wrong act, seed or value of an option is a ValueError of one sentence, an option that there is not a TypeError; to
step what is over is gymnasium's ResetNeeded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from world import scenarios
from world.checks import whole_number
from world.codes import Act, Role
from world.render import picture
from world.scenarios.base import Observation as Sensed
from world.scenarios.base import Scenario
from world.sense import is_audible
from world.state import Worlds

try:
    import gymnasium
    from gymnasium import spaces
    from gymnasium.error import ResetNeeded
    from gymnasium.vector import AutoresetMode
    from gymnasium.vector.utils import batch_space
    from pettingzoo import ParallelEnv
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f"the standard faces of the worlds need pettingzoo and gymnasium: pip install 'boxlings[envs]' ({missing})",
        name=missing.name,
    ) from missing

LAST_NUMBER = 2**63 - 1  # of a world
METADATA: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 4}
Observation = dict[str, Any]  # by name, as in the module's docstring; values are arrays or, for one agent, numbers
Partner = Callable[[Observation], np.ndarray]  # observations with leading axes (B, A) to acts (B, A, D)


class NumberedWorlds(ABC):
    """B worlds side by side, each made by its number; every face stands on some."""

    def __init__(self, num_worlds: int, world_stride: int, act_sizes: np.ndarray) -> None:
        self.num_worlds = whole_number("num_envs", num_worlds, 1)
        self.world_stride = whole_number("world_stride", world_stride, 1)
        self.act_sizes = act_sizes  # (D,) int64: act[d] is in [0, act_sizes[d])
        self.numbers = np.zeros(0, np.int64)  # (B,) of the worlds, as soon as there are some

    @abstractmethod
    def observation_space(self) -> spaces.Dict:
        """The space of one agent's observation; a new object each time."""

    @abstractmethod
    def make(self, numbers: np.ndarray, places: np.ndarray | None) -> None:
        """The worlds of these numbers (m,) in these places (m,), instead of those that were there; None: in all."""

    @property
    @abstractmethod
    def is_over(self) -> np.ndarray:
        """Which worlds are decided or out of steps, (B,) bool."""

    @abstractmethod
    def infos(self) -> dict[str, np.ndarray]:
        """What is told of each world besides what agents sense, (B,) each."""

    @abstractmethod
    def draw(self, b: int) -> np.ndarray:
        """A picture of world b, (height, width, 3) uint8."""

    @property
    def has_begun(self) -> bool:
        return len(self.numbers) > 0

    def action_space(self) -> spaces.MultiDiscrete:
        """The space of one agent's act; a new object, with its own chance, each time."""
        return spaces.MultiDiscrete(self.act_sizes)

    def reset(self, seed: int | None) -> None:
        """World number seed + b in place b; without a seed the next worlds, of which the first are drawn by chance."""
        if seed is None and self.has_begun:
            self.renew(np.arange(self.num_worlds))
            return
        if seed is None:  # as is the custom of these interfaces; whoever wants the same worlds again gives a seed
            first = int(np.random.default_rng().integers(LAST_NUMBER))
        else:
            first = whole_number("seed", seed, 0, LAST_NUMBER)
        numbers = (np.int64(first) + np.arange(self.num_worlds)) & LAST_NUMBER  # after the last comes number 0
        self.make(numbers, None)
        self.numbers = numbers

    def renew(self, places: np.ndarray) -> None:
        """The next world in each of these places (m,)."""
        numbers = (self.numbers[places] + self.world_stride) & LAST_NUMBER
        self.make(numbers, places)
        self.numbers[places] = numbers

    def check(self, acts: Any, leading: tuple[int, ...], whose: str) -> np.ndarray:
        """Acts (*leading, D) as int64; ValueError otherwise."""
        acts = np.asarray(acts)
        shape = (*leading, len(self.act_sizes))
        if acts.shape != shape or not np.issubdtype(acts.dtype, np.integer):
            raise ValueError(f"{whose} must be whole numbers of shape {shape}, got {acts.dtype} of shape {acts.shape}")
        wrong = np.argwhere((acts < 0) | (acts >= self.act_sizes))
        if len(wrong):
            where = tuple(int(i) for i in wrong[0])
            last = self.act_sizes[where[-1]] - 1
            raise ValueError(f"{whose} must have {list(where)} in [0, {last}], got {acts[where]}")
        return acts.astype(np.int64)

    def info(self, b: int) -> dict[str, Any]:
        """What is told of world b, as plain values."""
        return {key: values[b].item() for key, values in self.infos().items()}

    def picture(self, b: int) -> np.ndarray:
        if not self.has_begun:
            raise ResetNeeded("there is no world to draw yet: call reset() first")
        return self.draw(b)


class OneAgent(Protocol):
    """The side of one agent in each world of a stage; the faces of Gymnasium stand on it."""

    @property
    def stage(self) -> NumberedWorlds:
        """The worlds."""

    def observe(self) -> Observation:
        """What the agents sense, (B, ...)."""

    def step(self, acts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All act, (B, D): rewards (B,) float64, and which worlds this decided and which ran out of steps, (B,) bool.

        Worlds that are over stand still and pay nothing.
        """


class Stage(NumberedWorlds):
    """B worlds of one scenario side by side, and what was last said in them."""

    def __init__(
        self,
        scenario: str | Scenario,
        num_worlds: int,
        *,
        split: str = "train",
        message_length: int | None = None,
        num_symbols: int | None = None,
        hearing_radius_cells: int = 0,
        world_stride: int = 1,
    ) -> None:
        self.scenario = scenarios.get(scenario) if isinstance(scenario, str) else scenario
        self.scenario.check_split(split)
        sizes = self.scenario.attribute_sizes
        self.split = split
        self.message_length = whole_number("message_length", len(sizes) if message_length is None else message_length)
        self.num_symbols = whole_number("num_symbols", max(sizes) if num_symbols is None else num_symbols, 1)
        self.hearing_radius_cells = whole_number("hearing_radius_cells", hearing_radius_cells)
        num_agents = self.scenario.num_agents
        every = range(num_agents)
        others = [[other for other in every if other != agent] for agent in every]
        self.others = np.array(others, np.int64).reshape(num_agents, num_agents - 1)  # who each agent may hear
        num_answers = len(sizes) if self.scenario.is_decided_by_answers else 0
        act_sizes = [self.scenario.num_actions] + [self.num_symbols + 1] * self.message_length
        super().__init__(num_worlds, world_stride, np.array(act_sizes + list(sizes)[:num_answers], np.int64))
        self.worlds: Worlds = self.scenario.generate(self.numbers, split)
        self.said = np.zeros((0, num_agents, self.message_length), np.int64)  # (B, A, L)

    def observation_space(self) -> spaces.Dict:
        """The space of one agent's observation; a new object each time."""
        scenario = self.scenario
        parts: dict[str, spaces.Space] = {
            "view": spaces.Box(0, scenario.num_looks - 1, scenario.view_shape, np.uint8),
            "sees": spaces.Discrete(2),
            "goal": spaces.MultiDiscrete(np.array(scenario.attribute_sizes) + 1),
            "role": spaces.Discrete(len(Role)),
            "last_act": spaces.Discrete(scenario.num_actions),
            "moved": spaces.Discrete(2),
        }
        if scenario.num_choices:
            parts["choices"] = spaces.MultiDiscrete(np.tile(scenario.attribute_sizes, scenario.num_choices) + 1)
        num_heard = (scenario.num_agents - 1) * self.message_length
        if num_heard:
            parts["heard"] = spaces.MultiDiscrete(np.full(num_heard, self.num_symbols + 1))
        return spaces.Dict(parts)

    def make(self, numbers: np.ndarray, places: np.ndarray | None) -> None:
        worlds = self.scenario.generate(numbers, self.split)
        if places is None:
            self.worlds = worlds
            self.said = np.zeros((self.num_worlds, *self.said.shape[1:]), np.int64)
        else:
            self.worlds.put(places, worlds)
            self.said[places] = 0

    @property
    def is_over(self) -> np.ndarray:
        return self.worlds.is_over

    def infos(self) -> dict[str, np.ndarray]:
        return {"is_success": self.worlds.is_won.copy(), "world_number": self.numbers.copy()}

    def draw(self, b: int) -> np.ndarray:
        return picture(self.worlds, b)

    def hear(self) -> np.ndarray:
        """What each agent hears of each other one, (B, A, A - 1, L) int64: 0 for silence, symbols 1 to V."""
        audible = is_audible(self.worlds, self.hearing_radius_cells) & self.scenario.had_turn(self.worlds)[:, None]
        reaches = np.take_along_axis(audible, self.others[None], axis=2)
        return self.said[:, self.others] * reaches[..., None]

    def observe(self) -> Observation:
        """What all agents sense and hear: arrays with leading axes (B, A), which nobody else holds."""
        # what is seen last counts where a world was not decided, and in worlds that are over nobody would see anything
        worlds = replace(self.worlds, is_over=np.zeros_like(self.worlds.is_over))
        sensed = self.scenario.observe(worlds)
        not_told = np.array(self.scenario.attribute_sizes)
        observation: Observation = {
            "view": np.where(sensed.sees[..., None, None], sensed.view, 0).astype(np.uint8),
            "sees": sensed.sees.astype(np.int64),
            "goal": np.where(told_of(sensed), worlds.goal[:, None], not_told).astype(np.int64),
            "role": worlds.role.astype(np.int64),
            "last_act": worlds.last_action.astype(np.int64),
            "moved": worlds.last_moved.astype(np.int64),
        }
        if self.scenario.num_choices:
            is_builder = (worlds.role == Role.BUILDER)[:, :, None, None]
            shown = np.where(is_builder, worlds.choices[:, None], not_told)  # (B, A, C, G)
            observation["choices"] = shown.reshape(*worlds.role.shape, -1).astype(np.int64)
        heard = self.hear()
        if heard[0].size:
            observation["heard"] = heard.reshape(*heard.shape[:2], -1)
        return observation

    def step(self, acts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Everybody acts, (B, A, D); worlds that are over stand still and pay nothing.

        Returns rewards (B, A) float32, and which worlds this step decided and which ran out of steps, (B,) bool each.
        """
        was_over = self.worlds.is_over.copy()
        heard_from = 1 + self.message_length
        answers = acts[..., heard_from:].astype(np.int16) if self.scenario.is_decided_by_answers else None
        reward = self.scenario.advance(self.worlds, acts[..., 0].astype(np.int8), answers)
        self.said = acts[..., 1:heard_from].copy()
        ran_out = self.scenario.ran_out(self.worlds, reward) & ~was_over
        return reward, self.worlds.is_over & ~was_over & ~ran_out, ran_out


def told_of(sensed: Sensed) -> np.ndarray:
    """Which attributes of the goal each agent is told, (B, A, G) or (B, A, 1) bool."""
    return sensed.knows[..., None] if sensed.told is None else sensed.told


class Company:
    """In each world of a stage one agent of a role is controlled, and a partner acts for all others."""

    def __init__(self, stage: Stage, role: str, partner: str | Partner | None) -> None:
        names = [each.name.lower() for each in Role]
        if role not in names:
            raise ValueError(f"role must be one of {', '.join(names)}, got {role!r}")
        self.stage = stage
        self.role = Role[role.upper()]
        if self.role == Role.GUIDE and not stage.scenario.has_guide:
            raise ValueError(f"scenario {stage.scenario.name} has no guides, so role must be builder, got {role!r}")
        if partner is None:
            partner = "able" if self.role == Role.GUIDE else "idle"
        if not callable(partner):
            if partner not in ("able", "idle"):
                raise ValueError(f"partner must be able, idle or a function, got {partner!r}")
            sizes = stage.scenario.attribute_sizes
            if stage.message_length and (stage.message_length < len(sizes) or stage.num_symbols < max(sizes)):
                raise ValueError(
                    f"to name a goal the {partner} partner needs message_length >= {len(sizes)} and num_symbols >= "
                    f"{max(sizes)}, got {stage.message_length} and {stage.num_symbols}; give a partner of your own"
                )
        self.partner = partner
        self.seat = np.zeros(0, np.int64)  # (B,): who is controlled
        self.sensed: Observation = {}  # by all agents, (B, A, ...)

    def observe(self) -> Observation:
        """What the controlled agents sense, (B, ...)."""
        has_role = self.stage.worlds.role == self.role
        if not has_role.any(axis=1).all():
            raise ValueError(f"scenario {self.stage.scenario.name} has worlds without a {self.role.name.lower()}")
        self.seat = has_role.argmax(axis=1)
        self.sensed = self.stage.observe()
        return {key: self.of_controlled(value) for key, value in self.sensed.items()}

    def of_controlled(self, values: np.ndarray) -> np.ndarray:
        """The rows (B, ...) of values (B, A, ...) that belong to the controlled agents, copied."""
        return values[np.arange(len(values)), self.seat]

    def step(self, acts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The controlled agents act, (B, D), and with them all others: as `Stage.step`, with rewards (B,) float64."""
        if callable(self.partner):
            leading = (self.stage.num_worlds, self.stage.scenario.num_agents)
            everyone = self.stage.check(self.partner(self.sensed), leading, "acts of the partner")
        else:
            everyone = self._plain_acts()
        everyone[np.arange(len(acts)), self.seat] = acts
        reward, decided, ran_out = self.stage.step(everyone)
        return self.of_controlled(reward).astype(np.float64), decided, ran_out

    def _plain_acts(self) -> np.ndarray:
        """What agents do, (B, A, D), who talk in the plainest way: symbol k of a message is 1 + value k of the goal."""
        stage, scenario = self.stage, self.stage.scenario
        worlds, num_attributes = stage.worlds, scenario.num_attributes
        acts = np.zeros((*worlds.role.shape, len(stage.act_sizes)), np.int64)
        if stage.message_length == 0:
            return acts
        is_guide = worlds.role == Role.GUIDE
        # guides know all of the goal, or see it, unless both sides are told a part of it
        told = told_of(scenario.observe(worlds)) | (is_guide & scenario.guide_sees)[..., None]
        acts[..., 1 : 1 + num_attributes] = np.where(told, worlds.goal[:, None] + 1, 0)
        if self.partner == "idle":
            return acts
        heard = stage.hear().max(axis=2, initial=0)[..., :num_attributes]  # silence gives way to who speaks
        is_told = ~is_guide & (told | ((heard > 0) & (heard <= scenario.attribute_sizes))).all(axis=-1)
        goal = np.where(told, worlds.goal[:, None], heard - 1) * is_told[..., None]  # (B, A, G)
        if scenario.is_decided_by_answers:
            acts[..., 1 + stage.message_length :] = goal
        for a in range(scenario.num_agents):
            advice = scenario.plan(replace(worlds, goal=goal[:, a].astype(worlds.goal.dtype)))[:, a]
            is_advised = (advice[:, None] >> np.arange(scenario.num_actions)) & 1
            acts[:, a, 0] = np.where(is_told[:, a], is_advised.argmax(axis=1), Act.STAY)
        return acts


class _BoxParallelEnv(ParallelEnv[str, Observation, np.ndarray]):
    def __init__(self, stage: Stage, render_mode: str | None) -> None:
        self.stage = stage
        self.render_mode = checked_render_mode(render_mode)
        self.metadata = {**METADATA, "name": f"boxlings_{stage.scenario.kind}_v0", "is_parallelizable": True}
        self.possible_agents = [f"agent_{a}" for a in range(stage.scenario.num_agents)]
        self.agents: list[str] = []
        self.observation_spaces = {agent: stage.observation_space() for agent in self.possible_agents}
        self.action_spaces = {agent: stage.action_space() for agent in self.possible_agents}

    def observation_space(self, agent: str) -> spaces.Dict:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.MultiDiscrete:
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observation], dict[str, dict[str, Any]]]:
        self.stage.reset(seed)
        self.agents = self.possible_agents[:]
        return self._observe(), self._infos()

    def step(
        self, actions: dict[str, np.ndarray]
    ) -> tuple[dict[str, Observation], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        agents = self.possible_agents
        if not self.agents:
            raise ResetNeeded("no world is going on: call reset() first")
        if set(actions) != set(agents):
            raise ValueError(f"acts must be given for {', '.join(agents)}, got {', '.join(actions) or 'none'}")
        acts = np.array([self.stage.check(actions[agent], (), f"act of {agent}") for agent in agents])
        reward, decided, ran_out = self.stage.step(acts[None])
        if decided[0] or ran_out[0]:
            self.agents = []
        return (
            self._observe(),
            dict(zip(agents, reward[0].tolist(), strict=True)),
            dict.fromkeys(agents, bool(decided[0])),
            dict.fromkeys(agents, bool(ran_out[0])),
            self._infos(),
        )

    def render(self) -> np.ndarray | None:
        return None if self.render_mode is None else self.stage.picture(0)

    def _observe(self) -> dict[str, Observation]:
        observation = self.stage.observe()
        return {
            agent: {key: value[0, a] for key, value in observation.items()}
            for a, agent in enumerate(self.possible_agents)
        }

    def _infos(self) -> dict[str, dict[str, Any]]:
        return {agent: self.stage.info(0) for agent in self.possible_agents}


class BoxEnv(gymnasium.Env[Observation, np.ndarray]):
    def __init__(self, side: OneAgent, render_mode: str | None) -> None:
        self.side, self.stage = side, side.stage
        self.metadata = METADATA.copy()
        self.render_mode = checked_render_mode(render_mode)
        self.observation_space = self.stage.observation_space()
        self.action_space = self.stage.action_space()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        if seed is not None:
            whole_number("seed", seed, 0, LAST_NUMBER)
        super().reset(seed=seed)  # sets a generator that wrappers may use; the worlds do not
        self.stage.reset(seed)
        return self._only(self.side.observe()), self.stage.info(0)

    def step(self, action: np.ndarray) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        if not self.stage.has_begun or self.stage.is_over[0]:
            raise ResetNeeded("no world is going on: call reset() first")
        act = self.stage.check(action, (), "act")
        reward, decided, ran_out = self.side.step(act[None])
        observation = self._only(self.side.observe())
        return observation, float(reward[0]), bool(decided[0]), bool(ran_out[0]), self.stage.info(0)

    def render(self) -> Any:  # an array, or nothing without a render mode
        return None if self.render_mode is None else self.stage.picture(0)

    def _only(self, observation: Observation) -> Observation:
        return {key: value[0] for key, value in observation.items()}


class BoxVectorEnv(gymnasium.vector.VectorEnv[Observation, np.ndarray, np.ndarray]):
    def __init__(self, side: OneAgent, render_mode: str | None) -> None:
        self.side, self.stage = side, side.stage
        self.metadata = {**METADATA, "autoreset_mode": AutoresetMode.NEXT_STEP}
        self.num_envs = self.stage.num_worlds
        self.render_mode = checked_render_mode(render_mode)
        self.single_observation_space = self.stage.observation_space()
        self.single_action_space = self.stage.action_space()
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.has_ended = np.zeros(self.num_envs, bool)  # in the last step, so that a new world begins in the next

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        if seed is not None:
            whole_number("seed", seed, 0, LAST_NUMBER)
        super().reset(seed=seed)
        self.has_ended[:] = False
        self.stage.reset(seed)
        return self.side.observe(), self._infos()

    def step(self, actions: np.ndarray) -> tuple[Observation, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        if not self.stage.has_begun:
            raise ResetNeeded("no world is going on: call reset() first")
        acts = self.stage.check(actions, (self.num_envs,), "acts")
        reward, decided, ran_out = self.side.step(acts)
        self.stage.renew(np.flatnonzero(self.has_ended))  # these stood still and were paid nothing
        self.has_ended = decided | ran_out
        return self.side.observe(), reward, decided, ran_out, self._infos()

    def render(self) -> Any:  # a tuple of arrays, or nothing without a render mode
        return None if self.render_mode is None else tuple(map(self.stage.picture, range(self.num_envs)))

    def _infos(self) -> dict[str, Any]:
        infos: dict[str, Any] = self.stage.infos()
        # gymnasium marks with an underscore which environments have an entry: here all of them
        return infos | {f"_{key}": np.ones(self.num_envs, bool) for key in infos}


def parallel_env(name: str | Scenario, *, render_mode: str | None = None, **options: Any) -> _BoxParallelEnv:
    """One world of a scenario (its name, or a Scenario) as a pettingzoo.ParallelEnv with agents `agent_0`, ...

    Acts, observations, infos and `options` are those of the module's docstring. `reset(seed=n)` begins world number n,
    and without a seed the next one. Rewards are floats. All agents end together, and then there are no agents.
    """
    return _BoxParallelEnv(Stage(name, 1, **options), render_mode)


def gym_env(
    name: str | Scenario,
    *,
    role: str = "builder",
    partner: str | Partner | None = None,
    render_mode: str | None = None,
    **options: Any,
) -> BoxEnv:
    """One agent's side of a scenario (its name, or a Scenario) as a gymnasium.Env.

    Controlled is the first agent whose `role` is "builder" or "guide". `partner` acts for the others; it is one of

        "idle"      guides name the goal: symbol k of their message is 1 + value k. Builders stay where they are. The
                    default for a builder, on which then everything depends.
        "able"      the same guides; builders do what they hear in these words, by the simulator's own search, and
                    answer it. The default for a guide, which thus has to learn these words.
        a function  of observations with leading axes (B, A), B = 1 here, to acts (B, A, D). The rows of the controlled
                    agents are not used.

    Both ready partners are silent without a channel. Acts, observations, infos and `options` are those of the module's
    docstring; `reset(seed=n)` begins world number n, and without a seed the next one.
    """
    return BoxEnv(Company(Stage(name, 1, **options), role, partner), render_mode)


def gym_vector_env(
    name: str | Scenario,
    num_envs: int = 1,
    *,
    role: str = "builder",
    partner: str | Partner | None = None,
    render_mode: str | None = None,
    **options: Any,
) -> BoxVectorEnv:
    """`num_envs` worlds as a gymnasium.vector.VectorEnv, stepped together as arrays; the rest is as in `gym_env`.

    Environment b is `gym_env` with `world_stride=num_envs` after `reset(seed=seed + b)`: all of them together play all
    worlds from `seed` on, each once. Autoreset is NEXT_STEP: after the last step of a world comes one in which its
    act is not used, the reward is 0, and the next world begins. Rewards are (num_envs,) float64.
    """
    options.setdefault("world_stride", num_envs)
    return BoxVectorEnv(Company(Stage(name, num_envs, **options), role, partner), render_mode)


def env_id(name: str) -> str:
    """The id of a scenario in gymnasium's registry.

    >>> env_id("guide")
    'boxlings/Guide-v0'
    """
    return f"boxlings/{name.replace('-', ' ').replace('_', ' ').title().replace(' ', '')}-v0"


def checked_render_mode(render_mode: str | None) -> str | None:
    """The render mode; ValueError if there is none of that name."""
    if render_mode not in (None, "rgb_array"):
        raise ValueError(f"render_mode must be rgb_array or None, got {render_mode!r}")
    return render_mode


for _name in scenarios.names():
    if env_id(_name) not in gymnasium.registry:  # a module may be imported twice, as by importlib.reload
        gymnasium.register(
            env_id(_name),
            entry_point="world.faces:gym_env",
            vector_entry_point="world.faces:gym_vector_env",
            kwargs={"name": _name},
        )
