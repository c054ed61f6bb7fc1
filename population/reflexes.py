"""One step of all boxlings without gradients, compiled: what they hear and see in, acts, words and beliefs out.

The same networks as `population.policy`, to rounding, for whoever lives and does not learn. A genome's seats are worked
through together, one genome after another, so that its parameters and all that comes of them stay in the cache of one
core; several threads take several genomes. What one genome does hangs on nothing that is computed for another, so the
results are the same to the bit whatever the number of threads. Symbols are looked up, never multiplied as one-hot rows,
and seats in worlds that are over cost nothing.

Where a linear layer follows another one with nothing between them, both are one table, worked out once per genome: what
the experts make of every token (`Policy.weights_of`), what a believed value does to thought, and what it asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from language.channel import as_heard
from population.arithmetic import (
    add_product,
    compiled,
    draw,
    exponentials,
    fill_rows,
    largest_of,
    rectify,
    remember,
    softmax,
)
from population.experts import IS_THING, TOUCH, ExpertUse
from population.policy import ABOUT_SHARPNESS, Policy
from population.spec import NUM_TOUCHES, PolicySpec

# what a kernel reads of the layout: where each of these layers begins in a genome, in this order
_LAYERS = (
    "language.input", "language.bias", "situation.input", "situation.bias", "belief", "belief.bias", "think",
    "think.bias", "decide", "decide.bias", "act", "act.bias", "value", "value.bias", "eyes.conv", "eyes.conv_bias",
    "eyes.pattern", "eyes.pattern_bias", "eyes.part_0", "eyes.part_bias_0", "eyes.part_1", "eyes.part_bias_1",
    "eyes.part_2", "eyes.part_bias_2", "say.part_0", "say.part_1", "say.part_2", "say.about", "say.asked",
)  # fmt: skip
(
    _LANGUAGE, _LANGUAGE_BIAS, _SITUATION, _SITUATION_BIAS, _BELIEF, _BELIEF_BIAS, _THINK, _THINK_BIAS, _DECIDE,
    _DECIDE_BIAS, _ACT, _ACT_BIAS, _VALUE, _VALUE_BIAS, _CONV, _CONV_BIAS, _PATTERN, _PATTERN_BIAS,
    _PART_0, _PART_BIAS_0, _PART_1, _PART_BIAS_1, _PART_2, _PART_BIAS_2, _SAY_PART_0, _SAY_PART_1, _SAY_PART_2,
    _ABOUT, _ASKED,
) = range(len(_LAYERS))  # fmt: skip

# and what it reads of the spec, in this order
(
    _WIDTH, _SYMBOLS, _LENGTH, _ACTIONS, _LOOKS, _ROWS, _COLS, _CHANNELS, _SIDE, _HEADS, _TOPICS, _HAS_TOPICS,
    _IS_TOLD, _IS_ASKED, _HAS_END,
) = range(15)  # fmt: skip

_TOUCH = np.array(TOUCH, np.int64)
_IS_THING = np.array(IS_THING, np.int64)
_SHARPNESS = np.float32(ABOUT_SHARPNESS)
_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


@dataclass(frozen=True)
class Sensed:
    """What the agents of B worlds sense, as the world says it; see `world.scenarios.base.Observation`."""

    view: np.ndarray  # (B, A, h, w) uint8
    sees: np.ndarray  # (B, A) bool
    knows: np.ndarray  # (B, A) bool
    told: np.ndarray  # (B, A, G) bool
    goal: np.ndarray  # (B, G) int16
    role: np.ndarray  # (B, A) int8
    last_action: np.ndarray  # (B, A) int8
    last_moved: np.ndarray  # (B, A) bool
    choices: np.ndarray  # (B, C, G) int16; C is 0 for anything
    heard: np.ndarray  # (B, A, L) int16: what each agent said a step ago, as it arrives; -1 for nothing
    audible: np.ndarray  # (B, listener A, speaker A) bool
    is_active: np.ndarray  # (B,) bool: worlds that are not over
    is_new: np.ndarray  # (B,) bool: worlds that begin, so that memories are empty

    def take(self, num_worlds: int) -> Sensed:
        """A copy of what the first of the worlds say."""
        return Sensed(**{name: values[:num_worlds].copy() for name, values in vars(self).items()})


@dataclass(frozen=True)
class Done:
    """What the agents of B worlds do; anything in worlds that are not active."""

    act: np.ndarray  # (B, A) int8
    symbols: np.ndarray  # (B, A, L) int16 in [0, V)
    answers: np.ndarray  # (B, A, G) int16: what each believes the goal to be
    act_log_prob: np.ndarray  # (B, A) float32; 0 unless asked for, like the two below
    say_log_prob: np.ndarray  # (B, A) float32
    value: np.ndarray  # (B, A) float32

    @staticmethod
    def nothing(num_worlds: int, num_agents: int, length: int, num_attributes: int) -> Done:
        """Room for a step."""
        shape = (num_worlds, num_agents)
        return Done(
            np.zeros(shape, np.int8), np.zeros((*shape, length), np.int16),
            np.zeros((*shape, num_attributes), np.int16), np.zeros(shape, np.float32), np.zeros(shape, np.float32),
            np.zeros(shape, np.float32),
        )  # fmt: skip


class Reflexes:
    """The policy of `genomes` (P, parameters), for seats whose memories it keeps.

    `order` (P, N) int64: the world-major places (world * A + agent) of each genome's seats.
    """

    def __init__(self, policy: Policy, genomes: Tensor, order: np.ndarray) -> None:
        spec = self.spec = policy.spec
        layout = policy.layout
        self.genomes = np.ascontiguousarray(genomes.detach().cpu().numpy())
        self.order = np.ascontiguousarray(order.astype(np.int64))
        population, num_seats = order.shape
        self.starts = np.array([layout.slices[n].start if n in layout.slices else -1 for n in _LAYERS], np.int64)
        self.sizes = np.array(
            [
                spec.width, spec.num_symbols, spec.message_length, spec.num_actions, spec.num_looks, *spec.view_shape,
                spec.conv_channels, spec.near_cells, spec.query_heads if spec.visible_attributes else 0,
                spec.num_topics, spec.has_topics, spec.is_told_goal, spec.is_asked, spec.has_end,
            ],
            np.int64,
        )  # fmt: skip
        self.attribute_sizes = np.array(spec.attribute_sizes, np.int64)
        self.is_visible = np.isin(np.arange(len(spec.attribute_sizes)), spec.visible_attributes)
        with torch.no_grad():
            weights = policy.weights_of(torch.from_numpy(self.genomes))
            empty = torch.zeros(population, 0, 1)
            self.tokens = _array(weights["tokens"])  # (P, tokens, D)
            self.shares = weights["tokens.shares"]
            self.about = _array(weights["about"])  # (P, L, topics)
            self.thoughts = _array(weights["thoughts"])
            words, touches, wishes, finds = empty, empty, empty, torch.zeros(population, 0, 0, 1)
            blank = weights["eyes.bias"] if "eyes.bias" in weights else empty[:, :, 0]
            if spec.near_cells:
                # most cells are empty: what all of them would add comes first, and the others make the difference
                near = weights["eyes.near"].unflatten(1, (-1, NUM_TOUCHES))
                blank = blank + near[:, :, 0].sum(dim=1)
                touches = (near - near[:, :, :1]).flatten(1, 2)
            if "words" in weights:
                words = weights["words"]
            elif spec.is_asked and spec.has_topics:
                words = torch.bmm(weights["goal"], weights["say.goal"])
            if "questions" in weights:
                wishes, finds = _attention_tables(weights, spec)
            self.wishes, self.finds, self.words = _array(wishes), _array(finds), _array(words)
            self.touches, self.blank = _array(touches), _array(blank)
            self.first_about = _array(policy.first_about)
            # what is thought has a fixed share of each place of a message, but in replies
            self.say = _array(torch.cat([weights["say"], weights["say.bias"].unsqueeze(1)], dim=1))  # (P, 2 D + 1, L V)
            if not (spec.is_asked and spec.has_topics):
                self.say *= np.repeat(self.about[:, None, :, -1], spec.num_symbols, axis=2)
        shape = (population, num_seats, spec.width)
        self.language, self.situation = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self.token_counts = np.zeros((population, self.tokens.shape[1]), np.int64)
        self.act_counts = np.zeros((population, spec.num_actions), np.int64)  # how often each act was chosen
        self.said_counts = np.zeros((population, spec.num_symbols), np.int64)  # and each symbol said, but the end
        self.visual_calls, self.visual_tokens = 0, 0

    def step(
        self,
        sensed: Sensed,
        done: Done,
        share: Callable[[Callable[[int, int], None], int], None],
        *,
        chances: np.ndarray | None = None,
        forced: np.ndarray | None = None,
        weighs: bool = False,
    ) -> None:
        """Live one step, into `done`.

        Acts and symbols are the most probable ones, or drawn by `chances` (B, A, 1 + L) float32 in [0, 1). An act that
        is `forced` (B, A) int8, unless -1, is taken whatever the boxling would have done. `weighs`: values and
        probabilities are wanted, too.
        """
        shape = sensed.role.shape
        explores = chances is not None
        if chances is None:
            chances = np.zeros((1, 1, 1), np.float32)
        forces = forced is not None
        if forced is None:
            forced = np.full((1, 1), -1, np.int8)
        seen = sensed.sees & sensed.is_active[:, None]
        view = sensed.view.reshape(sensed.sees.size, -1)  # by seat and cell
        self.visual_tokens += int(seen.sum())
        self.visual_calls += bool(seen.any())

        def work(first: int, last: int) -> None:
            _live(
                first, last, self.genomes, self.starts, self.sizes, self.attribute_sizes, self.is_visible,
                self.tokens, self.thoughts, self.wishes, self.finds, self.touches, self.blank, self.words, self.say,
                self.about, self.first_about, self.order, self.language, self.situation, self.token_counts, shape[1],
                view, sensed.sees, sensed.knows, sensed.told, sensed.goal, sensed.role, sensed.last_action,
                sensed.last_moved, sensed.choices, sensed.heard, sensed.audible, sensed.is_active, sensed.is_new,
                chances, forced, explores, forces, weighs, self.act_counts, self.said_counts, done.act, done.symbols,
                done.answers, done.act_log_prob, done.say_log_prob, done.value,
            )  # fmt: skip

        share(work, len(self.genomes))

    def uncount(self, symbols: np.ndarray, is_silent: np.ndarray) -> None:
        """What was just said, (B, A, L), by those who were silent in truth, (B, A) bool, does not count."""
        genome_of = np.empty(is_silent.size, np.int64)
        genome_of[self.order] = np.arange(len(self.order))[:, None]
        drawn = torch.from_numpy(symbols[is_silent].astype(np.int64))
        said = as_heard(drawn, self.spec.num_symbols, self.spec.has_end).numpy() - 1
        genome = np.broadcast_to(genome_of.reshape(is_silent.shape)[is_silent][:, None], said.shape)
        np.subtract.at(self.said_counts, (genome[said >= 0], said[said >= 0]), 1)

    def use(self) -> ExpertUse:
        """What the experts did until now."""
        spec = self.spec
        added = tuple(expert.name for expert in spec.added_experts)
        use = ExpertUse(spec.num_experts, self.visual_calls, self.visual_tokens, added=added)
        counts = torch.from_numpy(self.token_counts).float()
        ends = np.cumsum([2 * spec.message_length * spec.num_symbols, sum(spec.attribute_sizes), spec.num_body_states])
        for modality, end, size in zip(("heard", "goal", "body"), ends, np.diff(ends, prepend=0), strict=True):
            use.note(modality, self.shares[:, end - size : end], counts[:, end - size : end])
        return use


def _array(values: Tensor) -> np.ndarray:
    return np.ascontiguousarray(values.detach().numpy().astype(np.float32, copy=False))


def _attention_tables(weights: dict[str, Tensor], spec: PolicySpec) -> tuple[Tensor, Tensor]:
    """How much each believed value looks for what is seen, and what is thought of each cell where it is found.

    (P, visible values, heads * (looks + cells)), the products of questions with keys; and (P, visible attributes,
    cells, D).
    """
    keys = torch.cat([weights["eyes.look_key"], weights["eyes.place_key"]], dim=1)
    questions = weights["questions"].unflatten(-1, (spec.query_heads, spec.key_width))
    wishes = torch.bmm(questions.flatten(1, 2), keys.transpose(1, 2)).view(*questions.shape[:2], -1)
    found = weights["eyes.found"].unflatten(1, (len(spec.visible_attributes), 2 * spec.key_width))
    return wishes, weights["eyes.place_value"].unsqueeze(1) @ found


@compiled
def _matrix(genome, start, rows, cols):
    return genome[start : start + rows * cols].reshape((rows, cols))


@compiled
def _live(
    first, last, genomes, starts, sizes, attribute_sizes, is_visible, tokens, thoughts, wishes, finds, touches,
    blank, words, say, about, first_about, order, language, situation, token_counts, num_agents, view, sees, knows,
    told, goal, role, last_action, last_moved, choices, heard, audible, is_active, is_new, chances, forced, explores,
    forces, weighs, act_counts, said_counts, act, symbols, answers, act_log_prob, say_log_prob, value,
):  # fmt: skip
    """One step of the seats of genomes first to last; see `Reflexes.step`."""
    num_seats = order.shape[1]
    d, v, length = sizes[_WIDTH], sizes[_SYMBOLS], sizes[_LENGTH]
    num_values = tokens.shape[1] - 2 * length * v - 4 * sizes[_ACTIONS]
    f = np.float32
    rows = np.empty(num_seats, np.int64)  # seats in worlds that are not over
    world_of, agent_of = np.empty(num_seats, np.int64), np.empty(num_seats, np.int64)  # of these rows
    seeing = np.empty(num_seats, np.int64)  # those of them that see: places in rows
    stream, idea = np.empty((num_seats, d), f), np.empty((num_seats, d), f)
    gates, opening = np.empty((num_seats, 2 * d), f), np.empty(num_seats * d, f)
    beliefs = np.empty((num_seats, num_values), f)
    seen = np.empty((num_seats, d), f)
    both, thought = np.empty((num_seats, 2 * d), f), np.empty((num_seats, d), f)
    parts = np.empty((3, num_seats, d), f)
    act_logits = np.empty((num_seats, sizes[_ACTIONS]), f)
    values = np.empty((num_seats, 1), f)
    say_logits = np.empty((num_seats, length * v), f)
    most_scores = num_seats * len(finds[0]) * sizes[_HEADS] * (sizes[_ROWS] * sizes[_COLS] + 1)
    most = max(num_seats * d, num_seats * num_values, v, sizes[_ACTIONS], most_scores)
    powers = np.empty(most, np.int32)
    for p in range(first, last):
        num_rows, num_seeing = 0, 0
        for n in range(num_seats):
            b, a = order[p, n] // num_agents, order[p, n] % num_agents
            if not is_active[b]:
                continue
            if is_new[b]:
                language[p, n] = _ZERO
                situation[p, n] = _ZERO
            if sees[b, a]:
                seeing[num_seeing] = num_rows
                num_seeing += 1
            rows[num_rows], world_of[num_rows], agent_of[num_rows] = n, b, a
            num_rows += 1
        if num_rows == 0:
            continue
        genome = genomes[p]
        _hear(
            num_rows, world_of, agent_of, num_agents, tokens[p], token_counts[p], sizes, attribute_sizes, knows, told,
            goal, role, last_action, last_moved, heard, audible, stream,
        )  # fmt: skip
        remember(
            stream, gates, language[p], rows, _matrix(genome, starts[_LANGUAGE], d, 2 * d),
            genome[starts[_LANGUAGE_BIAS] : starts[_LANGUAGE_BIAS] + 2 * d], num_rows, opening, powers,
        )  # fmt: skip
        fill_rows(beliefs, genome[starts[_BELIEF_BIAS] : starts[_BELIEF_BIAS] + num_values], num_rows)
        add_product(stream, _matrix(genome, starts[_BELIEF], d, num_values), beliefs, num_rows)
        _believe(num_rows, world_of, agent_of, attribute_sizes, choices, beliefs, answers, powers)
        if num_seeing > 0:
            _look(
                seeing, num_seeing, rows, order[p], genome, starts, sizes, attribute_sizes, is_visible, wishes[p],
                finds[p], touches[p], blank[p], beliefs, view, seen, parts, powers,
            )  # fmt: skip
        _think(
            rows, num_rows, seeing, num_seeing, genome, starts, sizes, attribute_sizes, is_visible, thoughts[p],
            beliefs, seen, idea, both,
        )  # fmt: skip
        remember(
            idea, gates, situation[p], rows, _matrix(genome, starts[_SITUATION], d, 2 * d),
            genome[starts[_SITUATION_BIAS] : starts[_SITUATION_BIAS] + 2 * d], num_rows, opening, powers,
        )  # fmt: skip
        for i in range(num_rows):
            for j in range(d):
                both[i, d + j] = idea[i, j]
        fill_rows(thought, genome[starts[_DECIDE_BIAS] : starts[_DECIDE_BIAS] + d], num_rows)
        add_product(both, _matrix(genome, starts[_DECIDE], 2 * d, d), thought, num_rows)
        rectify(thought, num_rows)
        num_actions = sizes[_ACTIONS]
        fill_rows(act_logits, genome[starts[_ACT_BIAS] : starts[_ACT_BIAS] + num_actions], num_rows)
        add_product(thought, _matrix(genome, starts[_ACT], d, num_actions), act_logits, num_rows)
        if weighs:
            fill_rows(values, genome[starts[_VALUE_BIAS] : starts[_VALUE_BIAS] + 1], num_rows)
            add_product(thought, _matrix(genome, starts[_VALUE], d, 1), values, num_rows)
        for i in range(num_rows):
            for j in range(d):
                both[i, j] = stream[i, j]
                both[i, d + j] = thought[i, j]
        _speak(
            num_rows, world_of, agent_of, seeing, num_seeing, genome, starts, sizes, attribute_sizes, say[p], about[p],
            first_about, words[p], beliefs, parts, knows, told, goal, both, say_logits, powers,
        )  # fmt: skip
        for i in range(num_rows):
            b, a = world_of[i], agent_of[i]
            logits = act_logits[i]
            chosen = largest_of(logits)
            if explores or weighs:
                is_forced = forces and forced[b, a] >= 0
                logit = logits[forced[b, a]] if is_forced else _ZERO
                largest, total = softmax(logits, powers)
                if explores:
                    chosen = draw(logits, chances[b, a, 0])
                if is_forced:  # however improbable, its logarithm is finite
                    chosen = forced[b, a]
                    act_log_prob[b, a] = logit - largest - np.log(total)
                else:
                    act_log_prob[b, a] = np.log(logits[chosen])
            act[b, a] = chosen
            act_counts[p, chosen] += 1
            if weighs:
                value[b, a] = values[i, 0]
            log_prob = _ZERO
            goes_on = True
            for place in range(length):
                each = say_logits[i, place * v : (place + 1) * v]
                said = largest_of(each)
                if explores or weighs:
                    softmax(each, powers)
                    if explores:
                        said = draw(each, chances[b, a, 1 + place])
                    if goes_on:
                        log_prob += np.log(each[said])
                symbols[b, a, place] = said
                if sizes[_HAS_END] and said == v - 1:
                    goes_on = False
                said_counts[p, said] += goes_on
            say_log_prob[b, a] = log_prob


@compiled
def _hear(
    num_rows, world_of, agent_of, num_agents, tokens, counts, sizes, attribute_sizes, knows, told, goal, role,
    last_action, last_moved, heard, audible, stream,
):  # fmt: skip
    """What comes in that is not seen: the sum of the experts' readings of all tokens, into stream (n, D)."""
    v, length, width = sizes[_SYMBOLS], sizes[_LENGTH], sizes[_WIDTH]
    first_value = 2 * length * v
    first_state = len(tokens) - 4 * sizes[_ACTIONS]
    for i in range(num_rows):
        b, a = world_of[i], agent_of[i]
        token = first_state + last_action[b, a] * 4 + int(last_moved[b, a]) * 2 + role[b, a]
        counts[token] += 1
        for j in range(width):
            stream[i, j] = tokens[token, j]
        for other in range(num_agents):
            if other == a or not audible[b, a, other]:
                continue
            # the same symbol is another word in another role's voice
            voice = 0 if role[b, other] == 0 else length * v
            for place in range(length):
                symbol = heard[b, other, place]
                if symbol < 0:
                    continue
                token = voice + place * v + symbol
                counts[token] += 1
                for j in range(width):
                    stream[i, j] += tokens[token, j]
        if knows[b, a]:
            start = first_value
            for k in range(len(attribute_sizes)):
                if told[b, a, k]:
                    token = start + goal[b, k]
                    counts[token] += 1
                    for j in range(width):
                        stream[i, j] += tokens[token, j]
                start += attribute_sizes[k]


