"""Lineages: what is asked of a family tree equals a walk through it, and what is no tree is refused."""

from __future__ import annotations

import numpy as np
import pytest

from population.lineage import NO_FATHER, NO_MOTHER, Birth, Lineage

NUM_BIRTHS = 60


def drawn_births(seed: int) -> list[Birth]:
    """Some founders and their descendants, about half of them with a father, ids with gaps."""
    rng = np.random.default_rng(seed)
    births: list[Birth] = []
    for k in range(NUM_BIRTHS):
        ids = [birth.boxling for birth in births]
        is_founder = k < 4
        mother = NO_MOTHER if is_founder else int(rng.choice(ids[-12:]))
        father = NO_FATHER if is_founder or rng.random() < 0.5 else int(rng.choice(ids))
        births.append(Birth(3 * k + 2, mother, k // 6, "founder" if is_founder else "mutant", father))
    return births


def parents_of(births: list[Birth], both: bool) -> dict[int, set[int]]:
    return {b.boxling: {b.mother, b.father} - {-1} if both else {b.mother} - {-1} for b in births}


def all_reached(start: int, links: dict[int, set[int]]) -> set[int]:
    """Everybody that links lead to, one way or another, the start included."""
    reached: set[int] = set()
    waiting = {start}
    while waiting:
        reached |= waiting
        waiting = set().union(*(links[each] for each in waiting)) - reached
    return reached


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_ancestors_descendants_and_those_in_common_are_found_by_walking(seed: int, both: bool):
    births = drawn_births(seed)
    order = np.random.default_rng(seed).permutation(NUM_BIRTHS)
    lineage = Lineage.of_births([births[k] for k in order])  # given in any order
    parents = parents_of(births, both)
    children: dict[int, set[int]] = {each: set() for each in parents}
    for child, theirs in parents.items():
        for parent in theirs:
            children[parent].add(child)
    before = {each: all_reached(each, parents) for each in parents}
    num_shared = 0
    for each in parents:
        assert lineage.ancestors(each, both).tolist() == sorted(before[each], reverse=True)
        assert lineage.descendants(each, both).tolist() == sorted(all_reached(each, children) - {each})
        for other in parents:
            shared = max(before[each] & before[other], default=None)
            assert lineage.common_ancestor(each, other, both) == shared
            num_shared += shared is not None
    assert NUM_BIRTHS < num_shared < NUM_BIRTHS**2
    assert [lineage.birth(birth.boxling) for birth in births] == births


def test_a_clan_is_whom_a_founder_is_the_last_ancestor_of():
    lineage = Lineage.of_births(drawn_births(0))
    clans = lineage.clans()
    assert clans.tolist() == [lineage.ancestors(each)[-1] for each in lineage.boxlings]
    assert set(clans) == {2, 5, 8, 11}


def test_generations_between_are_the_births_on_the_way():
    #        1
    #    2      3
    #   4 5     6        7 is of nobody
    lineage = Lineage([1, 2, 3, 4, 5, 6, 7], [-1, 1, 1, 2, 2, 3, -1])
    expected = {(1, 1): 0, (1, 2): 1, (4, 1): 2, (2, 3): 2, (4, 5): 2, (4, 6): 4, (5, 3): 3, (4, 7): None}
    assert {pair: lineage.generations_between(*pair) for pair in expected} == expected
    assert {pair: lineage.generations_between(*pair[::-1]) for pair in expected} == expected


def test_whose_mother_is_not_known_is_a_founder():
    lineage = Lineage([5, 8, 9], mothers=[3, 5, 7])
    assert lineage.clans().tolist() == [5, 5, 9]
    assert lineage.ancestors(8).tolist() == [8, 5]


def test_very_many_births_in_one_line_are_no_matter():
    num_births = 200_000
    lineage = Lineage(np.arange(num_births), np.arange(num_births) - 1)
    assert not lineage.clans().any()
    assert lineage.birth(num_births - 1).mother == num_births - 2
    wide = Lineage(np.arange(num_births), (np.arange(num_births) - 1) // 2)
    assert len(wide.descendants(0)) == num_births - 1
    assert wide.ancestors(num_births - 1)[-1] == 0
    assert len(wide.ancestors(num_births - 1)) == 18


def test_nobody_has_a_lineage_too():
    lineage = Lineage([], [])
    assert len(lineage) == len(lineage.clans()) == 0
    with pytest.raises(ValueError, match="boxling must be one that was born, nobody, got 1"):
        lineage.ancestors(1)


def test_what_is_no_lineage_is_refused():
    with pytest.raises(ValueError, match="a boxling must be born once, got boxling 2 twice"):
        Lineage([2, 2], [-1, -1])
    with pytest.raises(ValueError, match="a mother must have a smaller id than its child, got mother 2 of 1"):
        Lineage([1, 2], [2, -1])
    with pytest.raises(ValueError, match="a father must have a smaller id than its child, got father 1 of 1"):
        Lineage([1, 2], [-1, -1], [1, -1])
    with pytest.raises(ValueError, match=r"mothers must be one for each of 2 boxlings, got shape \(1,\)"):
        Lineage([1, 2], [-1])
    for unknown in (0, 3, 4, 9):
        with pytest.raises(ValueError, match=f"boxling must be one that was born, 1 to 5, got {unknown}"):
            Lineage([1, 2, 5], [-1, 1, 1]).descendants(unknown)
