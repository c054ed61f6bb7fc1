"""A language model as a whole boxling: what it senses becomes its tokens, its tokens become message, act and answer.

In each step every seat that it holds is told to it anew, in a *situation*: its role and what it knows of the goal, what
was heard in the last steps, what it sees, and what its body did. From there on it speaks itself, one token at a time,
each the most probable of those that make sense there: the symbols of a message, an act, and a value for each attribute
of the goal. Nobody sees more by being a language model: a situation holds what every boxling senses.

It learns by prediction alone, of what others said, did and answered in situations of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch

from population.language_model import LanguageModel, Told
from population.reflexes import Done, Sensed
from population.spec import PolicySpec
from world.scenarios.base import Scenario
from world.telling import ACTS, LOOKS, MAX_SYMBOLS, ROLES, Document, Teller, goal_words

HEARD_STEPS = 3  # that a situation remembers
UNKNOWN_GOAL = "unknown"
SEATS_AT_ONCE = 64


class Moment(Protocol):
    """A step of lives, see `evolution.live.Moment`."""

    @property
    def sensed(self) -> Sensed: ...

    @property
    def done(self) -> Done: ...


class LanguageAgents:
    """The seats of some rows of a population, played by one language model."""

    def __init__(self, model: LanguageModel, spec: PolicySpec, scenario: Scenario, rows: Sequence[int]) -> None:
        self.model, self.spec, self.scenario = model, spec, scenario
        self.rows = np.array(rows, np.int64)
        if max(spec.num_symbols, *spec.attribute_sizes) > MAX_SYMBOLS:
            raise ValueError(f"a language model knows {MAX_SYMBOLS} symbols, got num_symbols {spec.num_symbols}")
        model.know(agent_words(spec, scenario))
        self.symbols = model.ids([f"s{symbol + 1}" for symbol in range(spec.num_symbols)])
        self.acts = model.ids(ACTS[: spec.num_actions])
        self.values = model.ids([f"s{value}" for value in range(max(spec.attribute_sizes))])
        needed = self._longest()
        if needed > model.context_tokens:
            raise ValueError(
                f"the language model reads at most {model.context_tokens} tokens, and a situation of scenario "
                f"{scenario.name} takes up to {needed}"
            )
        self.begin()

    def begin(self) -> None:
        """Forget what was heard: other worlds come."""
        self.heard: list[tuple[np.ndarray, np.ndarray]] = []
        self.act_counts = np.zeros((len(self.rows), self.spec.num_actions), np.int64)  # of each row
        self.said_counts = np.zeros((len(self.rows), self.spec.num_symbols), np.int64)

    def hear(self, sensed: Sensed) -> None:
        """Remember what arrives in this step; must be called in every step, before `act` or `lesson`."""
        self.heard = [*self.heard[1 - HEARD_STEPS :], (sensed.heard.copy(), sensed.audible.copy())]

    def act(self, sensed: Sensed, done: Done, genome_of: np.ndarray) -> None:
        """Say, do and answer, into `done`, in all seats of these rows in worlds that are not over."""
        by_length: dict[int, list[tuple[int, int, Told]]] = {}
        for b, a in np.argwhere(np.isin(genome_of, self.rows) & sensed.is_active[:, None]).tolist():
            told = self.model.told(self.situation(sensed, b, a))
            by_length.setdefault(len(told.ids), []).append((b, a, told))
        for group in by_length.values():
            for first in range(0, len(group), SEATS_AT_ONCE):
                self._speak(group[first : first + SEATS_AT_ONCE], done, genome_of)

    @torch.no_grad()
    def _speak(self, seats: list[tuple[int, int, Told]], done: Done, genome_of: np.ndarray) -> None:
        spec, model = self.spec, self.model
        worlds, agents = np.array([b for b, _, _ in seats]), np.array([a for _, a, _ in seats])
        row = np.searchsorted(self.rows, genome_of[worlds, agents])
        table = model.model.get_input_embeddings()
        fed, cache = model.embed([told for _, _, told in seats])[0], None

        def add(word: str) -> None:
            nonlocal fed
            mark = table(torch.from_numpy(model.ids([word])).to(fed.device))
            fed = torch.cat([fed, mark.expand(len(seats), 1, -1)], dim=1)

        def choose(among: np.ndarray) -> np.ndarray:
            """The most probable of these tokens next, (seats,), which is fed to the model."""
            nonlocal fed, cache
            out = model.model(inputs_embeds=fed, use_cache=True, **{model.cache_name: cache})
            cache = getattr(out, model.cache_name, None) or out.past_key_values
            tokens = torch.from_numpy(among).to(fed.device)
            chosen = out.logits[:, -1, tokens].argmax(dim=-1)
            fed = table(tokens[chosen])[:, None]
            return chosen.cpu().numpy()

        add("says")
        for place in range(spec.message_length):
            done.symbols[worlds, agents, place] = chosen = choose(self.symbols)
            np.add.at(self.said_counts, (row, chosen), 1)
        add("acts")
        done.act[worlds, agents] = chosen = choose(self.acts)
        np.add.at(self.act_counts, (row, chosen), 1)
        add("goal")
        for k, size in enumerate(spec.attribute_sizes):
            done.answers[worlds, agents, k] = choose(self.values[:size])

    # ---- situations in words ----

    def situation(self, sensed: Sensed, b: int, a: int) -> Document:
        """What the agent a of world b senses, and heard lately."""
        teller = Teller().tell(ROLES[sensed.role[b, a]], "goal")
        if sensed.knows[b, a]:
            teller.tell(*goal_words(self.scenario, sensed.goal[b].tolist(), sensed.told[b, a].tolist()))
        else:
            teller.tell(UNKNOWN_GOAL)
            for choice in sensed.choices[b].tolist():
                teller.tell(",", *(f"s{value}" for value in choice))
        for said, audible in self.heard:
            for speaker in np.flatnonzero(audible[b, a]).tolist():
                if speaker != a:
                    symbols = [f"s{symbol + 1}" for symbol in said[b, speaker]]
                    teller.tell(ROLES[sensed.role[b, speaker]], *symbols)
        if sensed.sees[b, a]:
            teller.show(sensed.view[b, a])
        moved = "MOVE" if sensed.last_moved[b, a] else "END"
        return teller.tell("acts", ACTS[sensed.last_action[b, a]], moved).document()

    def lesson(self, sensed: Sensed, done: Done, b: int, a: int) -> Told:
        """A situation and what was said, done and answered in it, which is to be predicted."""
        spec = self.spec
        situation = self.model.told(self.situation(sensed, b, a))
        said = self.symbols[done.symbols[b, a]]
        act = self.model.ids(["acts", ACTS[done.act[b, a]], "goal"])
        ids = np.concatenate([situation.ids, self.model.ids(["says"]), said, act, self.values[done.answers[b, a]]])
        wanted = [True] * spec.message_length + [False, True, False] + [True] * len(spec.attribute_sizes)
        is_target = np.array([False] * (len(situation.ids) + 1) + wanted)
        return replace(situation, ids=ids, is_target=is_target, is_edit=np.zeros(len(ids), bool))

    def lessons(
        self, moments: Sequence[Moment], is_taught: np.ndarray, number: int, rng: np.random.Generator
    ) -> list[Told]:
        """So many lessons, drawn from the steps of lives: of seats in `is_taught` (B, A) bool; [] where there are none.

        What is drawn can be drawn again.
        """
        places = np.argwhere(np.stack([is_taught & moment.sensed.is_active[:, None] for moment in moments]))
        if not len(places):
            return []
        found = []
        for t, b, a in places[rng.integers(len(places), size=number)].tolist():
            lately = moments[max(0, t + 1 - HEARD_STEPS) : t + 1]
            self.heard = [(moment.sensed.heard, moment.sensed.audible) for moment in lately]
            found.append(self.lesson(moments[t].sensed, moments[t].done, b, a))
        return found

    def _longest(self) -> int:
        spec, scenario = self.spec, self.scenario
        goal = max(len(goal_words(scenario, meaning.tolist())) for meaning in scenario.meanings("train")[:64])
        choices = scenario.num_choices * (1 + scenario.num_attributes)
        heard = HEARD_STEPS * (scenario.num_agents - 1) * (1 + spec.message_length)
        height, width = spec.view_shape
        return 12 + goal + choices + heard + height * (width + 1) + spec.message_length + 3 + scenario.num_attributes


def agent_words(spec: PolicySpec, scenario: Scenario) -> list[str]:
    """Every word that situations of a scenario, and what is done in them, are told in."""
    goals = [
        word
        for meaning in np.diag([1] * scenario.num_attributes).tolist()
        for word in goal_words(scenario, [0] * len(meaning), meaning)
    ]
    for k, attribute in enumerate(scenario.attributes):
        for value in range(len(attribute)):
            goal = [value if j == k else 0 for j in range(scenario.num_attributes)]
            goals += goal_words(scenario, goal)
    symbols = [f"s{number}" for number in range(max(spec.num_symbols, *spec.attribute_sizes) + 1)]
    sides = [*map(str, spec.view_shape), "by"]
    marks = [*sides, "goal", UNKNOWN_GOAL, ",", "scene", "/", "acts", "says", "MOVE", "END"]
    return list(dict.fromkeys([*ROLES, *marks, *ACTS, *LOOKS, *goals, *symbols]))