@compiled
def _believe(num_rows, world_of, agent_of, attribute_sizes, choices, beliefs, answers, powers):
    """Beliefs (n, values) from logits to probabilities, in place, and the most probable goal into answers."""
    num_choices = choices.shape[1]
    for i in range(num_rows):
        b, a = world_of[i], agent_of[i]
        start = 0
        for k in range(len(attribute_sizes)):
            best = start
            for value in range(start + 1, start + attribute_sizes[k]):
                if beliefs[i, value] > beliefs[i, best]:
                    best = value
            answers[b, a, k] = best - start
            largest = beliefs[i, best]
            for value in range(start, start + attribute_sizes[k]):
                beliefs[i, value] -= largest
            start += attribute_sizes[k]
        if num_choices:
            _choose(choices[b], attribute_sizes, beliefs[i], answers[b, a])
    exponentials(beliefs[:num_rows].reshape(num_rows * beliefs.shape[1]), powers)
    for i in range(num_rows):
        start = 0
        for k in range(len(attribute_sizes)):
            total = _ZERO
            for value in range(start, start + attribute_sizes[k]):
                total += beliefs[i, value]
            share = _ONE / total
            for value in range(start, start + attribute_sizes[k]):
                beliefs[i, value] *= share
            start += attribute_sizes[k]


