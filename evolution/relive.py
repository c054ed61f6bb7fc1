"""A rollout as learning takes it: what boxlings of one role lived through, genome by genome, all steps side by side.

Roles stay with seats, so guides and builders are two *parts* with rows of their own: nobody's acts are worked out who
does not act, and no picture where nobody sees. In a part the steps of all seats of a genome are rows (P, T * N) of one
matrix, since memories are the only thing that hangs on the step before, and they can be unrolled (`population.memory`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evolution.live import Rollout, goal_one_hot, live
from evolution.seats import draw_offsets, familiar_offsets, seat
from language.channel import SILENCE, Intervention, other_agents, sent_symbols
from population.gradients import sum_of_rows
from population.memory import Course
from population.policy import Beliefs, Policy, Response, Rows, Senses, rows_where
from population.spec import PolicySpec
from world.codes import Role
from world.scenarios.base import Scenario
from world.splits import TRAIN


@dataclass(frozen=True)
class Part:
    """What all boxlings of one role lived through: P genomes, T steps, N seats; R = T * N rows, the step first."""

    role: Role
    course: Course
    tokens: Tensor  # (P, R, J) int32: which tokens came in, see `Policy.token_table`; -1 for none
    sees: Rows | None
    view: Tensor | None  # (P, M, h, w) uint8
    knows: Rows | None
    told: Tensor | None  # (P, M', sum of attribute sizes) float32 one-hot
    symbols: Tensor  # (P, R, L) int64 in [0, V)
    say_log_prob: Tensor  # (P, R)
    act: Tensor  # (P, R) int64
    act_log_prob: Tensor  # (P, R)
    advantage: Tensor  # (P, R)
    returns: Tensor  # (P, R)
    goal: Tensor  # (P, R, G) int64
    choices: Tensor | None  # (P, R, C, G) int64
    advice: Tensor  # (P, R) int64
    edit_class: Tensor  # (P, R) int64
    is_active: Tensor  # (P, R) float32: the world was not over
    is_own_act: Tensor  # (P, R) float32
    can_believe: Tensor  # (P, R) float32: active, and not in its first step, when nothing has been heard yet

    def of(self, genomes: slice | Tensor) -> Part:
        """What these genomes lived through; where they are given by numbers (n,) int64, one may come up repeatedly."""

        def cut(value: object) -> object:
            if isinstance(value, Course):
                return Course(value.is_new[genomes])
            if isinstance(value, Rows):
                places = value.flat.view(-1, value.num_rows)[genomes] % self.act.shape[1]
                first = self.act.shape[1] * torch.arange(len(places), device=places.device)
                is_real = None if value.is_real is None else value.is_real[genomes]
                return Rows((places + first.unsqueeze(1)).flatten(), value.num_rows, is_real)
            return value[genomes] if isinstance(value, Tensor) else value

        return Part(**{name: cut(value) for name, value in vars(self).items()})  # type: ignore[arg-type]

    @property
    def senses(self) -> Senses:
        """What is seen and told besides the tokens."""
        return Senses(self.act, self.sees, self.view, self.knows, self.told)


@dataclass(frozen=True)
class Routes:
    """How a listener's gradient finds the speaker: who said, in the step before, what is heard in a row."""

    seat_of: np.ndarray  # (B, A) int64: genome * N + place of the seat among those of its role
    role: np.ndarray  # (B, A) int8
    reaches: np.ndarray  # (T, B, listener A, speaker A) bool: what was said in step t is heard in step t + 1
    arrived: np.ndarray  # (T, B, A, L) bool: and was not changed on its way


@dataclass(frozen=True)
class Lived:
    """A rollout, to be learned from."""

    parts: tuple[Part, ...]  # by role, those that there are
    routes: Routes
    num_steps: int
    population: int


