"""Documents by number: what laws make of random grids, and what becomes of a scenario's worlds.

Worlds are lived by the simulator's own search: who knows the goal says it in the plainest way, symbol 1 + k for value k
of each attribute, and who acts takes an act that the search advises, or now and then any act, so that what fails is
told of too. The same numbers give the same documents.
"""

from __future__ import annotations

import numpy as np

from world.codec import encode
from world.codes import NUM_PLAIN_ACTS, Role
from world.objects import label
from world.pairs import pairs_of
from world.scenarios.base import Scenario
from world.state import Worlds
from world.telling import (
    ACTS,
    LOOKS,
    MAX_NUMBER,
    MAX_SYMBOLS,
    ROLES,
    Document,
    Teller,
    edit_words,
    goal_words,
    message_words,
    sentence_words,
)

ANY_ACT_SHARE = 0.2
MAX_WINDOW = 8  # steps that a document tells of, at most
MAX_TOLD_OBJECTS = 12  # of a scene


def law_document(split: str, number: int) -> Document:
    """A law or two in a row, the grid before and the edits that it takes, by the numbers of `world.pairs`."""
    before, after, laws = pairs_of(split).told(number)
    teller = Teller().tell("law")
    for law in laws:
        teller.tell(*sentence_words(law.describe()))
    return teller.show(before).tell("edits").tell(*edit_words(encode(before, after)), is_edit=True).document()


def scene_document(picture: np.ndarray) -> Document:
    """A scene (H, W) of look codes, and in words which objects there are, numbered as edits name them.

    An object is a 4-connected component of one colour; told of are its colour, its number of cells, and where its first
    one is.
    """
    teller = Teller().show(picture).tell("objects")
    labels, num_objects = label(picture.astype(np.uint8), 4)
    for number in range(1, min(num_objects, MAX_TOLD_OBJECTS) + 1):
        cells = np.argwhere(labels == number)
        row, column = cells[0].tolist()
        size = str(len(cells)) if len(cells) <= MAX_NUMBER else "many"
        teller.tell(f"#{number}", LOOKS[int(picture[row, column])], size, "at", str(row), str(column))
    return teller.tell(".").document()


def episode_documents(scenario: Scenario, split: str, numbers: np.ndarray, max_words: int) -> list[Document]:
    """A part of the life of each of these worlds (B,), from a step that chance chooses, in at most so many words.

    A world that cannot be told of in so few words, not even a step of it, is left out.
    """
    worlds = scenario.generate(numbers, split)
    rng = np.random.default_rng([int(number) for number in numbers[:4]])
    shown, texts, is_live = [_seen(worlds)], [], []
    positions = [worlds.position_rc.copy()]
    while not worlds.is_over.all():
        is_live.append(~worlds.is_over)
        said, acts, answers = plain_acts(scenario, worlds, rng)
        texts.append((said, acts))
        scenario.advance(worlds, acts, answers)
        shown.append(_seen(worlds))
        positions.append(worlds.position_rc.copy())
    documents = []
    lengths = np.array(is_live).sum(axis=0)
    for b, length in enumerate(lengths.tolist()):
        first = int(rng.integers(max(1, length)))
        teller = Teller().tell("world", *sentence_words(scenario.kind))
        if scenario.has_guide:
            teller.tell("goal", *goal_words(scenario, worlds.goal[b].tolist()))
        teller.show(shown[first][b])
        for a, role in enumerate(worlds.role[b].tolist()):
            row, column = positions[first][b, a].tolist()
            teller.tell(ROLES[role], *(("at", str(row), str(column)) if row >= 0 else ("outside",)))
        num_steps = 0
        for t in range(first, min(length, first + MAX_WINDOW)):
            step = Teller()
            said, acts = texts[t]
            for a in range(scenario.num_agents):
                if said[b, a].any():
                    step.tell(ROLES[worlds.role[b, a]], "says", *message_words(said[b, a].tolist()))
            step.tell("acts", *(ACTS[act] for act in acts[b].tolist()), "edits")
            step.tell(*edit_words(encode(shown[t][b], shown[t + 1][b])), is_edit=True)
            if len(teller.words) + len(step.words) > max_words:
                break
            teller.words += step.words
            teller.is_edit += step.is_edit
            num_steps += 1
        if num_steps:
            documents.append(teller.document())
    return documents


def plain_acts(
    scenario: Scenario, worlds: Worlds, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What agents say (B, A, G) symbols 1 to V, 0 for silence, do (B, A) and answer (B, A, G), as told above."""
    is_guide = worlds.role == Role.GUIDE
    goal = np.broadcast_to(worlds.goal[:, None], (*worlds.role.shape, scenario.num_attributes))
    says = np.where(is_guide[..., None], np.minimum(goal + 1, MAX_SYMBOLS), 0) if scenario.has_guide else 0 * goal
    advice = scenario.plan(worlds)
    bits = (advice[..., None] >> np.arange(NUM_PLAIN_ACTS, dtype=np.uint8)) & 1
    advised = (bits * (rng.random(bits.shape) + 1e-6)).argmax(axis=-1)
    acts = np.where(
        rng.random(advised.shape) < ANY_ACT_SHARE, rng.integers(NUM_PLAIN_ACTS, size=advised.shape), advised
    )
    return says, acts.astype(np.int8), goal.astype(np.int16)


def _seen(worlds: Worlds) -> np.ndarray:
    return np.where(worlds.look > 0, worlds.look, worlds.floor)


def words_of(documents: list[Document]) -> list[str]:
    """Every word that occurs, in the order in which it came first."""
    return list(dict.fromkeys(word for document in documents for word in document.words))
