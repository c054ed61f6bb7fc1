"""The policy: tokens -> router -> experts -> memory -> heads, for all genomes at once.

Tensors are genome-major: (P genomes, N seats, ...), where a seat is one agent of one world. A step has two halves.
`listen` takes in what is heard, told and felt, and says what the boxling now *believes* the private goal to be (its
world model). `respond` looks, asking the picture about those beliefs, and gives act, message, value and prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from population.experts import ExpertUse, routed_experts, visual_expert
from population.memory import Course, Memory, remember
from population.spec import PolicySpec

ABOUT_SHARPNESS = 3.0  # of the attention of places of a message to things in mind
FIRST_TOPIC = 3.0  # how much more each place attends to one of them, in turn, to begin with
THOUGHT_RESERVE = 4.0  # and how much less to the thought as a whole


@dataclass(frozen=True)
class Rows:
    """Some of the seats, as many for each genome: which have a modality at all."""

    flat: Tensor  # (P * M,) int64 into P * N seats
    num_rows: int  # M
    is_real: Tensor | None  # (P, M) bool, None if every row is (otherwise the rest is padding)

    def pick(self, values: Tensor) -> Tensor:
        """(P, N, ...) to (P, M, ...)."""
        return values.flatten(0, 1)[self.flat].view(values.shape[0], self.num_rows, *values.shape[2:])

    def place(self, values: Tensor, num_seats: int) -> Tensor:
        """(P, M, D) back to (P, N, D), zeros elsewhere."""
        if self.is_real is not None:
            values = values.masked_fill(~self.is_real.unsqueeze(-1), 0.0)  # not even NaN may leak from the padding
        out = torch.zeros(values.shape[0] * num_seats, values.shape[2], device=values.device, dtype=values.dtype)
        return out.index_add(0, self.flat, values.flatten(0, 1)).view(values.shape[0], num_seats, -1)

    def as_mask(self, num_seats: int) -> Tensor:
        """Which of the P x N seats these are, (P, N, 1) bool."""
        mask = torch.zeros(len(self.flat) // self.num_rows * num_seats, dtype=torch.bool, device=self.flat.device)
        real = self.flat if self.is_real is None else self.flat[self.is_real.flatten()]
        mask[real] = True
        return mask.view(-1, num_seats, 1)


def rows_where(mask: Tensor) -> Rows | None:
    """The seats in `mask` (P, N) bool as Rows, padded to the largest number per genome; None if there are none."""
    counts = mask.sum(dim=1)
    num_rows = int(counts.max()) if mask.numel() else 0
    if num_rows == 0:
        return None
    order = torch.argsort((~mask).to(torch.int8), dim=1, stable=True)[:, :num_rows]
    flat = (order + torch.arange(len(mask), device=mask.device).unsqueeze(1) * mask.shape[1]).flatten()
    is_full = bool((counts == num_rows).all())
    is_real = None if is_full else torch.arange(num_rows, device=mask.device) < counts.unsqueeze(1)
    return Rows(flat, num_rows, is_real)


@dataclass(frozen=True)
class Senses:
    """What P x N boxlings sense in one step, besides what they hear."""

    body: Tensor  # (P, N) int64 in [0, num_body_states): last act, whether it moved me, role; see `body_state`
    sees: Rows | None  # seats with a view; None: nobody sees, and the visual expert is not called
    view: Tensor | None  # (P, M, h, w) uint8 look codes of those seats
    knows: Rows | None  # seats that are told the goal
    goal: Tensor | None  # (P, M', sum of attribute sizes) float32 one-hot, of those seats


def body_state(last_act: Tensor, moved: Tensor, role: Tensor) -> Tensor:
    """What a boxling feels of itself, as one number: (P, N) int64 in [0, num_body_states)."""
    return last_act * 4 + moved.to(torch.int64) * 2 + role


@dataclass(frozen=True)
class Beliefs:
    """What the world model says of the private goal: one categorical distribution for each attribute."""

    logits: Tensor  # (P, N, sum of attribute sizes)
    sizes: tuple[int, ...]

    def by_attribute(self) -> tuple[Tensor, ...]:
        return torch.split(self.logits, list(self.sizes), dim=-1)

    def answers(self) -> Tensor:
        """The most probable value of each attribute, (P, N, G) int64."""
        return torch.stack([logits.argmax(dim=-1) for logits in self.by_attribute()], dim=-1)

    def scores(self, choices: Tensor) -> Tensor:
        """How probable each candidate of `choices` (P, N, C, G) int64 is: log p, summed over attributes, (P, N, C)."""
        parts = [
            torch.log_softmax(logits, dim=-1).gather(-1, choices[..., k])
            for k, logits in enumerate(self.by_attribute())
        ]
        return torch.stack(parts).sum(dim=0)

    def choose(self, choices: Tensor) -> Tensor:
        """The most probable one of the candidates (P, N, C, G) int64, the first of equal ones: (P, N, G) int64."""
        best = self.scores(choices).argmax(dim=-1)
        return choices.gather(2, best[..., None, None].expand(-1, -1, 1, choices.shape[-1])).squeeze(2)

    def uncertainty_bits(self) -> Tensor:
        """Entropy of each attribute's distribution, (P, N, G), in bits; 0 is certain."""
        parts = []
        for logits in self.by_attribute():
            log_p = torch.log_softmax(logits, dim=-1)
            parts.append(-(log_p.exp() * log_p).sum(dim=-1) / torch.log(torch.tensor(2.0)))
        return torch.stack(parts, dim=-1)