def lived(rollout: Rollout, spec: PolicySpec, discount: float, gae_lambda: float, device: str = "cpu") -> Lived:
    """Turn a rollout around: from worlds and steps to genomes, roles and rows."""
    moments = rollout.moments
    sensed = [moment.sensed for moment in moments]

    def stacked(name: str) -> np.ndarray:
        return np.stack([getattr(each, name) for each in sensed])  # (T, B, ...)

    role = sensed[0].role
    num_worlds, num_agents = role.shape
    num_steps, population = len(moments), rollout.seating.population
    is_active, is_new = stacked("is_active"), stacked("is_new")
    advantage, returns = advantages(rollout, discount, gae_lambda)
    symbols = np.stack([moment.done.symbols for moment in moments])
    tokens = tokens_of(spec, sensed)
    order = rollout.seating.order.cpu().numpy().reshape(population, -1)
    parts, seat_of = [], np.zeros(role.size, np.int64)
    for part_role in Role:
        mine = order[(role.ravel()[order] == part_role)].reshape(population, -1)
        if not mine.size:
            continue
        seat_of[mine] = np.arange(mine.size).reshape(mine.shape)
        shape = (population, num_steps * mine.shape[1])

        def rows(values: np.ndarray, mine: np.ndarray = mine, shape: tuple[int, int] = shape) -> Tensor:
            """(T, B, A, ...) to (P, T * N, ...)."""
            by_seat = values.reshape(num_steps, num_worlds * num_agents, *values.shape[3:])[:, mine].swapaxes(0, 1)
            return torch.from_numpy(np.ascontiguousarray(by_seat).reshape(*shape, *values.shape[3:])).to(device)

        def of_worlds(values: np.ndarray, rows=rows) -> Tensor:  # type: ignore[no-untyped-def]
            each = np.broadcast_to(values[:, :, None], (*values.shape[:2], num_agents, *values.shape[2:]))
            return rows(each)

        sees, knows = rows_where(rows(stacked("sees"))), rows_where(rows(stacked("knows")))
        goal = of_worlds(stacked("goal").astype(np.int64))
        told = goal_one_hot(goal, spec, rows(stacked("told"))) if knows is not None else None
        active, new = of_worlds(is_active), of_worlds(is_new)
        parts.append(
            Part(
                role=part_role,
                course=Course(new.unflatten(1, (num_steps, -1))),
                tokens=rows(tokens),
                sees=sees,
                view=None if sees is None else sees.pick(rows(stacked("view"))),
                knows=knows,
                told=None if knows is None or told is None else knows.pick(told),
                symbols=rows(symbols).long(),
                say_log_prob=rows(np.stack([moment.done.say_log_prob for moment in moments])),
                act=rows(np.stack([moment.done.act for moment in moments])).long(),
                act_log_prob=rows(np.stack([moment.done.act_log_prob for moment in moments])),
                advantage=rows(advantage),
                returns=rows(returns),
                goal=goal,
                choices=of_worlds(stacked("choices").astype(np.int64)) if sensed[0].choices.shape[1] else None,
                advice=rows(np.stack([moment.advice for moment in moments])).long(),
                edit_class=rows(np.stack([moment.edit_class for moment in moments])).long(),
                is_active=active.float(),
                is_own_act=rows(np.stack([moment.is_own_act for moment in moments])).float(),
                can_believe=(active & ~new).float(),
            )
        )
    sent = sent_symbols(symbols, spec.num_symbols, spec.has_end)
    arrived = np.zeros(symbols.shape, bool)
    arrived[:-1] = sent[:-1] == stacked("heard")[1:]
    reaches = np.zeros((num_steps, num_worlds, num_agents, num_agents), bool)
    goes_on = is_active[1:] & ~is_new[1:]
    reaches[:-1] = stacked("audible")[1:] & goes_on[:, :, None, None]
    routes = Routes(seat_of.reshape(role.shape), role, reaches, arrived)
    return Lived(tuple(parts), routes, num_steps, population)


def relive(
    policy: Policy, weights: dict[str, Tensor], parts: Iterable[Part]
) -> Iterator[tuple[Part, Beliefs, Response]]:
    """What genomes, given their layers, would believe and do in each row of what they, or others, lived through."""
    for part in parts:
        memory, beliefs = policy.believe(weights, sum_of_rows(weights["tokens"], part.tokens), part.course)
        yield part, beliefs, policy.respond(weights, part.senses, memory, beliefs, part.course)[1]


