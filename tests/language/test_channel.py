"""The channel: hard symbols for who hears, a gradient for who speaks, interventions that do what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from language.channel import (
    SILENCE,
    Intervention,
    altered_symbols,
    as_heard,
    deliver,
    draw_others,
    draw_symbols,
    gumbel_noise,
    is_spoken,
    log_prob_of,
    other_agents,
    sent_symbols,
    straight_through,
    until_end,
    with_gradient_of,
)

B, A, L, V = 6, 3, 4, 5
ALL = ~torch.eye(A, dtype=torch.bool).expand(B, A, A)


def drawn_messages(seed: int = 0, num_worlds: int = B, num_agents: int = A) -> Tensor:
    """Messages (B, A, L, V), one-hot; agent 0 of world 0 is silent."""
    generator = torch.Generator().manual_seed(seed)
    symbols = torch.randint(V, (num_worlds, num_agents, L), generator=generator)
    messages = torch.nn.functional.one_hot(symbols, V).float()
    if num_worlds:
        messages[0, 0] = 0.0
    return messages


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ---- drawing ----


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("is_drawn", [False, True])
def test_a_message_is_exactly_one_symbol_at_each_place(is_drawn: bool, temperature: float):
    logits = torch.randn(7, L, V, generator=draws()).requires_grad_()
    symbols, message = draw_symbols(logits, draws(1) if is_drawn else None, temperature)
    hard = torch.nn.functional.one_hot(symbols, V).float()
    assert message.requires_grad
    assert torch.equal(message, hard)
    _, without_gradient = draw_symbols(logits.detach(), draws(1) if is_drawn else None, temperature)
    assert torch.equal(without_gradient, hard)


def test_without_a_generator_the_most_probable_symbols_are_said():
    logits = torch.randn(9, L, V, generator=draws())
    symbols, _ = draw_symbols(logits)
    assert torch.equal(symbols, logits.argmax(dim=-1))


def test_the_gradient_of_a_message_is_that_of_its_probabilities():
    logits = torch.randn(3, L, V, generator=draws(), dtype=torch.float64).requires_grad_()
    weight = torch.randn(3, L, V, generator=draws(1), dtype=torch.float64)
    for temperature in (0.5, 2.0):
        _, message = draw_symbols(logits, None, temperature)
        (message * weight).sum().backward()
        through, logits.grad = logits.grad, None
        (torch.softmax(logits / temperature, dim=-1) * weight).sum().backward()
        direct, logits.grad = logits.grad, None
        assert direct.abs().max() > 0.01
        torch.testing.assert_close(through, direct)


def test_the_gradient_of_a_drawn_message_is_that_of_its_noisy_probabilities():
    logits = torch.randn(3, L, V, generator=draws()).requires_grad_()
    noise = gumbel_noise(logits.detach(), draws(5))
    _, message = draw_symbols(logits, draws(5), 0.7)
    message[..., 0].sum().backward()
    through, logits.grad = logits.grad, None
    torch.softmax((logits + noise) / 0.7, dim=-1)[..., 0].sum().backward()
    torch.testing.assert_close(through, logits.grad)


def test_a_message_lived_again_has_the_symbols_it_had_and_a_gradient():
    logits = torch.randn(3, L, V, generator=draws()).requires_grad_()
    symbols = torch.randint(V, (3, L), generator=draws(1))  # others than the most probable ones
    message = straight_through(logits, symbols)
    assert torch.equal(message, torch.nn.functional.one_hot(symbols, V).float())
    message[0, 0, 0].backward()
    assert logits.grad is not None
    assert logits.grad[0, 0].abs().sum() > 0
    assert not logits.grad[1:].any()


def test_symbols_are_drawn_as_often_as_they_are_probable():
    num_draws = 40_000
    logits = torch.tensor([[2.0, 0.0, -1.0, 1.0, -4.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    symbols, _ = draw_symbols(logits.expand(num_draws, 2, V), draws(3), temperature=0.5)
    expected = torch.softmax(logits, dim=-1)  # temperature bends the gradient only
    for place in range(2):
        found = torch.bincount(symbols[:, place], minlength=V) / num_draws
        spread = torch.sqrt(expected[place] * (1 - expected[place]) / num_draws)
        assert ((found - expected[place]).abs() < 4 * spread).all()


def test_equal_generators_draw_equal_symbols_and_others_do_not():
    logits = torch.randn(50, L, V, generator=draws())
    one, other, another = (draw_symbols(logits, draws(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(one, other)
    assert not torch.equal(one, another)


# ---- messages of variable length ----

END = V - 1


def one_hot(symbols: list[list[int]]) -> Tensor:
    return torch.nn.functional.one_hot(torch.tensor(symbols), V).float()


def test_from_the_end_symbol_on_a_message_is_silence():
    said = [[0, END, 2, 1], [END, 0, 1, END], [3, 2, 1, 0], [0, 1, 2, END]]
    heard = until_end(one_hot(said))
    assert heard[..., END].sum() == 0
    assert heard.sum(dim=-1).tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 0]]
    told = as_heard(torch.tensor(said), V, True)
    assert told.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [4, 3, 2, 1], [1, 2, 3, 0]]
    both = torch.cat([torch.zeros(4, L, 1), heard[..., :-1]], dim=-1)
    assert torch.equal((both.argmax(dim=-1)), told)
    assert torch.equal(as_heard(torch.tensor(said), V, False), torch.tensor(said) + 1)


def test_a_speaker_gets_to_its_end_symbol_and_no_further():
    said = torch.tensor([[0, END, 2, END], [END, 0, 1, 2], [3, 2, 1, 0]])
    assert is_spoken(said, V, True).int().tolist() == [[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]]
    assert is_spoken(said, V, False).all()
    logits = torch.randn(3, L, V, generator=draws())
    each = torch.log_softmax(logits, dim=-1).gather(-1, said.unsqueeze(-1)).squeeze(-1)
    expected = torch.stack([each[0, :2].sum(), each[1, 0], each[2].sum()])
    torch.testing.assert_close(log_prob_of(logits, said, True), expected)
    torch.testing.assert_close(log_prob_of(logits, said, False), each.sum(dim=-1))


def test_the_end_of_a_message_has_a_gradient_that_knows_what_it_cuts_off():
    logits = torch.zeros(1, L, V)
    logits[0, torch.arange(L), torch.tensor([0, END, 2, 1])] = 3.0
    logits.requires_grad_()
    heard = until_end(draw_symbols(logits)[1])
    heard[0, 2, 2].backward()  # whoever wants to hear the third symbol wants the message not to end before
    assert logits.grad is not None
    assert logits.grad[0, 1, END] < 0
    assert not logits.grad[0, 3].any()
    # the derivative of the probability that nothing ended before, at the hard symbols: -(1 - e0) * s2
    soft = torch.softmax(logits.detach(), dim=-1)[0, 1]
    torch.testing.assert_close(logits.grad[0, 1, END], -soft[END] * (1 - soft[END]))


def test_noise_is_never_an_end_and_an_end_is_never_replaced():
    messages = until_end(one_hot([[0, 1, 2, END]] * 4000)).view(1000, 2, 2, L, V).flatten(1, 2)
    audible = torch.ones(1000, 4, 4, dtype=torch.bool)
    heard = deliver(messages, audible, Intervention(symbol_noise=1.0), generator=draws(), has_end=True)
    assert heard[..., :3, :].sum(dim=-1).min() == 1
    assert heard[..., 3, :].sum() == 0
    assert heard[..., END].sum() == 0
    share = heard[..., :3, :-1].mean(dim=(0, 1, 2, 3))
    torch.testing.assert_close(share, torch.full((V - 1,), 0.25), atol=0.02, rtol=0)
    with pytest.raises(ValueError, match=r"replacement symbols must be in \[1, 4\], got"):
        deliver(messages, audible, Intervention(replacement=(1, 2, 3, 5)), has_end=True)


def test_silence_that_was_meant_tells_the_speaker_and_silence_that_was_not_does_not():
    sent = torch.zeros(2, 2 * V)
    sent[:, 0] = 1.0  # one symbol, then silence
    sent.requires_grad_()
    heard = sent.detach().clone()
    heard[1, 0] = 0.0  # in row 1 the symbol got lost
    (with_gradient_of(sent, heard, V) * torch.arange(1.0, 2 * V + 1)).sum().backward()
    assert sent.grad is not None
    assert sent.grad[0].tolist() == list(range(1, 2 * V + 1))
    assert sent.grad[1].tolist() == [0] * V + list(range(V + 1, 2 * V + 1))


# ---- delivery ----


@pytest.mark.parametrize("num_agents", [1, 2, 3, 5])
def test_everybody_hears_all_others_in_order_and_never_itself(num_agents: int):
    others = other_agents(num_agents)
    assert others.tolist() == [[s for s in range(num_agents) if s != a] for a in range(num_agents)]
    messages = drawn_messages(num_agents=num_agents)
    audible = torch.ones(B, num_agents, num_agents, dtype=torch.bool)
    heard = deliver(messages, audible, Intervention())
    assert heard.shape == (B, num_agents, num_agents - 1, L, V)
    for a in range(num_agents):
        for i, speaker in enumerate(others[a].tolist()):
            assert torch.equal(heard[:, a, i], messages[:, speaker])


def test_what_one_says_never_comes_back_to_itself_under_any_intervention_within_its_world():
    for intervention in (Intervention(), Intervention(symbol_noise=0.5), Intervention("mute")):
        messages = drawn_messages()
        changed = messages.clone()
        changed[:, 1] = messages[:, 1].roll(1, dims=-1)
        before = deliver(messages, ALL, intervention, generator=draws())
        after = deliver(changed, ALL, intervention, generator=draws())
        assert torch.equal(before[:, 1], after[:, 1])
        assert torch.equal(before[:, [0, 2]], after[:, [0, 2]]) == (intervention.kind == "mute")


def test_who_is_out_of_hearing_is_not_heard():
    audible = ALL.clone()
    audible[2, 0, 1] = False  # in world 2 agent 0 does not hear agent 1
    audible[3, 2, 0] = False
    messages = drawn_messages()
    heard = deliver(messages, audible, Intervention())
    full = deliver(messages, ALL, Intervention())
    expected = full.clone()
    expected[2, 0, 0] = 0.0
    expected[3, 2, 0] = 0.0
    assert torch.equal(heard, expected)
    assert not torch.equal(heard, full)


def test_a_muted_channel_carries_nothing():
    heard = deliver(drawn_messages(), ALL, Intervention("mute"))
    assert heard.shape == (B, A, A - 1, L, V)
    assert not heard.any()


def test_a_shuffled_channel_carries_what_was_said_in_the_other_world():
    messages = drawn_messages()
    other_world = torch.tensor([1, 2, 3, 4, 5, 0])
    heard = deliver(messages, ALL, Intervention("shuffle"), other_world)
    assert torch.equal(heard, deliver(messages, ALL, Intervention())[other_world])
    with pytest.raises(ValueError, match="needs other_world"):
        deliver(messages, ALL, Intervention("shuffle"))


def test_noise_replaces_the_share_of_symbols_it_should_by_evenly_drawn_ones():
    num_worlds, share = 3000, 0.3
    messages = torch.zeros(num_worlds, 2, L, V)
    messages[..., 1] = 1.0
    audible = torch.ones(num_worlds, 2, 2, dtype=torch.bool)
    heard = deliver(messages, audible, Intervention(symbol_noise=share), generator=draws())
    assert torch.equal(heard.sum(dim=-1), torch.ones(num_worlds, 2, 1, L))
    found = heard.mean(dim=(0, 1, 2, 3))
    expected = torch.full((V,), share / V)
    expected[1] += 1 - share
    spread = torch.sqrt(expected * (1 - expected) / (num_worlds * 2 * L))
    assert ((found - expected).abs() < 4 * spread).all()


def test_noise_of_a_speaker_is_the_same_for_all_who_hear_it():
    heard = deliver(drawn_messages(), ALL, Intervention(symbol_noise=0.5), generator=draws())
    assert torch.equal(heard[:, 0, 0], heard[:, 2, 1])  # agent 1, heard by 0 and by 2


@pytest.mark.parametrize("kind", ["on", "shuffle"])
@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0])
def test_silence_stays_silent(kind: str, noise: float):
    silent = torch.zeros(B, A, L, V)
    silent[:, 1] = drawn_messages()[:, 1]
    heard = deliver(silent, ALL, Intervention(kind, symbol_noise=noise), torch.arange(B).roll(1), generator=draws())
    assert not heard[:, 1].any()  # it hears the two silent ones
    assert heard[:, 0, 0].any()


def test_no_noise_needs_no_draw():
    generator = draws()
    before = generator.get_state()
    deliver(drawn_messages(), ALL, Intervention(), generator=generator)
    assert torch.equal(generator.get_state(), before)


def test_a_speaker_learns_nothing_from_what_noise_made_of_its_symbols():
    logits = torch.randn(2, 3, L, V, generator=torch.Generator().manual_seed(0)).requires_grad_()
    symbols = logits.argmax(dim=-1)
    sent = straight_through(logits, symbols).flatten(-2)
    changed = symbols.clone()
    changed[0, 1, 2] = (changed[0, 1, 2] + 1) % V
    heard = torch.nn.functional.one_hot(changed, V).float().flatten(-2)
    arrived = with_gradient_of(sent, heard, V)
    torch.testing.assert_close(arrived, heard, rtol=0, atol=1e-6)
    weight = torch.randn(arrived.shape, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad((arrived * weight).sum(), logits, retain_graph=True)
    (whole,) = torch.autograd.grad((sent * weight).sum(), logits)
    assert not gradient[0, 1, 2].any()
    gradient[0, 1, 2] = whole[0, 1, 2]
    torch.testing.assert_close(gradient, whole)


def test_a_replacement_is_what_everybody_hears():
    heard = deliver(drawn_messages(), ALL, Intervention(replacement=(1, V, 2, 2)))
    symbols = heard.argmax(dim=-1) + 1
    assert torch.equal(heard.sum(dim=-1), torch.ones(B, A, A - 1, L))
    assert (symbols == torch.tensor([1, V, 2, 2])).all()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kind": "off"}, "channel must be one of on, mute, shuffle, got 'off'"),
        ({"symbol_noise": 1.5}, r"symbol_noise must be in \[0, 1\], got 1.5"),
        ({"symbol_noise": -0.1}, "symbol_noise must be in"),
        ({"symbol_noise": float("nan")}, "symbol_noise must be in"),
    ],
)
def test_interventions_that_there_are_not_are_refused(options: dict, told: str):
    with pytest.raises(ValueError, match=told):
        Intervention(**options)


@pytest.mark.parametrize(
    ("replacement", "told"),
    [
        ((1, 2), "replacement must have 4 symbols, got 2"),
        ((0, 1, 1, 1), r"replacement symbols must be in \[1, 5\]"),
        ((1, 1, 1, 6), r"replacement symbols must be in \[1, 5\]"),
    ],
)
def test_replacements_that_no_mouth_can_say_are_refused(replacement: tuple[int, ...], told: str):
    with pytest.raises(ValueError, match=told):
        deliver(drawn_messages(), ALL, Intervention(replacement=replacement))


def test_an_empty_batch_is_delivered():
    heard = deliver(torch.zeros(0, A, L, V), torch.zeros(0, A, A, dtype=torch.bool), Intervention())
    assert heard.shape == (0, A, A - 1, L, V)


# ---- gradient across the channel ----


@pytest.mark.parametrize("kind", ["on", "shuffle"])
def test_the_gradient_of_a_listener_reaches_the_one_it_heard_and_nobody_else(kind: str):
    logits = torch.randn(B, A, L, V, generator=draws()).requires_grad_()
    _, messages = draw_symbols(logits, draws(1))
    other_world = torch.arange(B).roll(1)  # world 2 hears what was said in world 1
    heard = deliver(messages, ALL, Intervention(kind), other_world)
    weight = torch.randn(L, V, generator=draws(2))
    (heard[2, 0, 0] * weight).sum().backward()  # agent 0 of world 2 hears agent 1
    touched = logits.grad.abs().sum(dim=(2, 3)) > 0
    expected = torch.zeros(B, A, dtype=torch.bool)
    expected[2 if kind == "on" else 1, 1] = True
    assert torch.equal(touched, expected)


def test_no_gradient_crosses_where_nothing_is_heard():
    for intervention, audible in (
        (Intervention("mute"), ALL),
        (Intervention(), torch.zeros_like(ALL)),
        (Intervention(symbol_noise=1.0), ALL),
        (Intervention(replacement=(1, 1, 1, 1)), ALL),
    ):
        logits = torch.randn(B, A, L, V, generator=draws()).requires_grad_()
        _, messages = draw_symbols(logits)
        heard = deliver(messages, audible, intervention, generator=draws(1))
        if heard.requires_grad:
            (heard * torch.randn(V, generator=draws(2))).sum().backward()
        assert logits.grad is None or not logits.grad.any()


# ---- whole numbers, where nobody learns ----


@pytest.mark.parametrize("has_end", [False, True])
def test_symbols_are_sent_as_messages_are_heard(has_end: bool):
    symbols = np.random.default_rng(0).integers(V, size=(200, L)).astype(np.int16)
    before = symbols.copy()
    sent = sent_symbols(symbols, V, has_end)
    assert sent.dtype == np.int16
    expected = torch.nn.functional.one_hot(torch.from_numpy(symbols.astype(np.int64)), V).float()
    expected = until_end(expected) if has_end else expected
    hot = np.arange(V) == sent[..., None]  # silence is no symbol
    np.testing.assert_array_equal(hot, expected.numpy() > 0)
    np.testing.assert_array_equal(sent + 1, as_heard(torch.from_numpy(before), V, has_end).numpy())
    assert ((sent == SILENCE).any()) == has_end
    sent[:] = 0
    np.testing.assert_array_equal(symbols, before)  # and what was drawn stays as it was


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_noise_on_symbols_replaces_the_share_it_should_by_evenly_drawn_words_and_leaves_silence(share: float):
    symbols = np.full((5000, L), 1, np.int16)
    symbols[:, 3] = SILENCE
    rng = np.random.default_rng(0)
    heard = altered_symbols(symbols, Intervention(symbol_noise=share), V - 1, rng)
    assert heard.dtype == np.int16
    assert (heard[:, 3] == SILENCE).all()
    found = np.bincount(heard[:, :3].ravel(), minlength=V) / heard[:, :3].size
    expected = np.array([share / (V - 1)] * (V - 1) + [0.0])  # the last one ends messages, and is no noise
    expected[1] += 1 - share
    np.testing.assert_allclose(found, expected, atol=4 * np.sqrt(0.25 / heard[:, :3].size))
    if share == 1.0:
        assert abs(np.corrcoef(heard[:, 0], heard[:, 1])[0, 1]) < 0.06  # each place is drawn for itself
    assert (symbols[:, :3] == 1).all()
    if share == 0.0:
        assert rng.random() == np.random.default_rng(0).random()  # no noise needs no draw
        heard[:] = 0
        assert (symbols[:, :3] == 1).all()


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_a_replacement_of_symbols_is_what_everybody_hears_before_noise(noise: float):
    symbols = np.random.default_rng(0).integers(SILENCE, V, size=(B, A, L)).astype(np.int16)
    intervention = Intervention(replacement=(1, V - 1, 2, 2), symbol_noise=noise)
    heard = altered_symbols(symbols, intervention, V - 1, np.random.default_rng(1))
    is_replacement = (heard == np.array([0, V - 2, 1, 1])).all(axis=-1)
    assert is_replacement.all() if not noise else not is_replacement.all()
    assert heard.min() >= 0
    for wrong in ((1, 2), (1, 1, 1, V)):
        with pytest.raises(ValueError, match="replacement"):
            altered_symbols(symbols, Intervention(replacement=wrong), V - 1, np.random.default_rng(0))


@pytest.mark.parametrize("count", [2, 3, 40])
def test_when_speakers_are_shuffled_each_is_heard_once_and_never_in_its_own_place(count: int):
    for seed in range(20):
        other = draw_others(count, draws(seed))
        assert sorted(other.tolist()) == list(range(count))
        assert (other != torch.arange(count)).all()