@dataclass(frozen=True)
class Response:
    """What P x N boxlings do with what they sense."""

    act_logits: Tensor  # (P, N, num_actions)
    say_logits: Tensor  # (P, N, L, V)
    value: Tensor  # (P, N) expected discounted reward
    thought: Tensor  # (P, N, D), the input of the heads


def first_about(spec: PolicySpec) -> Tensor:
    """What places of a message attend to before anything is learned: logits (L, topics), each place another topic."""
    # left to chance alone, one seed in three gave three of four places to one attribute
    logits = torch.zeros(spec.message_length, spec.num_topics)
    logits[:, -1] = -THOUGHT_RESERVE
    for place in range(0 if spec.is_asked else spec.message_length):
        logits[place, place % max(1, spec.num_topics - 1)] += FIRST_TOPIC
    return logits


class Policy:
    """The networks of all boxlings, given their genomes' layers (`Layout.views`)."""

    def __init__(self, spec: PolicySpec) -> None:
        self.spec = spec
        self.layout = spec.layout()
        self.first_about = first_about(spec)

    def listen(
        self,
        weights: dict[str, Tensor],
        heard: Tensor | None,
        voices: Tensor | None,
        senses: Senses,
        language_memory: Tensor | Course,
        use: ExpertUse | None = None,
    ) -> tuple[Tensor, Beliefs]:
        """Take in words, goal and body; returns the new language memory (P, N, D) and the beliefs."""
        return self.believe(weights, self.take_in(weights, heard, voices, senses, use), language_memory)

    def believe(
        self, weights: dict[str, Tensor], stream: Tensor, language_memory: Tensor | Course
    ) -> tuple[Tensor, Beliefs]:
        """The second half of `listen`, from what came in, (P, N, D)."""
        memory = remember(stream, language_memory, weights, "language")
        logits = torch.baddbmm(weights["belief.bias"].unsqueeze(1), memory, weights["belief"])
        return memory, Beliefs(logits, self.spec.attribute_sizes)

    def take_in(
        self,
        weights: dict[str, Tensor],
        heard: Tensor | None,
        voices: Tensor | None,
        senses: Senses,
        use: ExpertUse | None = None,
    ) -> Tensor:
        """What the experts make of words, goal and body, all tokens together, (P, N, D).

        `heard` (P, N, S, L * V) one-hot symbols of S speakers, zeros for silence, None if nobody says anything;
        `voices` (P, N, S) int64, the role of each speaker.
        """
        spec = self.spec
        num_seats = senses.body.shape[1]
        table, shares = weights["tokens"], weights["tokens.shares"]
        num_words, num_values = 2 * spec.message_length * spec.num_symbols, sum(spec.attribute_sizes)
        words, values, states = torch.split(table, [num_words, num_values, spec.num_body_states], dim=1)
        word_shares, value_shares, state_shares = torch.split(
            shares, [num_words, num_values, spec.num_body_states], dim=1
        )
        felt = torch.nn.functional.one_hot(senses.body, spec.num_body_states).to(table.dtype)
        stream = torch.bmm(felt, states)
        if use is not None:
            use.note("body", state_shares, felt.sum(dim=1))
        if heard is not None and voices is not None:
            # the same symbol is another word in another role's voice
            is_guide = (voices == 0).unsqueeze(-1).to(heard.dtype)
            from_guide = (heard * is_guide).sum(dim=2)
            spoken = torch.cat([from_guide, heard.sum(dim=2) - from_guide], dim=-1)
            stream = stream + torch.bmm(spoken, words)
            if use is not None:
                use.note("heard", word_shares, spoken.detach().sum(dim=1))
        if senses.knows is not None and senses.goal is not None:
            stream = stream + senses.knows.place(torch.bmm(senses.goal, values), num_seats)
            if use is not None:
                use.note("goal", value_shares, senses.goal.sum(dim=1))
        return stream

    def weights_of(self, genomes: Tensor) -> dict[str, Tensor]:
        """The layers of all genomes (P, parameters), with what follows from them alone worked out once."""
        return self.prepared(self.layout.views(genomes))

    def prepared(self, layers: dict[str, Tensor]) -> dict[str, Tensor]:
        """Layers, beside them what follows from them alone."""
        weights = dict(layers)
        for layer in self.layout.layers:
            if layer.is_fixed:
                weights[layer.name] = weights[layer.name].detach()
        weights["tokens"], weights["tokens.shares"] = self._token_table(weights)
        weights["about"] = torch.softmax(
            ABOUT_SHARPNESS * weights["say.about"] + self.first_about.to(weights["say.about"].device), dim=-1
        )  # (P, L, topics)
        # what a belief does to thought, and what it asks the picture, value by value
        believed = torch.split(weights["belief.token"], list(self.spec.attribute_sizes), dim=1)
        *thinks, weights["think.seen"] = torch.split(weights["think"], self.spec.width, dim=1)
        weights["thoughts"] = torch.cat([torch.bmm(b, t) for b, t in zip(believed, thinks, strict=True)], dim=1)
        if self.spec.num_query_heads:
            asks = [torch.bmm(believed[k], weights[f"eyes.ask_{k}"]) for k in self.spec.visible_attributes]
            # Some sharpness to begin with, but not all: without any (as scaled by Vaswani et al. 2017,
            # https://arxiv.org/abs/1706.03762) boxlings found boxes late; unscaled, a colour whose box got no attention
            # by chance was never found.
            weights["questions"] = torch.cat(asks, dim=1) / self.spec.key_width**0.25
        if self.spec.is_told_goal and self.spec.has_topics and not self.spec.is_asked:
            weights["words"] = self._words(weights)
        return weights

    def _token_table(self, weights: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """What the routed experts make of every non-visual token there is, (P, tokens, D), and the gate's shares.

        Each symbol at each place of a message in each voice is a token, and so is each value of each attribute of a
        goal, and each state of the body. An expert looks at one token at a time, so what it makes of a token is the
        same wherever the token comes up, and is computed once instead of once per agent and step.
        """
        spec = self.spec
        words = weights["heard"].unsqueeze(1) + weights["voice"].unsqueeze(2)  # (P, 2, L * V, D)
        acts, moved, roles = torch.split(weights["body"], [spec.num_actions, 2, 2], dim=1)
        states = acts[:, :, None, None] + moved[:, None, :, None] + roles[:, None, None]
        tokens = torch.cat([words.flatten(1, 2), weights["goal"], states.flatten(1, 3)], dim=1)
        return routed_experts(tokens, weights, spec)

    def questions(self, weights: dict[str, Tensor], shares: Mapping[int, Tensor]) -> Tensor | None:
        """What is asked of a picture, (P, M, Q, heads, key): by how probable each value of a visible attribute is.

        `shares` of each of these attributes, (P, M, values). None where boxlings do not ask.
        """
        spec = self.spec
        if not spec.num_query_heads:
            return None
        tables = torch.split(weights["questions"], [spec.attribute_sizes[k] for k in spec.visible_attributes], 1)
        asked = [torch.bmm(shares[k], table) for k, table in zip(spec.visible_attributes, tables, strict=True)]
        return torch.stack(asked, dim=2).unflatten(-1, (spec.query_heads, spec.key_width))

    def respond(
        self,
        weights: dict[str, Tensor],
        senses: Senses,
        language_memory: Tensor,
        beliefs: Beliefs,
        situation_memory: Tensor | Course,
        use: ExpertUse | None = None,
        only_mouth: bool = False,
    ) -> tuple[Tensor, Response]:
        """Look, think, and answer; returns the new situation memory (P, N, D) and the response.

        With `only_mouth` no gradient passes from what is said of the thought as a whole to the thought.
        """
        spec = self.spec
        num_seats = language_memory.shape[1]
        shares = [torch.softmax(logits, dim=-1) for logits in beliefs.by_attribute()]
        told = torch.cat(shares, dim=-1)
        seen: Tensor | None = None
        parts: list[Tensor] = []
        if senses.sees is not None and senses.view is not None:
            question = self.questions(weights, {k: senses.sees.pick(shares[k]) for k in spec.visible_attributes})
            look, parts = visual_expert(senses.view, question, weights, spec)
            seen = senses.sees.place(torch.bmm(look, weights["think.seen"]), num_seats)
            if use is not None:
                use.visual_calls += 1
                real = senses.sees.is_real
                use.visual_tokens += int(real.sum()) if real is not None else len(senses.sees.flat)
            # Who sees looks for what is visible, and thinks of where it was found instead of what it is; the rest of a
            # goal is thought of, and not looked for. With colours in thought, or pushes in search of a box, boxlings
            # learned that the red box is never pushed left, because no trained goal said so.
            is_visible = torch.tensor(
                [k in spec.visible_attributes for k, size in enumerate(spec.attribute_sizes) for _ in range(size)],
                device=told.device,
            )
            told = told.masked_fill(senses.sees.as_mask(num_seats) & is_visible, 0.0)
        idea = torch.baddbmm(weights["think.bias"].unsqueeze(1), told, weights["thoughts"])
        idea = torch.relu(idea if seen is None else idea + seen)
        situation = remember(idea, situation_memory, weights, "situation")
        thought = torch.relu(_of_two(idea, situation, weights["decide"], weights["decide.bias"]))

        def head(name: str) -> Tensor:
            return torch.baddbmm(weights[f"{name}.bias"].unsqueeze(1), thought, weights[name])

        in_mind = (language_memory.detach(), thought.detach()) if only_mouth else (language_memory, thought)
        response = Response(
            act_logits=head("act"),
            say_logits=self._speak(
                weights, senses, beliefs, parts, _of_two(*in_mind, weights["say"], weights["say.bias"])
            ),
            value=head("value").squeeze(-1),
            thought=thought,
        )
        return situation, response

    def _words(self, weights: dict[str, Tensor]) -> Tensor:
        """What each place of a message would say of each attribute value, (P, values, L * V), weighed by attention."""
        sizes = torch.tensor(self.spec.attribute_sizes)
        attribute = torch.repeat_interleave(torch.arange(len(sizes)), sizes).to(weights["about"].device)
        words = torch.bmm(weights["goal"], weights["say.goal"]).unflatten(-1, (self.spec.message_length, -1))
        return (words * weights["about"][:, :, attribute].transpose(1, 2).unsqueeze(-1)).flatten(2)

    def _speak(
        self, weights: dict[str, Tensor], senses: Senses, beliefs: Beliefs, parts: list[Tensor], idea: Tensor
    ) -> Tensor:
        """Logits of the next message (P, N, L, V), from what would be said of the thought as a whole, (P, N, L * V).

        Every place of a message attends to the things in mind, by weights that it has learned: the goal's attributes
        one by one, or the parts of the picture, and the thought as a whole (attention speakers: Auersperger and Pecina
        2022, https://arxiv.org/abs/2203.13176). Without this the code for 24 trained goals never served for 8 held out
        ones."""
        if self.spec.is_asked and self.spec.has_topics:
            return self._reply(weights, senses, beliefs, idea)
        num_seats = idea.shape[1]
        shape = (self.spec.message_length, self.spec.num_symbols)
        about = weights["about"].unsqueeze(1)  # (P, 1, L, topics)
        logits = idea.unflatten(-1, shape) * about[..., -1:]
        if not self.spec.has_topics:
            return logits
        if senses.knows is not None and senses.goal is not None:
            told = senses.knows.place(torch.bmm(senses.goal, weights["words"]), num_seats)
            logits = logits + told.unflatten(-1, shape)
        if parts and senses.sees is not None:
            shown = sum(
                torch.bmm(part, weights[f"say.part_{k}"]).unflatten(-1, shape) * about[..., k - 1 - len(parts), None]
                for k, part in enumerate(parts)
            )
            logits = logits + senses.sees.place(shown.flatten(2), num_seats).unflatten(-1, shape)
        return logits

    def _reply(self, weights: dict[str, Tensor], senses: Senses, beliefs: Beliefs, idea: Tensor) -> Tensor:
        """Logits of the next message (P, N, L, V) in a dialogue: what its places are about hangs on what is believed.

        With attention that is the same in every world, or that hangs on memory as a whole, guides named one attribute
        whatever they were asked for, and more rounds did not help."""
        spec = self.spec
        num_seats = idea.shape[1]
        shape = (spec.message_length, spec.num_symbols)
        believed = torch.cat([torch.softmax(logits, dim=-1) for logits in beliefs.by_attribute()], dim=-1)
        asked = torch.bmm(believed, weights["say.asked"]).unflatten(-1, (spec.message_length, -1))
        about = torch.softmax(
            ABOUT_SHARPNESS * (weights["say.about"].unsqueeze(1) + asked) + self.first_about.to(idea.device), dim=-1
        )  # (P, N, L, topics)
        logits = idea.unflatten(-1, shape) * about[..., -1:]
        if senses.knows is not None and senses.goal is not None:
            parts = torch.split(senses.goal, list(spec.attribute_sizes), dim=-1)
            meant = torch.split(torch.bmm(weights["goal"], weights["say.goal"]), list(spec.attribute_sizes), dim=1)
            for k, (part, words) in enumerate(zip(parts, meant, strict=True)):
                told = senses.knows.place(torch.bmm(part, words), num_seats).unflatten(-1, shape)
                logits = logits + told * about[..., k : k + 1]
        return logits

    def predict_edit(self, weights: dict[str, Tensor], thought: Tensor, act_hot: Tensor) -> Tensor:
        """What the chosen act (P, N, num_actions one-hot) will change: logits (P, N, NUM_EDIT_CLASSES)."""
        return torch.baddbmm(weights["edit.bias"].unsqueeze(1), torch.cat([thought, act_hot], dim=-1), weights["edit"])

    def step(
        self,
        weights: dict[str, Tensor],
        heard: Tensor | None,
        voices: Tensor | None,
        senses: Senses,
        memory: Memory,
        use: ExpertUse | None = None,
    ) -> tuple[Memory, Beliefs, Response]:
        """One whole step: `listen`, then `respond`."""
        language, beliefs = self.listen(weights, heard, voices, senses, memory.language, use)
        situation, response = self.respond(weights, senses, language, beliefs, memory.situation, use)
        return Memory(language, situation), beliefs, response


def _of_two(first: Tensor, second: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A linear layer of two inputs (P, N, D) side by side, without putting them there: (P, N, J)."""
    width = first.shape[-1]
    return torch.baddbmm(torch.baddbmm(bias.unsqueeze(1), first, weight[:, :width]), second, weight[:, width:])