@compiled
def _choose(choices, attribute_sizes, logits, answer):
    """The most probable of the candidates (C, G), the first of equal ones, into answer (G,).

    By the sum of logits: what log p adds to it is the same for all.
    """
    best, best_score = 0, np.float32(-np.inf)
    for c in range(len(choices)):
        score, start = _ZERO, 0
        for k in range(len(attribute_sizes)):
            score += logits[start + choices[c, k]]
            start += attribute_sizes[k]
        if score > best_score:
            best, best_score = c, score
    answer[:] = choices[best]


@compiled
def _look(
    seeing, num_seeing, rows, order, genome, starts, sizes, attribute_sizes, is_visible, wishes, finds, touches, blank,
    beliefs, view, seen, parts, powers,
):  # fmt: skip
    """The visual expert, for seats that see: into seen (m, D), and the parts of its summary into parts (3, m, D)."""
    d = sizes[_WIDTH]
    height, width = sizes[_ROWS], sizes[_COLS]
    fill_rows(seen, blank, num_seeing)
    if sizes[_CHANNELS] > 0:
        _sum_up(seeing, num_seeing, rows, order, genome, starts, sizes, view, seen, parts)
    side = sizes[_SIDE]
    if side > 0:
        top, left = (height - side) // 2, (width - side) // 2
        touched = np.empty(side * side, np.int64)
        for m in range(num_seeing):
            seat = order[rows[seeing[m]]]
            # written without a branch, as what a cell holds cannot be foreseen
            num_touched = 0
            for i in range(side):
                for j in range(side):
                    touch = _TOUCH[view[seat, (top + i) * width + left + j]]
                    touched[num_touched] = (i * side + j) * NUM_TOUCHES + touch
                    num_touched += touch > 0
            for t in range(num_touched):
                touch = touched[t]
                for k in range(d):
                    seen[m, k] += touches[touch, k]
    heads = sizes[_HEADS]
    if heads > 0:
        things = np.empty((num_seeing, height * width), np.int64)
        num_things = np.empty(num_seeing, np.int64)
        scores = np.empty(num_seeing * len(finds) * heads * (height * width + 1), np.float32)
        wished = np.zeros((len(finds), num_seeing, wishes.shape[1]), np.float32)
        start, first, number = 0, 0, 0
        for k in range(len(attribute_sizes)):
            size = attribute_sizes[k]
            if is_visible[k]:
                shares = np.empty((num_seeing, size), np.float32)
                for m in range(num_seeing):
                    for value in range(size):
                        shares[m, value] = beliefs[seeing[m], start + value]
                add_product(shares, wishes[first : first + size], wished[number], num_seeing)
                first += size
                number += 1
            start += size
        filled = 0
        for m in range(num_seeing):
            seat = order[rows[seeing[m]]]
            # only cells that hold something can be found, or else nothing is
            count = 0
            for cell in range(height * width):
                things[m, count] = cell
                count += _IS_THING[view[seat, cell]]
            num_things[m] = count
            for number in range(len(finds)):
                filled = _score(
                    wished[number, m], things[m], count, view[seat], heads, sizes[_LOOKS], scores, filled
                )  # fmt: skip
        exponentials(scores[:filled], powers)  # of all at once, which vectorises
        read = 0
        for m in range(num_seeing):
            count = num_things[m]
            for number in range(len(finds)):
                for h in range(heads):
                    total = _ZERO
                    for t in range(read, read + count + 1):
                        total += scores[t]
                    share = _ONE / (total * np.float32(heads))
                    first = read - h * (count + 1)  # where the shares of the first head are, to which others are added
                    for t in range(count):
                        scores[first + t] = scores[read + t] * share + (scores[first + t] if h > 0 else _ZERO)
                    read += count + 1
                for t in range(count):
                    share, cell = scores[read - heads * (count + 1) + t], things[m, t]
                    for j in range(d):
                        seen[m, j] += share * finds[number, cell, j]
    rectify(seen, num_seeing)


