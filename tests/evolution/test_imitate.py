"""Imitation: students come to do as teachers do, and children as both parents."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import kl_div

from evolution.imitate import Lesson, distil, divergence, imitate, lesson_of
from evolution.learn import RowAdam
from population.policy import Policy
from tests.evolution.conftest import drawn_population
from tests.evolution.test_gather import gathered, of, without_the_end

SCENARIOS = ["name", "ask", "forage"]
ENOUGH_WORLDS = {"name": 10, "ask": 10, "forage": 3}
OPTIONS = {"learning_rate": 1e-2, "max_norm": 1.0}


def far(policy: Policy, genomes: Tensor, lesson: Lesson) -> Tensor:
    """How far genomes are from their teachers, (n,), in all."""
    with torch.no_grad():
        return divergence(policy, policy.weights_of(genomes), lesson).sum()


@pytest.mark.parametrize("name", SCENARIOS)
def test_divergence_is_that_of_distributions_and_nothing_from_oneself(name: str):
    policy, genomes, scenario = drawn_population(name)
    experience = gathered(policy, genomes, scenario)
    experience = without_the_end(experience)
    lesson = lesson_of(policy, genomes, experience)
    torch.testing.assert_close(far(policy, genomes, lesson), torch.zeros(4), rtol=0, atol=1e-6)
    teacher_of = torch.tensor([2, 0, 2])
    chosen = lesson.of(teacher_of)
    torch.testing.assert_close(far(policy, genomes[teacher_of], chosen), torch.zeros(3), rtol=0, atol=1e-6)
    others = genomes.roll(1, dims=0)
    with torch.no_grad():
        parts = divergence(policy, policy.weights_of(others), lesson)
    # again, genome by genome, by torch's own divergence
    theirs = lesson_of(policy, others, experience)
    expected = torch.zeros(3, 4)
    for row in range(4):
        each = [
            [
                kl_div(student[row], teacher[row], reduction="none", log_target=True).sum(dim=-1)
                for student, teacher in zip(*both, strict=True)
            ]
            for both in zip(theirs.answers, lesson.answers, strict=True)
        ]
        active = torch.cat([part.is_active[row] > 0 for part in experience])
        expected[0, row] = torch.cat([step[0] for step in each])[active].mean()
        expected[1, row] = torch.cat([step[1].mean(dim=-1) for step in each])[active].mean()
        expected[2, row] = torch.cat([torch.stack(step[2:]).mean(dim=0) for step in each])[active].mean()
    torch.testing.assert_close(torch.stack([parts.act, parts.say, parts.belief]), expected, rtol=1e-4, atol=1e-6)
    assert (expected > 1e-4).all()


@pytest.mark.parametrize("name", SCENARIOS)
def test_students_come_to_do_as_their_teachers_do_also_where_they_were_not_taught(name: str):
    policy, genomes, scenario = drawn_population(name)
    elites, students = genomes[:2], genomes[2:].clone()
    before = elites.clone()
    teacher_of = torch.tensor([1, 0])
    lesson, exam = (
        lesson_of(policy, elites, gathered(policy, elites, scenario, seed, worlds_each=ENOUGH_WORLDS[name])).of(
            teacher_of
        )
        for seed in (0, 1)
    )
    at_first = far(policy, students, exam)
    course = imitate(policy, students, [lesson], RowAdam(*students.shape), rounds=25, **OPTIONS)
    assert course.shape == (25, 2)
    torch.testing.assert_close(course[0], far(policy, genomes[2:], lesson))  # before the first round
    assert (far(policy, students, exam) < 0.35 * at_first).all()
    assert torch.equal(elites, before)
    # and not as the other elite does
    swapped = lesson_of(policy, elites, gathered(policy, elites, scenario, 1)).of(1 - teacher_of)
    assert (far(policy, students, exam) < far(policy, students, swapped)).all()


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_distilled_child_does_as_both_parents_do_and_better_than_either_in_the_others_place(name: str):
    policy, genomes, scenario = drawn_population(name)
    experience, unseen = (gathered(policy, genomes, scenario, seed, worlds_each=ENOUGH_WORLDS[name]) for seed in (0, 1))
    fitter, other = torch.tensor([0, 2, 1]), torch.tensor([1, 3, 0])
    before = genomes.clone()
    children, course = distil(policy, genomes, fitter, other, experience, rounds=25, **OPTIONS)
    assert torch.equal(genomes, before)
    of_fitter, of_other = (lesson_of(policy, genomes[each], of(unseen, each)) for each in (fitter, other))
    assert (far(policy, children, of_fitter) < 0.5 * far(policy, genomes[other], of_fitter)).all()
    assert (far(policy, children, of_other) < 0.5 * far(policy, genomes[fitter], of_other)).all()
    # it begins as the fitter one, who is far from the other alone
    there = lesson_of(policy, genomes[other], of(experience, other))
    torch.testing.assert_close(course[0], far(policy, genomes[fitter], there) / 2)


def test_the_child_of_one_parent_twice_is_that_parent():
    policy, genomes, scenario = drawn_population("name")
    parent = torch.tensor([2])
    experience = gathered(policy, genomes, scenario)
    children, course = distil(policy, genomes, parent, parent, experience, rounds=3, learning_rate=1e-6, max_norm=1.0)
    assert float(course.abs().max()) < 1e-5
    assert float((children - genomes[parent]).abs().max()) <= 3.1e-6
    nobody = torch.zeros(0, dtype=torch.int64)
    children, course = distil(policy, genomes, nobody, nobody, experience, rounds=3, **OPTIONS)
    assert children.shape == (0, genomes.shape[1])
    assert course.shape == (3, 0)


def test_each_student_may_have_a_learning_rate_of_its_own():
    policy, genomes, scenario = drawn_population("name")
    lesson = lesson_of(policy, genomes, gathered(policy, genomes, scenario)).of(torch.tensor([1, 2, 3, 0]))
    rates = torch.tensor([[0.0], [1e-3], [1e-2], [1e-2]])
    together = genomes.clone()
    imitate(policy, together, [lesson], RowAdam(*genomes.shape), learning_rate=rates, max_norm=1.0, rounds=4)
    for rate in (0.0, 1e-3, 1e-2):
        alone = genomes.clone()
        imitate(policy, alone, [lesson], RowAdam(*genomes.shape), learning_rate=rate, max_norm=1.0, rounds=4)
        rows = (rates == rate).flatten()
        torch.testing.assert_close(together[rows], alone[rows])
    assert torch.equal(together[0], genomes[0])


@pytest.mark.parametrize("num_students", [0, 1])
def test_there_may_be_one_student_or_none_and_the_same_lesson_teaches_the_same(num_students: int):
    policy, genomes, scenario = drawn_population("name")
    teacher_of = torch.full((num_students,), 3)
    lesson = lesson_of(policy, genomes, gathered(policy, genomes, scenario)).of(teacher_of)
    taught = []
    for _ in range(2):
        students = genomes[:num_students].clone()
        course = imitate(policy, students, [lesson], RowAdam(*students.shape), rounds=2, **OPTIONS)
        assert course.shape == (2, num_students)
        taught.append(students.numpy().tobytes())
    assert taught[0] == taught[1]
    assert num_students == 0 or taught[0] != genomes[:1].numpy().tobytes()