def gather(
    policy: Policy,
    genomes: Tensor,
    scenario: Scenario,
    *,
    worlds_each: int,
    rng: np.random.Generator,
    hearing_radius_cells: int = 0,
) -> tuple[Part, ...]:
    """What these genomes live through among themselves, each guiding `worlds_each` fresh worlds of training.

    Acts and symbols are drawn, as while learning.
    """
    if not len(genomes) or worlds_each < 1:
        raise ValueError(f"experience takes 1 genome and 1 world or more, got {len(genomes)} and {worlds_each}")
    worlds = scenario.generate(rng.integers(2**62, size=len(genomes) * worlds_each), TRAIN)
    offsets = draw_offsets(rng, familiar_offsets(len(genomes)), worlds_each, scenario.num_agents - 1)
    rollout = live(
        policy, genomes, scenario, worlds, seat(worlds.role, len(genomes), offsets), channel=Intervention(),
        hearing_radius_cells=hearing_radius_cells, rng=rng, explores=True, keeps=True,
    )  # fmt: skip
    return lived(rollout, policy.spec, 1.0, 1.0, str(genomes.device)).parts


def tokens_of(spec: PolicySpec, sensed: list) -> np.ndarray:  # type: ignore[type-arg]
    """Which tokens came in, (T, B, A, J) int32, -1 for none: the body's state, words by voice, and what was told."""
    length, v = spec.message_length, spec.num_symbols
    first_value = 2 * length * v
    starts = first_value + np.concatenate([[0], np.cumsum(spec.attribute_sizes)])
    steps = []
    for each in sensed:
        num_worlds, num_agents = each.role.shape
        state = starts[-1] + each.last_action.astype(np.int64) * 4 + each.last_moved * 2 + each.role
        found = [state[..., None]]
        if num_agents > 1:
            voice = np.where(each.role == Role.GUIDE, 0, length * v)
            words = voice[..., None] + np.arange(length) * v + each.heard
            words[each.heard == SILENCE] = -1
            others = other_agents(num_agents).numpy()  # (A, A - 1)
            reaches = np.take_along_axis(each.audible, np.broadcast_to(others, (num_worlds, *others.shape)), axis=2)
            found.append(np.where(reaches[..., None], words[:, others], -1).reshape(num_worlds, num_agents, -1))
        if each.knows.any():
            values = np.where(each.knows[..., None] & each.told, (starts[:-1] + each.goal)[:, None], -1)
            found.append(values)
        steps.append(np.concatenate(found, axis=-1).astype(np.int32))
    return np.stack(steps)


def advantages(rollout: Rollout, discount: float, gae_lambda: float) -> tuple[np.ndarray, np.ndarray]:
    """Generalised advantage estimates (Schulman et al. 2016, https://arxiv.org/abs/1506.02438), (T, B, A) float32.

    Advantages are normalised over the builders' active steps of each genome; returns are the targets of the value.
    """
    moments = rollout.moments
    after = rollout.last_value
    running = np.zeros_like(after)
    advantage = np.zeros((len(moments), *after.shape), np.float32)
    for t in range(len(moments) - 1, -1, -1):
        moment = moments[t]
        goes_on = moment.goes_on[:, None]
        surprise = moment.reward + discount * after * goes_on - moment.done.value
        running = surprise + discount * gae_lambda * goes_on * running
        advantage[t] = running
        after = moment.done.value
    returns = advantage + np.stack([moment.done.value for moment in moments])
    counts = np.stack([moment.sensed.is_active[:, None] & moment.is_own_act for moment in moments])
    counts &= moments[0].sensed.role == Role.BUILDER
    genome = np.broadcast_to(rollout.seating.genome_of, counts.shape)[counts]
    population = rollout.seating.population
    num = np.maximum(np.bincount(genome, minlength=population), 1)
    mean = np.bincount(genome, advantage[counts], population) / num
    variance = np.bincount(genome, np.square(advantage[counts] - mean[genome]), population) / num
    genome_of = rollout.seating.genome_of
    normal = (advantage - mean[genome_of]) / (np.sqrt(variance)[genome_of] + 1e-4)
    return normal.astype(np.float32), returns.astype(np.float32)
