"""The contracts of scenarios and of laws, as checks for who writes one of their own.

    from world.testing import check_law, check_scenario
    check_scenario(MyScenario())

Those of this project are held to it by their tests, as are their arenas to `check_arena`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

import numpy as np

from world.codes import OUTSIDE, WALL_BODY, WALL_COLOUR, Role
from world.engine import Arena, Body
from world.scenarios.base import Scenario
from world.splits import COMPOSITIONS, TRAIN
from world.state import Worlds
from world.statics import MAX_SIDE_CELLS, LawDoesNotApply, LawForm, check_grid
from world.symmetry import SYMMETRIES, transform

_NUM_WORLDS = 200
_NUMBERS = (0, 1, 2, 77, 2**31, 2**40 + 3, 2**62, 2**63 - 1)
_MAX_GOALS = 20_000  # of so many it is counted how often each comes up
_MAX_SETTINGS = 2000  # of a law, whose sentences are compared
_NUM_GRIDS = 300  # on which a law is tried
_ALL_ACTS = 5  # that a plan can advise


def check_scenario(scenario: Scenario) -> None:
    """Hold a scenario to everything that the project takes for granted of one; takes seconds.

    AssertionError with a sentence that names the first rule it breaks, and where. What winning is worth and how hard it
    is are a scenario's own affair.
    """
    for check in CHECKS:
        check(scenario)


def check_law(form: LawForm) -> None:
    """Hold a static law to what all of the book keep to; takes a second.

    It leaves the grid alone and gives a colour grid; a turned grid under the turned law gives the turned result, and so
    for renamed colours; where it does not apply, it does not in these either; it changes something; and its settings
    have sentences of their own. AssertionError with a sentence that names the first rule that it breaks.
    """
    rng = np.random.default_rng(0)
    values = [kind.values for kind in form.parameters.values()]
    settings = list(itertools.islice(itertools.product(*values), _MAX_SETTINGS))
    sentences = [form.sentence(*setting) for setting in settings]
    _require(len(set(sentences)) == len(settings), "different settings must have different sentences")
    num_changed = 0
    for _ in range(_NUM_GRIDS):
        grid = _drawn_grid(rng)
        setting = [kind.draw(rng) for kind in form.parameters.values()]
        told = f"with {', '.join(map(str, setting)) or 'no parameters'}"
        result = _applied(form, grid, setting, told)
        num_changed += result is not None and not np.array_equal(result, grid)
        again = _applied(form, grid, setting, told)
        _require(_is_equal(result, again), f"{told}: the same grid must give the same result")
        symmetry = list(SYMMETRIES)[rng.integers(len(SYMMETRIES))]
        kinds = list(form.parameters.values())
        turned = [kind.turn(value, symmetry) for kind, value in zip(kinds, setting, strict=True)]
        of_turned = _applied(form, transform(grid, symmetry), turned, told)
        expected = None if result is None else transform(result, symmetry)
        _require(_is_equal(of_turned, expected), f"{told}: the grid after {symmetry} must give the result after it")
        names = np.concatenate([[0], 1 + rng.permutation(9)]).astype(np.uint8)
        renamed = [kind.recolour(value, names.tolist()) for kind, value in zip(kinds, setting, strict=True)]
        of_renamed = _applied(form, names[grid], renamed, told)
        expected = None if result is None else names[result]
        _require(_is_equal(of_renamed, expected), f"{told}: renamed colours must give the result in these names")
    _require(num_changed > 0, f"it must change some of {_NUM_GRIDS} random grids")


def _drawn_grid(rng: np.random.Generator) -> np.ndarray:
    """Single cells or boxes in few colours on a small grid."""
    height, width = rng.integers(1, 9, size=2).tolist()
    grid = np.zeros((height, width), np.uint8)
    if rng.random() < 0.5:
        grid[:] = rng.integers(1, 4, size=grid.shape) * (rng.random(grid.shape) < 0.4)
        return grid
    for _ in range(rng.integers(4)):
        row, column, down, across = rng.integers([height, width, 5, 5]).tolist()
        grid[row : row + 1 + down, column : column + 1 + across] = rng.integers(1, 4)
    return grid


def _applied(form: LawForm, grid: np.ndarray, setting: list, told: str) -> np.ndarray | None:
    """What becomes of a grid; None where the law does not apply."""
    given = np.ascontiguousarray(grid)
    kept = given.copy()
    try:
        result = form.function(given, *setting)
    except LawDoesNotApply:
        result = None
    _require(np.array_equal(given, kept), f"{told}: the grid must be left as it is")
    if result is None:
        return None
    result = np.asarray(result)
    is_whole = result.dtype.kind in "iu" and result.min(initial=0) >= 0 and result.max(initial=0) < 256
    _require(is_whole, f"{told}: it must give an array of colours, got {result.dtype}")
    try:
        check_grid(result.astype(np.uint8))
    except ValueError as error:
        if max(np.shape(result), default=0) > MAX_SIDE_CELLS:
            return None  # as everywhere in the book
        raise AssertionError(f"{told}: {error}") from None
    _require(form.may_change_size or result.shape == kept.shape, f"{told}: the size must stay {kept.shape}")
    return result


def _is_equal(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)


# ---- the rules ----


def check_numbers_make_worlds(scenario: Scenario) -> None:
    """World number n of a split is the same world for ever: alone, in any batch and in any order."""
    _require(TRAIN in scenario.splits, f"splits must hold train, got {scenario.splits}")
    numbers = np.array(_NUMBERS)
    order = np.random.default_rng(0).permutation(len(numbers))
    for split in scenario.splits:
        batch = scenario.generate(numbers, split)
        for i, number in enumerate(_NUMBERS):
            alone = scenario.generate(numbers[i : i + 1], split)
            _require_same(alone, batch.take(np.array([i])), f"world {number} of {split}, alone and in a batch")
        _require_same(
            scenario.generate(numbers[order], split), batch.take(order), f"worlds of {split} in another order"
        )


def check_wrong_input_is_refused(scenario: Scenario) -> None:
    """A split that there is not, and numbers that are none, raise ValueError."""
    for numbers in (np.array([-1]), np.array([[1]]), np.array([1.5]), np.array(3)):
        _require_refused(partial(scenario.generate, numbers, TRAIN), f"generate of the numbers {numbers}")
    _require_refused(partial(scenario.generate, np.arange(2), "no such split"), "generate of a split that there is not")


def check_no_worlds_can_be_lived(scenario: Scenario) -> None:
    """A batch may be empty."""
    worlds = scenario.generate(np.zeros(0, np.int64), TRAIN)
    shape = scenario.observe(worlds).view.shape
    expected = (0, scenario.num_agents, *scenario.view_shape)
    _require(shape == expected, f"the view of no worlds must have shape {expected}, got {shape}")
    answers = np.zeros((0, scenario.num_agents, scenario.num_attributes), np.int16)
    reward = scenario.advance(worlds, np.zeros((0, scenario.num_agents), np.int8), answers)
    _require(
        reward.shape == expected[:2], f"the rewards of no worlds must have shape {expected[:2]}, got {reward.shape}"
    )


def check_worlds_stay_whole(scenario: Scenario) -> None:
    """Bodies are whole in every step; what is over stays so, pays nothing, and ends when its steps are up."""
    rng = np.random.default_rng(1)
    for split in scenario.splits:
        worlds = scenario.generate(np.arange(_NUM_WORLDS // 2), split)
        check_worlds(worlds)
        _require(not (worlds.is_over | worlds.is_won).any(), f"a world of {split} is over before it begins")
        for step in range(scenario.num_steps):
            where = f"step {step + 1} of {split}"
            was_over, was_won = worlds.is_over.copy(), worlds.is_won.copy()
            reward = scenario.advance(worlds, draw_acts(rng, scenario, worlds), draw_answers(rng, scenario, worlds))
            check_worlds(worlds)
            told = f"{reward.dtype} {reward.shape}"
            is_good = reward.dtype == np.float32 and reward.shape == worlds.role.shape and np.isfinite(reward).all()
            _require(is_good, f"rewards must be finite float32 {worlds.role.shape}, got {told} in {where}")
            _require(not reward[was_over].any(), f"a world that is over pays in {where}")
            _require(worlds.is_over[was_over].all(), f"a world that was over goes on in {where}")
            _require((worlds.is_won[was_over] == was_won[was_over]).all(), f"a world is won after its end in {where}")
            _require(not (worlds.is_won & ~worlds.is_over).any(), f"a world is won and goes on in {where}")
            counts = worlds.steps_taken[~was_over]
            _require((counts == step + 1).all(), f"steps_taken must be {step + 1} in worlds that go on, in {where}")
        _require(worlds.is_over.all(), f"a world of {split} goes on after {scenario.num_steps} steps")


def check_lives_repeat(scenario: Scenario) -> None:
    """The same acts in the same world give the same, in every step."""
    ends: list[Worlds] = []
    for _ in range(2):
        rng = np.random.default_rng(7)
        worlds = scenario.generate(np.arange(_NUM_WORLDS // 2), TRAIN)
        for _ in range(scenario.num_steps):
            scenario.advance(worlds, draw_acts(rng, scenario, worlds), draw_answers(rng, scenario, worlds))
        ends.append(worlds)
    _require_same(ends[0], ends[1], "two lives of the same worlds")


def check_guides(scenario: Scenario) -> None:
    """Each world has one guide, or none has any; every seat guides equally often."""
    for split in scenario.splits[:2]:
        worlds = scenario.generate(np.arange(10 * _NUM_WORLDS), split)
        is_guide = worlds.role == Role.GUIDE
        expected = int(scenario.has_guide)
        _require((is_guide.sum(axis=1) == expected).all(), f"every world of {split} must have {expected} guide")
        share = expected / scenario.num_agents
        spread = np.sqrt(share * (1 - share) / len(worlds))
        is_even = (abs(is_guide.mean(axis=0) - share) <= 5 * spread).all()
        _require(is_even, f"every seat must guide equally often, got {is_guide.mean(axis=0).round(3)} in {split}")


def check_meanings(scenario: Scenario) -> None:
    """Splits part all meanings between them; every value is trained on, and held out in other company."""
    splits = [
        split for split in (TRAIN, COMPOSITIONS) if split in scenario.splits
    ]  # of one attribute nothing is held out
    found = {split: {tuple(meaning) for meaning in scenario.meanings(split).tolist()} for split in splits}
    train, held_out = found[TRAIN], found.get(COMPOSITIONS, set())
    _require(not train & held_out, f"a meaning is trained on and held out: {sorted(train & held_out)[:1]}")
    if scenario.has_guide:
        every = set(itertools.product(*map(range, scenario.attribute_sizes)))
        _require(train | held_out == every, "a meaning belongs to no split")
        share = len(held_out) / len(every)
        _require(
            COMPOSITIONS not in splits or 0.1 <= share <= 0.3,
            f"0.1 to 0.3 of all meanings must be held out, got {share:.2f}",
        )
    for split in splits if scenario.has_guide else splits[:1]:
        for k, attribute in enumerate(scenario.attributes):
            missing = set(range(len(attribute))) - set(scenario.meanings(split)[:, k].tolist())
            _require(not missing, f"{attribute.name} has values {sorted(missing)} that are not in split {split}")
    words = [scenario.meaning_in_words(meaning) for meaning in scenario.meanings(TRAIN)[:1000]]
    _require(len(set(words)) == len(words), "two meanings read the same in words")


def check_goals(scenario: Scenario) -> None:
    """Worlds have goals of their split only, each equally often."""
    if not scenario.has_guide:
        return
    for split in scenario.splits:
        meanings = scenario.meanings(split)
        index = {tuple(meaning): i for i, meaning in enumerate(meanings.tolist())}
        goals = scenario.generate(np.arange(min(20 * len(meanings), _MAX_GOALS)), split).goal.tolist()
        strangers = [goal for goal in goals if tuple(goal) not in index]
        _require(not strangers, f"a world of {split} has the goal {strangers[:1]}, which is not of that split")
        counts = np.bincount([index[tuple(goal)] for goal in goals], minlength=len(meanings))
        expected = len(goals) / len(meanings)
        chi_squared = float(((counts - expected) ** 2 / expected).sum())
        freedom = len(meanings) - 1
        is_even = chi_squared <= freedom + 5 * np.sqrt(2 * freedom)
        _require(is_even, f"goals of {split} must be equally frequent, got chi squared {chi_squared:.0f} for {freedom}")


def check_choices(scenario: Scenario) -> None:
    """Where builders choose, the goal is among the candidates once."""
    for split in scenario.splits:
        worlds = scenario.generate(np.arange(50), split)
        expected = (50, scenario.num_choices, scenario.num_attributes)
        _require(worlds.choices.shape == expected, f"choices must have shape {expected}, got {worlds.choices.shape}")
        if scenario.num_choices:
            times = (worlds.choices == worlds.goal[:, None]).all(axis=-1).sum(axis=1)
            _require((times == 1).all(), f"the goal must be among the candidates once, got {times.max()} in {split}")


def check_senses(scenario: Scenario) -> None:
    """Views have their shape and codes; builders are not told the goal, and what they see does not depend on it."""
    worlds = scenario.generate(np.arange(_NUM_WORLDS), TRAIN)
    observation = scenario.observe(worlds)
    is_guide = worlds.role == Role.GUIDE
    expected = (*worlds.role.shape, *scenario.view_shape)
    _require(observation.view.shape == expected, f"views must have shape {expected}, got {observation.view.shape}")
    _require(observation.view.max() < scenario.num_looks, f"look codes must be below {scenario.num_looks}")
    _require(not observation.view[~observation.sees].any(), "the view of an agent that does not see must be 0")
    if not scenario.takes_turns:
        _require(not observation.knows[~is_guide].any(), "a builder is told the goal")
        is_told = (observation.sees == scenario.guide_sees) & (observation.knows != scenario.guide_sees)
        _require(is_told[is_guide].all(), "a guide must see or be told the goal, as guide_sees says")
    other = worlds.copy()
    other.goal = worlds.goal[::-1].copy()
    is_same = observation.view[~is_guide] == scenario.observe(other).view[~is_guide]
    _require(bool(is_same.all()), "what builders see depends on the goal")


def check_plan(scenario: Scenario) -> None:
    """The search advises acts that there are, nothing where a world is over, and changes nothing."""
    rng = np.random.default_rng(3)
    worlds = scenario.generate(np.arange(_NUM_WORLDS // 2), TRAIN)
    worlds.is_over[::7] = True
    for _ in range(min(scenario.num_steps, 20)):
        before = worlds.copy()
        plan = scenario.plan(worlds)
        _require_same(worlds, before, "worlds before and after a plan")
        is_good = plan.shape == worlds.role.shape and plan.dtype == np.uint8 and plan.max(initial=0) < 1 << _ALL_ACTS
        _require(
            is_good, f"a plan must be uint8 {worlds.role.shape} below {1 << _ALL_ACTS}, got {plan.dtype} {plan.shape}"
        )
        _require(not plan[worlds.is_over].any(), "a plan advises something in a world that is over")
        _require(not plan[worlds.agent_body == 0].any(), "a plan advises something to an agent without a body")
        scenario.advance(worlds, draw_acts(rng, scenario, worlds), draw_answers(rng, scenario, worlds))


CHECKS: tuple[Callable[[Scenario], None], ...] = (
    check_numbers_make_worlds, check_wrong_input_is_refused, check_no_worlds_can_be_lived, check_worlds_stay_whole,
    check_lives_repeat, check_guides, check_meanings, check_goals, check_choices, check_senses, check_plan,
)  # fmt: skip


# ---- states ----


def check_worlds(worlds: Worlds) -> None:
    """The bodies are whole, and what a scenario adds has the shape of the worlds."""
    check_arena(worlds.arena)
    num_worlds, height, width = worlds.owner.shape
    shapes: dict[str, tuple[int, ...]] = {"floor": (num_worlds, height, width)}
    shapes |= dict.fromkeys(("last_action", "last_moved", "agent_body"), worlds.role.shape)
    shapes |= dict.fromkeys(("is_over", "is_won", "steps_taken", "num_done"), (num_worlds,))
    for name, expected in shapes.items():
        found = getattr(worlds, name).shape
        _require(found == expected, f"{name} must have shape {expected}, got {found}")
    _require(worlds.floor.max(initial=0) < 10, f"floor must hold colours below 10, got {worlds.floor.max(initial=0)}")


def check_arena(arena: Arena) -> None:
    """All that the arrays say of one thing agrees: who owns a cell, lists of cells, sizes, looks, agents."""
    m, k = arena.margin_cells, arena.size.shape[1]
    is_margin = np.ones((arena.height_cells + 2 * m, arena.stride), bool)
    is_margin[m : m + arena.height_cells, m : m + arena.width_cells] = False
    _require((arena.owner[:, is_margin.ravel()] == WALL_BODY).all(), "a cell of the margin is no wall")
    _require((arena.look[:, is_margin.ravel()] == OUTSIDE).all(), "a cell of the margin does not look like the outside")
    _require((arena.colour[:, WALL_BODY] == WALL_COLOUR).all(), "walls have another colour")
    _require((arena.flags[:, WALL_BODY] == Body.ANCHORED).all(), "walls are not anchored")
    _require(arena.colour.max(initial=0) <= 10, "a colour is above 10")
    _require(arena.flags.max(initial=0) < 16, "a body has flags that there are not")
    grid, worlds = arena.grid(), np.arange(len(arena))[:, None, None]
    _require(grid.max(initial=0) < k, "a cell belongs to a body that there is not")
    is_seen = np.array_equal(arena.picture(), np.where(grid > 0, arena.colour[worlds, grid], 0))
    _require(is_seen, "a cell has another colour than its body")
    counts = np.bincount((grid + worlds * k).ravel(), minlength=len(arena) * k).reshape(len(arena), k)
    _require(np.array_equal(arena.size[:, 2:], counts[:, 2:]), "a body has another size than its cells")
    _require((arena.size[:, :2] == 0).all(), "nothing and walls have a size")
    _check_lists(arena)
    _check_agents(arena)


def draw_acts(rng: np.random.Generator, scenario: Scenario, worlds: Worlds) -> np.ndarray:
    """Acts (B, A) int8: in every second world one that the plan advises, elsewhere any; random acts seldom win."""
    bits = (scenario.plan(worlds)[..., None] >> np.arange(_ALL_ACTS)) & 1
    advised = (bits * (rng.random(bits.shape) + 1e-6)).argmax(axis=-1)
    drawn = rng.integers(0, _ALL_ACTS, worlds.role.shape)
    return np.where(np.arange(len(worlds))[:, None] % 2 == 0, advised, drawn).astype(np.int8)


def draw_answers(rng: np.random.Generator, scenario: Scenario, worlds: Worlds) -> np.ndarray:
    """What each agent says the goal is, (B, A, G) int16; right in half of the worlds."""
    answers = rng.integers(0, scenario.attribute_sizes, (*worlds.role.shape, scenario.num_attributes))
    is_right = rng.random(len(worlds)) < 0.5
    return np.where(is_right[:, None, None], worlds.goal[:, None], answers).astype(np.int16)


# ---- parts ----


def _check_lists(arena: Arena) -> None:
    """Every cell of a body is in its list once, the list has no other cells, and the body hangs together."""
    is_body = (arena.owner > WALL_BODY) & (arena.look != OUTSIDE)
    visits = np.zeros(arena.owner.shape, int)
    place = arena.first_cell.astype(int)
    for _ in range(arena.owner.shape[1] + 1):
        b, body = np.nonzero(place >= 0)
        if len(b) == 0:
            break
        at = place[b, body]
        _require((arena.owner[b, at] == body).all(), "a list of cells has one of another body")
        visits[b, at] += 1
        place[b, body] = arena.next_cell[b, at]
    _require((place < 0).all(), "a list of cells has no end")
    _require(np.array_equal(visits, is_body), "a cell is not in the list of its body, or twice")
    b, body = np.nonzero(arena.first_cell >= 0)
    reached = np.zeros(arena.owner.shape, bool)
    reached[b, arena.first_cell[b, body]] = True
    grows = True
    while grows:
        count = reached.sum()
        for step in (-arena.stride, arena.stride, -1, 1):
            is_same = np.roll(arena.owner, step, axis=1) == arena.owner
            reached |= np.roll(reached, step, axis=1) & is_same & is_body
        grows = reached.sum() > count
    _require(np.array_equal(reached, is_body), "a body is in several pieces")


def _check_agents(arena: Arena) -> None:
    for bodies, cells, owner in zip(arena.agent_body.tolist(), arena.agent_cell.tolist(), arena.owner, strict=True):
        present = [body for body in bodies if body]
        _require(len(set(present)) == len(present), "two agents have one body")
        for body, cell in zip(bodies, cells, strict=True):
            is_there = (body > WALL_BODY and cell >= 0 and owner[cell] == body) if body else cell == -1
            _require(is_there, f"an agent with body {body} has cell {cell}")


def _require(is_so: bool | np.bool_, sentence: str) -> None:
    """Not by `assert`, which `python -O` leaves out."""
    if not is_so:
        raise AssertionError(sentence)


def _require_same(one: Worlds, other: Worlds, what: str) -> None:
    others = other.arrays()
    for name, values in one.arrays().items():
        _require(np.array_equal(values, others[name]), f"{what} differ in {name}")


def _require_refused(make: Callable[[], object], what: str) -> None:
    try:
        make()
    except ValueError:
        return
    raise AssertionError(f"{what} must raise ValueError")
