"""Imitation: to act, say and believe as a teacher does in the same situation (behaviour cloning).

Two uses. A child of two parents is *distilled*: it begins as a copy of the fitter one and learns to do as each of them
does in its own experience (distillation crossover of Bodnar et al. 2020, https://arxiv.org/abs/1906.09807; departure:
they ask a critic which parent does better in a situation; most of our games are learned without a value to go by, so
each parent is taken to know best where it has been). And those who do badly can learn from *elites*, in the elites'
experience.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from evolution.learn import RowAdam
from evolution.relive import Part, relive
from population.policy import Beliefs, Policy, Response


@dataclass(frozen=True)
class Lesson:
    """What P teachers lived through, and what they would do there."""

    experience: tuple[Part, ...]
    answers: tuple[tuple[Tensor, ...], ...]  # for each part, log-probabilities: see `_answers`

    def of(self, teacher_of: Tensor) -> Lesson:
        """A lesson for n students: student k has teacher number teacher_of[k] (n,) int64."""
        answers = tuple(tuple(each[teacher_of] for each in part) for part in self.answers)
        return Lesson(tuple(part.of(teacher_of) for part in self.experience), answers)


@dataclass(frozen=True)
class Divergence:
    """How far students are from their teachers: Kullback-Leibler divergences in nats, (n,) each, 0 if they are alike.

    Means over steps of worlds that were not over, and over places of a message and attributes of a goal.
    """

    act: Tensor
    say: Tensor
    belief: Tensor

    def sum(self) -> Tensor:
        return self.act + self.say + self.belief


@torch.no_grad()
def lesson_of(policy: Policy, teachers: Tensor, experience: tuple[Part, ...]) -> Lesson:
    """What teachers (P, parameters) would do in an experience with a row for each of them."""
    lived = relive(policy, policy.weights_of(teachers), experience)
    return Lesson(experience, tuple(_answers(beliefs, response) for _, beliefs, response in lived))


def divergence(policy: Policy, weights: dict[str, Tensor], lesson: Lesson) -> Divergence:
    """How far students, given their layers, are from their teachers; a lesson with a row for each student."""
    genomes = lesson.experience[0].act
    sums = [torch.zeros(len(genomes), device=genomes.device) for _ in range(3)]
    count = sums[0].clone()
    lived = relive(policy, weights, lesson.experience)
    for (rows, beliefs, response), taught in zip(lived, lesson.answers, strict=True):
        each = [
            (ours.exp() * (ours - theirs)).sum(dim=-1)
            for ours, theirs in zip(taught, _answers(beliefs, response), strict=True)
        ]
        active = rows.is_active
        count = count + active.sum(dim=1)
        for k, part in enumerate((each[0], each[1].mean(dim=-1), torch.stack(each[2:]).mean(dim=0))):
            sums[k] = sums[k] + (part * active).sum(dim=1)
    return Divergence(*(part / count.clamp_min(1) for part in sums))


def imitate(
    policy: Policy,
    students: Tensor,
    lessons: Sequence[Lesson],
    optimiser: RowAdam,
    *,
    learning_rate: float | Tensor,
    max_norm: float,
    rounds: int,
) -> Tensor:
    """Students (n, parameters) learn, in place, from lessons with a row for each; all lessons count the same.

    `optimiser` has n rows, and `learning_rate` is one for all or (n, 1). Returns how far they were from their teachers
    before each round, (rounds, n), in nats: acts, symbols and beliefs together. Minimising the divergence is minimising
    the cross-entropy with what the teacher would do, whose own entropy no student changes.
    """
    far = []
    for _ in range(rounds if len(students) else 0):
        leaf = students.detach().requires_grad_(True)
        weights = policy.weights_of(leaf)
        loss = torch.stack([divergence(policy, weights, lesson).sum() for lesson in lessons]).mean(dim=0)
        optimiser.update(students, torch.autograd.grad(loss.sum(), leaf)[0], learning_rate, max_norm)
        far.append(loss.detach())
    return torch.stack(far) if far else torch.zeros(rounds, len(students), device=students.device)


def distil(
    policy: Policy,
    genomes: Tensor,
    fitter: Tensor,
    other: Tensor,
    experience: tuple[Part, ...],
    *,
    learning_rate: float | Tensor,
    max_norm: float,
    rounds: int,
) -> tuple[Tensor, Tensor]:
    """Children (n, parameters) of two parents each: the fitter one's copies, which learn to do as both do.

    `fitter` and `other` (n,) int64 into the genomes (P, parameters), whose `experience` has a row for each genome.
    Returns beside the children how far they were from both parents, as `imitate`.
    """
    children = genomes[fitter]
    if not len(children):
        return children, torch.zeros(rounds, 0, device=genomes.device)
    lessons = [
        lesson_of(policy, genomes[parents], tuple(part.of(parents) for part in experience))
        for parents in (fitter, other)
    ]
    optimiser = RowAdam(len(children), children.shape[1], str(genomes.device))
    return children, imitate(
        policy, children, lessons, optimiser, learning_rate=learning_rate, max_norm=max_norm, rounds=rounds
    )


def _answers(beliefs: Beliefs, response: Response) -> tuple[Tensor, ...]:
    """Log-probabilities of acts (P, N, actions), symbols (P, N, L, V) and values of each attribute (P, N, values)."""
    logits = (response.act_logits, response.say_logits, *beliefs.by_attribute())
    return tuple(torch.log_softmax(part, dim=-1) for part in logits)