@compiled
def _score(wished, things, num_things, view, heads, num_looks, scores, filled):
    """How much some heads are drawn to each thing and, last, to nothing, less the most of it; into scores[filled:].

    `wished` (heads * (looks + cells),): how much each head looks for each look, and at each cell. Returns how far the
    scores are filled now.
    """
    num_wishes = len(wished) // heads
    for h in range(heads):
        begin = h * num_wishes
        largest = _ZERO  # the score of nothing
        for t in range(num_things):
            cell = things[t]
            score = wished[begin + view[cell]] + wished[begin + num_looks + cell]
            scores[filled + t] = score
            largest = score if score > largest else largest
        for t in range(num_things):
            scores[filled + t] -= largest
        scores[filled + num_things] = -largest
        filled += num_things + 1
    return filled


@compiled
def _sum_up(seeing, num_seeing, rows, order, genome, starts, sizes, view, seen, parts):
    """The summary of a scene, as `population.experts`: its parts into parts (3, m, D), their sum onto seen (m, D)."""
    c = sizes[_CHANNELS]
    height, width, looks = sizes[_ROWS], sizes[_COLS], sizes[_LOOKS] - 1
    conv = _matrix(genome, starts[_CONV], 9 * looks, c)
    conv_bias = genome[starts[_CONV_BIAS] : starts[_CONV_BIAS] + c]
    pattern = _matrix(genome, starts[_PATTERN], 4 * c, c)
    pattern_bias = genome[starts[_PATTERN_BIAS] : starts[_PATTERN_BIAS] + c]
    cells = np.empty((height * width, c), np.float32)
    num_corners = (height - 1) * (width - 1)
    corners = np.empty((num_corners, 4 * c), np.float32)
    patterns = np.empty((num_corners, c), np.float32)
    by_row = np.empty((num_seeing, height * c), np.float32)
    by_col = np.empty((num_seeing, width * c), np.float32)
    anywhere = np.empty((num_seeing, c), np.float32)
    lowest = np.float32(-np.inf)
    for m in range(num_seeing):
        seat = order[rows[seeing[m]]]
        fill_rows(cells, conv_bias, height * width)
        # each look adds its weights to the cells around it; what is empty adds nothing
        for i in range(height):
            for j in range(width):
                look = view[seat, i * width + j]
                if look == 0:
                    continue
                for di in range(3):
                    for dj in range(3):
                        row, col = i + 1 - di, j + 1 - dj
                        if 0 <= row < height and 0 <= col < width:
                            weight, cell = (di * 3 + dj) * looks + look - 1, row * width + col
                            for k in range(c):
                                cells[cell, k] += conv[weight, k]
        rectify(cells, height * width)
        by_row[m], by_col[m], anywhere[m] = lowest, lowest, lowest
        for i in range(height):
            for j in range(width):
                read = cells[i * width + j]
                into, also = by_row[m, i * c : (i + 1) * c], by_col[m, j * c : (j + 1) * c]
                for k in range(c):
                    into[k] = read[k] if read[k] > into[k] or read[k] != read[k] else into[k]
                    also[k] = read[k] if read[k] > also[k] or read[k] != read[k] else also[k]
        for i in range(height - 1):
            for j in range(width - 1):
                corner = corners[i * (width - 1) + j]
                for di in range(2):
                    for dj in range(2):
                        corner[(di * 2 + dj) * c : (di * 2 + dj + 1) * c] = cells[(i + di) * width + j + dj]
        patterns[:] = _ZERO
        add_product(corners, pattern, patterns, num_corners)
        for n in range(num_corners):
            for k in range(c):
                most, new = anywhere[m, k], patterns[n, k]
                anywhere[m, k] = new if new > most or new != new else most
        for k in range(c):
            anywhere[m, k] += pattern_bias[k]
    rectify(anywhere, num_seeing)
    _add_part(by_row, genome, starts[_PART_0], starts[_PART_BIAS_0], num_seeing, seen, parts[0])
    _add_part(by_col, genome, starts[_PART_1], starts[_PART_BIAS_1], num_seeing, seen, parts[1])
    _add_part(anywhere, genome, starts[_PART_2], starts[_PART_BIAS_2], num_seeing, seen, parts[2])


