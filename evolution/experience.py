"""Experience: what boxlings sensed and heard in some worlds, to be lived again by themselves or by others.

Less than a rollout (`evolution.live`): no rewards, nothing to record. Games that are decided by words are over after
two or three steps, so that there it is as cheap as the pure language game.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from evolution.live import Body, choose, voices_of
from evolution.seats import draw_offsets, familiar_offsets, seat
from language.channel import Intervention, deliver, draw_symbols, until_end
from population.memory import Memory
from population.policy import Beliefs, Policy, Response, Rows, Senses
from world.scenarios.base import Scenario
from world.sense import is_audible
from world.splits import TRAIN


@dataclass(frozen=True)
class Situation:
    """One step of P x N boxlings."""

    senses: Senses
    heard: Tensor | None  # (P, N, S, L * V) one-hot; None before anything was said
    is_active: Tensor  # (P, N) bool: the world was not over


@dataclass(frozen=True)
class Experience:
    """Steps from birth on, with empty memories, of P genomes in N seats each."""

    voices: Tensor  # (P, N, S) int64: roles of those who are heard
    situations: tuple[Situation, ...]

    def of(self, genomes: Tensor) -> Experience:
        """The experience of these genomes (n,) int64 into P; one may come up more than once."""

        def chosen(step: Situation) -> Situation:
            senses, num_seats = step.senses, step.senses.body.shape[1]
            return Situation(
                replace(
                    senses,
                    body=senses.body[genomes],
                    sees=_rows_of(senses.sees, genomes, num_seats),
                    view=None if senses.view is None else senses.view[genomes],
                    knows=_rows_of(senses.knows, genomes, num_seats),
                    goal=None if senses.goal is None else senses.goal[genomes],
                ),
                None if step.heard is None else step.heard[genomes],
                step.is_active[genomes],
            )

        return Experience(self.voices[genomes], tuple(chosen(step) for step in self.situations))


def _rows_of(rows: Rows | None, genomes: Tensor, num_seats: int) -> Rows | None:
    if rows is None:
        return None
    places = rows.flat.view(-1, rows.num_rows)[genomes] % num_seats
    first = num_seats * torch.arange(len(genomes), device=genomes.device)
    is_real = None if rows.is_real is None else rows.is_real[genomes]
    return Rows((places + first.unsqueeze(1)).flatten(), rows.num_rows, is_real)


@torch.no_grad()
def gather(
    policy: Policy,
    genomes: Tensor,
    scenario: Scenario,
    *,
    worlds_each: int,
    rng: np.random.Generator,
    generator: torch.Generator,
    num_steps: int | None = None,
    hearing_radius_cells: int = 0,
) -> Experience:
    """What these genomes live through among themselves, each guiding `worlds_each` fresh worlds of training.

    Acts and symbols are drawn, as while learning. Worlds are left after `num_steps`, if they are not over before.
    """
    if not len(genomes) or worlds_each < 1:
        raise ValueError(f"experience takes 1 genome and 1 world or more, got {len(genomes)} and {worlds_each}")
    device, spec = str(genomes.device), policy.spec
    worlds = scenario.generate(rng.integers(2**62, size=len(genomes) * worlds_each), TRAIN)
    offsets = draw_offsets(rng, familiar_offsets(len(genomes)), worlds_each, scenario.num_agents - 1)
    seating = seat(worlds.role, len(genomes), offsets, device)
    body = Body(policy, scenario, worlds, seating, device)
    voices = seating.to_genomes(torch.from_numpy(voices_of(worlds.role)).to(device))
    weights = policy.weights_of(genomes)
    memory = Memory.newborn(len(genomes), body.roles.shape[1], spec.width, device)
    heard = None
    situations = []
    for _ in range(min(num_steps or scenario.num_steps, scenario.num_steps)):
        senses = body.senses(worlds, scenario.observe(worlds).view)
        is_active = seating.to_genomes(
            torch.from_numpy(~worlds.is_over).to(device).unsqueeze(1).expand(worlds.role.shape)
        )
        situations.append(Situation(senses, heard, is_active))
        memory, beliefs, response = policy.step(weights, heard, voices, senses, memory)
        act, _ = choose(response.act_logits, generator)
        _, message = draw_symbols(response.say_logits, generator)
        answers = seating.to_worlds(body.answers(beliefs)).cpu().numpy().astype(np.int16)
        scenario.advance(worlds, seating.to_worlds(act).cpu().numpy().astype(np.int8), answers)
        if worlds.is_over.all():
            break
        if scenario.num_agents > 1:
            audible = is_audible(worlds, hearing_radius_cells) & scenario.had_turn(worlds)[:, None]
            said = seating.to_worlds(until_end(message) if spec.has_end else message)
            arrived = deliver(said, torch.from_numpy(audible).to(device), Intervention(), has_end=spec.has_end)
            heard = seating.to_genomes(arrived.flatten(-2))
    return Experience(voices, tuple(situations))


def relive(
    policy: Policy, weights: dict[str, Tensor], experience: Experience
) -> Iterator[tuple[Situation, Beliefs, Response]]:
    """What P genomes, given their layers, would believe and do at each step of an experience, from birth on."""
    population, num_seats = experience.voices.shape[:2]
    memory = Memory.newborn(population, num_seats, policy.spec.width, str(experience.voices.device))
    for step in experience.situations:
        memory, beliefs, response = policy.step(weights, step.heard, experience.voices, step.senses, memory)
        yield step, beliefs, response
