"""Parts of the networks whose gradients are written by hand, because sums over few of many rows are most of their work.

Each is one pass over its data, forward and backward, where tensors of zeros and ones, of all cells or of all steps
would be many: looking words up, remembering over many steps, asking a picture. All give what the plain tensors would
give, to rounding, and release the interpreter's lock.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from population.arithmetic import compiled, exponentials

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


def sum_of_rows(table: Tensor, index: Tensor) -> Tensor:
    """Sums of rows of a table (P, K, D): index (P, R, J) int32 names J rows for each sum, -1 for none; (P, R, D)."""
    if table.device.type != "cpu":
        hot = torch.nn.functional.one_hot(index.long() + 1, table.shape[1] + 1)[..., 1:].sum(dim=2)
        return torch.bmm(hot.to(table.dtype), table)
    return _SumOfRows.apply(table, index)


def unroll(gates: Tensor, is_new: Tensor) -> Tensor:
    """Memories (P, T, N, D) of minimal gated units over T steps, from their gates and contents (P, T, N, 2 D).

    As `population.memory.remember`, step after step, from an empty memory; `is_new` (P, T, N) bool empties it first.
    """
    if gates.device.type != "cpu":
        width = gates.shape[-1] // 2
        memory = torch.zeros_like(gates[:, 0, :, :width])
        steps = []
        for t in range(gates.shape[1]):
            memory = memory * ~is_new[:, t, :, None]
            memory = torch.lerp(memory, gates[:, t, :, width:], torch.sigmoid(gates[:, t, :, :width]))
            steps.append(memory)
        return torch.stack(steps, dim=1)
    return _Unroll.apply(gates, is_new)


def ask_picture(
    question: Tensor, look_key: Tensor, place_key: Tensor, place_value: Tensor, view: Tensor, is_thing: tuple[bool, ...]
) -> Tensor:
    """Where what is asked for was found: (P, M, Q, E), by attention over the cells that hold something, or to nothing.

    `question` (P, M, Q, heads, key), `look_key` (P, looks, key), `place_key` (P, cells, key),
    `place_value` (P, cells, E), `view` (P, M, cells) look codes, uint8. Attention of the heads of a
    question is averaged; nothing has a score of 0.
    """
    if question.device.type != "cpu":
        return torch.einsum("pmqc,pce->pmqe", attention_to(question, look_key, place_key, view, is_thing), place_value)
    return _AskPicture.apply(question, look_key, place_key, place_value, view, np.array(is_thing))


def attention_to(
    question: Tensor, look_key: Tensor, place_key: Tensor, view: Tensor, is_thing: tuple[bool, ...]
) -> Tensor:
    """The attention by which `ask_picture` answers: of each question to each cell, (P, M, Q, cells), mean over heads.

    What is missing to 1 goes to nothing.
    """
    scores = torch.einsum("pmqhk,pck->pmqhc", question, place_key)
    looks = torch.einsum("pmqhk,plk->pmqhl", question, look_key)
    cells = view.long()[:, :, None, None].expand(*scores.shape)
    scores = scores + looks.gather(-1, cells)
    scores = scores.masked_fill(~torch.tensor(is_thing, device=cells.device)[cells], -torch.inf)
    return torch.softmax(torch.nn.functional.pad(scores, (0, 1)), dim=-1)[..., :-1].mean(dim=3)


def _array(values: Tensor) -> np.ndarray:
    return values.detach().contiguous().numpy()


class _SumOfRows(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, table: Tensor, index: Tensor) -> Tensor:
        out = torch.empty(table.shape[0], index.shape[1], table.shape[2])
        _sum_rows(_array(table), _array(index), out.numpy())
        context.save_for_backward(index)
        context.table_shape = table.shape
        return out

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (index,) = context.saved_tensors
        of_table = torch.zeros(context.table_shape)
        _add_to_rows(_array(gradient), _array(index), of_table.numpy())
        return of_table, None


@compiled
def _sum_rows(table, index, out):
    for p in range(len(table)):
        for r in range(index.shape[1]):
            into = out[p, r]
            into[:] = _ZERO
            for j in range(index.shape[2]):
                k = index[p, r, j]
                if k >= 0:
                    read = table[p, k]
                    for i in range(len(into)):
                        into[i] += read[i]


@compiled
def _add_to_rows(gradient, index, of_table):
    for p in range(len(of_table)):
        for r in range(index.shape[1]):
            read = gradient[p, r]
            for j in range(index.shape[2]):
                k = index[p, r, j]
                if k >= 0:
                    into = of_table[p, k]
                    for i in range(len(read)):
                        into[i] += read[i]


class _Unroll(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, gates: Tensor, is_new: Tensor) -> Tensor:
        population, num_steps, num_seats, width = gates.shape
        memory = torch.empty(population, num_steps, num_seats, width // 2)
        opening = torch.empty_like(memory)
        _unroll(_array(gates), _array(is_new), opening.numpy(), memory.numpy())
        context.save_for_backward(gates, is_new, opening, memory)
        return memory

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        gates, is_new, opening, memory = context.saved_tensors
        of_gates = torch.empty_like(gates)
        _unroll_back(_array(gates), _array(is_new), opening.numpy(), memory.numpy(), _array(gradient), of_gates.numpy())
        return of_gates, None


@compiled
def _unroll(gates, is_new, opening, memory):
    population, num_steps, num_seats, width = memory.shape
    powers = np.empty(width, np.int32)
    for p in range(population):
        for t in range(num_steps):
            for n in range(num_seats):
                gate, content = gates[p, t, n, :width], gates[p, t, n, width:]
                opens, into = opening[p, t, n], memory[p, t, n]
                for i in range(width):
                    opens[i] = -gate[i]
                exponentials(opens, powers)
                if t == 0 or is_new[p, t, n]:
                    for i in range(width):
                        opens[i] = _ONE / (_ONE + opens[i])
                        into[i] = opens[i] * content[i]
                else:
                    kept = memory[p, t - 1, n]
                    for i in range(width):
                        opens[i] = _ONE / (_ONE + opens[i])
                        into[i] = kept[i] + opens[i] * (content[i] - kept[i])


@compiled
def _unroll_back(gates, is_new, opening, memory, gradient, of_gates):
    population, num_steps, num_seats, width = memory.shape
    later = np.empty((num_seats, width), np.float32)  # what the steps after this one make of its memory
    nothing = np.zeros(width, np.float32)
    for p in range(population):
        later[:] = _ZERO
        for t in range(num_steps - 1, -1, -1):
            for n in range(num_seats):
                begins = t == 0 or is_new[p, t, n]
                kept = nothing if begins else memory[p, t - 1, n]
                content, opens, wanted = gates[p, t, n, width:], opening[p, t, n], gradient[p, t, n]
                of_gate, of_content, after = of_gates[p, t, n, :width], of_gates[p, t, n, width:], later[n]
                for i in range(width):
                    total = after[i] + wanted[i]
                    of_content[i] = total * opens[i]
                    of_gate[i] = total * (content[i] - kept[i]) * opens[i] * (_ONE - opens[i])
                    after[i] = total * (_ONE - opens[i])
                if begins:
                    for i in range(width):
                        after[i] = _ZERO


class _AskPicture(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, question: Tensor, look_key: Tensor, place_key: Tensor, place_value: Tensor, view: Tensor,
        is_thing: np.ndarray,
    ) -> Tensor:  # fmt: skip
        looks = _array(view)
        counts = is_thing[looks].sum(axis=-1)
        population, num_seen, num_questions, heads, _ = question.shape
        most = int(counts.max()) if counts.size else 0
        attention = torch.empty(population, num_seen, num_questions, heads, most)
        found = torch.zeros(population, num_seen, num_questions, place_value.shape[2])
        _ask(
            _array(question), _array(look_key), _array(place_key), _array(place_value), looks, is_thing,
            attention.numpy(), found.numpy(),
        )  # fmt: skip
        context.save_for_backward(question, look_key, place_key, place_value, view, attention)
        context.is_thing = is_thing
        return found

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        question, look_key, place_key, place_value, view, attention = context.saved_tensors
        grads = tuple(torch.zeros_like(each) for each in (question, look_key, place_key, place_value))
        _ask_back(
            _array(question), _array(look_key), _array(place_key), _array(place_value), _array(view), context.is_thing,
            attention.numpy(), _array(gradient), *(each.numpy() for each in grads),
        )  # fmt: skip
        return (*grads, None, None)


@compiled
def _things_of(picture, is_thing, look_key, place_key, things, keys):
    """The cells of a picture that hold something, into things, and their keys (key, things); returns how many."""
    count = 0
    for cell in range(len(picture)):
        look = picture[cell]
        if is_thing[look]:
            things[count] = cell
            for j in range(len(keys)):
                keys[j, count] = look_key[look, j] + place_key[cell, j]
            count += 1
    return count


@compiled
def _ask(question, look_key, place_key, place_value, view, is_thing, attention, found):
    population, num_seen, num_questions, heads, key = question.shape
    most = attention.shape[4]
    things, keys = np.empty(most, np.int64), np.empty((key, most), np.float32)
    scores = np.empty(heads * (most + 1), np.float32)
    powers = np.empty(heads * (most + 1), np.int32)
    for p in range(population):
        for m in range(num_seen):
            count = _things_of(view[p, m], is_thing, look_key[p], place_key[p], things, keys)
            width = count + 1
            for q in range(num_questions):
                for h in range(heads):
                    into = scores[h * width : (h + 1) * width]
                    into[:] = _ZERO  # and so it stays for nothing
                    for j in range(key):
                        asked, kept = question[p, m, q, h, j], keys[j]
                        for t in range(count):
                            into[t] += asked * kept[t]
                    largest = _ZERO
                    for t in range(count):
                        largest = into[t] if into[t] > largest else largest
                    for t in range(width):
                        into[t] -= largest
                exponentials(scores[: heads * width], powers)
                out = found[p, m, q]
                for h in range(heads):
                    read, into = scores[h * width : (h + 1) * width], attention[p, m, q, h]
                    total = _ZERO
                    for t in range(width):
                        total += read[t]
                    share = _ONE / total
                    for t in range(count):
                        into[t] = read[t] * share
                for t in range(count):
                    mean = _ZERO
                    for h in range(heads):
                        mean += attention[p, m, q, h, t]
                    mean /= np.float32(heads)
                    value = place_value[p, things[t]]
                    for e in range(len(out)):
                        out[e] += mean * value[e]


@compiled
def _ask_back(
    question, look_key, place_key, place_value, view, is_thing, attention, gradient, of_question, of_look, of_place,
    of_value,
):  # fmt: skip
    population, num_seen, num_questions, heads, key = question.shape
    most = attention.shape[4]
    things, keys = np.empty(most, np.int64), np.empty((key, most), np.float32)
    wanted = np.empty(most, np.float32)  # gradient of a thing's mean attention
    of_score = np.empty(most, np.float32)
    of_keys = np.empty((most, key), np.float32)
    for p in range(population):
        for m in range(num_seen):
            picture = view[p, m]
            count = _things_of(picture, is_thing, look_key[p], place_key[p], things, keys)
            of_keys[:count] = _ZERO
            for q in range(num_questions):
                out = gradient[p, m, q]
                for t in range(count):
                    value, into = place_value[p, things[t]], of_value[p, things[t]]
                    mean = _ZERO
                    for h in range(heads):
                        mean += attention[p, m, q, h, t]
                    mean /= np.float32(heads)
                    total = _ZERO
                    for e in range(len(out)):
                        total += out[e] * value[e]
                        into[e] += mean * out[e]
                    wanted[t] = total / np.float32(heads)
                for h in range(heads):
                    share, asked, into = attention[p, m, q, h], question[p, m, q, h], of_question[p, m, q, h]
                    mean = _ZERO
                    for t in range(count):
                        mean += share[t] * wanted[t]
                    for t in range(count):
                        of_score[t] = share[t] * (wanted[t] - mean)
                    for j in range(key):
                        total, kept = _ZERO, keys[j]
                        for t in range(count):
                            total += of_score[t] * kept[t]
                        into[j] = total
                    for t in range(count):
                        back, score = of_keys[t], of_score[t]
                        for j in range(key):
                            back[j] += score * asked[j]
            for t in range(count):
                back, look, place = of_keys[t], of_look[p, picture[things[t]]], of_place[p, things[t]]
                for j in range(key):
                    look[j] += back[j]
                    place[j] += back[j]