@compiled
def _add_part(summary, genome, start, start_bias, num_seeing, seen, part):
    d = seen.shape[1]
    fill_rows(part, genome[start_bias : start_bias + d], num_seeing)
    add_product(summary, _matrix(genome, start, summary.shape[1], d), part, num_seeing)
    for m in range(num_seeing):
        for k in range(d):
            seen[m, k] += part[m, k]
    rectify(part, num_seeing)


@compiled
def _think(
    rows, num_rows, seeing, num_seeing, genome, starts, sizes, attribute_sizes, is_visible, thoughts, beliefs, seen,
    idea, both,
):  # fmt: skip
    """Ideas (n, D) from beliefs and what is seen; also into the first half of both (n, 2 D).

    Who sees looks for what is visible, and does not think of it.
    """
    d = sizes[_WIDTH]
    fill_rows(idea, genome[starts[_THINK_BIAS] : starts[_THINK_BIAS] + d], num_rows)
    next_seeing = 0
    for i in range(num_rows):
        is_seeing = next_seeing < num_seeing and seeing[next_seeing] == i
        next_seeing += is_seeing
        start = 0
        for k in range(len(attribute_sizes)):
            if not (is_seeing and is_visible[k]):
                for value in range(start, start + attribute_sizes[k]):
                    share = beliefs[i, value]
                    for j in range(d):
                        idea[i, j] += share * thoughts[value, j]
            start += attribute_sizes[k]
    if num_seeing > 0:
        added = np.zeros((num_seeing, d), np.float32)
        start = starts[_THINK] + len(attribute_sizes) * d * d
        add_product(seen, _matrix(genome, start, d, d), added, num_seeing)
        for m in range(num_seeing):
            i = seeing[m]
            for j in range(d):
                idea[i, j] += added[m, j]
    rectify(idea, num_rows)
    for i in range(num_rows):
        for j in range(d):
            both[i, j] = idea[i, j]


@compiled
def _speak(
    num_rows, world_of, agent_of, seeing, num_seeing, genome, starts, sizes, attribute_sizes, say, about, first_about,
    words, beliefs, parts, knows, told, goal, both, logits, powers,
):  # fmt: skip
    """Logits of the next message, (n, L V), as `Policy._speak` and, in dialogues, `Policy._reply`."""
    d, v, length, topics = sizes[_WIDTH], sizes[_SYMBOLS], sizes[_LENGTH], sizes[_TOPICS]
    fill_rows(logits, say[2 * d], num_rows)
    add_product(both, say[: 2 * d], logits, num_rows)
    replies = sizes[_IS_ASKED] and sizes[_HAS_TOPICS]
    num_values = len(words)
    mine = np.empty((length, topics), np.float32)
    asked = np.empty((1, length * topics), np.float32)
    own_about = _matrix(genome, starts[_ABOUT], length, topics)
    for i in range(num_rows):
        attention = about
        if replies:
            asked[:] = _ZERO
            add_product(beliefs[i : i + 1], _matrix(genome, starts[_ASKED], num_values, length * topics), asked, 1)
            for place in range(length):
                for t in range(topics):
                    wish = own_about[place, t] + asked[0, place * topics + t]
                    mine[place, t] = _SHARPNESS * wish + first_about[place, t]
                softmax(mine[place], powers)
            attention = mine
            for place in range(length):
                share = attention[place, topics - 1]
                for j in range(place * v, (place + 1) * v):
                    logits[i, j] *= share
        if not (sizes[_HAS_TOPICS] and sizes[_IS_TOLD]):
            continue
        b, a = world_of[i], agent_of[i]
        if not knows[b, a]:
            continue
        start = 0
        for k in range(len(attribute_sizes)):
            if told[b, a, k]:
                value = start + goal[b, k]
                for place in range(length):
                    # in dialogues what is attended to differs from seat to seat; elsewhere it is in the words already
                    share = attention[place, k] if replies else _ONE
                    for j in range(place * v, (place + 1) * v):
                        logits[i, j] += share * words[value, j]
            start += attribute_sizes[k]
    if num_seeing > 0 and sizes[_CHANNELS] > 0 and sizes[_HAS_TOPICS] and not replies:
        shown = np.empty((num_seeing, length * v), np.float32)
        for part in range(3):
            shown[:] = _ZERO
            start = starts[_SAY_PART_0 + part]
            add_product(parts[part], _matrix(genome, start, d, length * v), shown, num_seeing)
            for m in range(num_seeing):
                i = seeing[m]
                for place in range(length):
                    share = about[place, topics - 4 + part]
                    for j in range(place * v, (place + 1) * v):
                        logits[i, j] += share * shown[m, j]
