"""Worlds in words: nothing is lost of edits and scenes, and every word is one that models know."""

from __future__ import annotations

import numpy as np
import pytest

from world import scenarios
from world.codec import Operation, encode
from world.codes import COLOUR_NAMES, OUTSIDE
from world.corpus import episode_documents, law_document, scene_document, words_of
from world.edit_rules import ARGUMENTS
from world.pairs import pairs_of
from world.telling import LOOKS, Document, edit_words, goal_words, known_words, message_words, scene_words

DRAWN = [law_document("train", number) for number in range(60)]


def test_edits_have_a_word_for_each_token_that_says_the_same():
    for number in range(40):
        before, after = pairs_of("train")(number)
        code = encode(before, after)
        words = edit_words(code)
        assert len(words) == len(code)
        again = edit_words(code)
        assert words == again
    # different codes have different words
    codes = [tuple(encode(*pairs_of("train")(number)).tolist()) for number in range(60)]
    told = [tuple(edit_words(encode(*pairs_of("train")(number)))) for number in range(60)]
    assert len(set(codes)) == len(set(told))


def test_scenes_can_be_read_back():
    for document in DRAWN:
        words = document.words[document.scene]
        height, width = document.picture.shape
        rows = np.array([LOOKS.index(word) for word in words if word != "/"]).reshape(height, width)
        np.testing.assert_array_equal(rows, document.picture)
        assert words.count("/") == height
        assert document.words[document.scene.start - 4 : document.scene.start] == (
            "scene", str(height), "by", str(width),
        )  # fmt: skip


def test_the_looks_of_cells_are_words_of_their_own():
    assert len(set(LOOKS)) == len(LOOKS) == OUTSIDE + 1
    assert LOOKS[1:11] == COLOUR_NAMES[1:]
    assert scene_words(np.array([[0, 11]], np.uint8)) == ["_", "outside", "/"]


def test_only_edits_are_marked_as_edits_and_end_every_document_of_a_law():
    names = {operation.name for operation in Operation}
    for document in DRAWN:
        assert document.words[-1] == "END"
        first = int(np.flatnonzero(document.is_edit)[0])
        assert document.words[first - 1] == "edits"
        assert document.is_edit[first:].all()
        assert document.words[first] in names
        assert not set(document.words[:first]) & (names - {"END"})


@pytest.mark.parametrize("name", [name for name in scenarios.names() if name != "stand"])
def test_lives_in_every_scenario_can_be_told_in_so_many_words(name: str):
    scenario = scenarios.get(name)
    documents = episode_documents(scenario, "train", np.arange(20), 450)
    assert len(documents) > 10
    assert max(len(document.words) for document in documents) <= 450
    assert all(document.is_edit.any() for document in documents)
    assert [document.text for document in documents] == [
        document.text for document in episode_documents(scenario, "train", np.arange(20), 450)
    ]
    assert not episode_documents(scenario, "train", np.arange(20), 8)  # not even a step fits
    if scenario.has_guide:
        assert all("goal" in document.words for document in documents)
        assert any("says" in document.words for document in documents)


def replayed(document: Document) -> list[tuple[list[str], list[str]]]:
    """The acts and the edits of each step that a document tells of."""
    steps, words = [], list(document.words[document.scene.stop :])
    while "acts" in words:
        acts, _, words = partition(words[words.index("acts") + 1 :], "edits")
        edits, _, words = partition(words, "END")
        steps.append((acts, edits))
    return steps


def partition(words: list[str], at: str) -> tuple[list[str], str, list[str]]:
    place = words.index(at)
    return words[:place], at, words[place + 1 :]


def test_what_is_told_of_a_life_is_what_became_of_its_acts():
    told = [step for each in episode_documents(scenarios.get("sokoban"), "train", np.arange(60), 400)
            for step in replayed(each)]  # fmt: skip
    way = {"up": ["-1", "+0"], "down": ["+1", "+0"], "left": ["+0", "-1"], "right": ["+0", "+1"]}
    moves = 0
    for acts, edits in told:
        assert len(acts) == 1
        places = [i for i, word in enumerate(edits) if word == "MOVE"]
        for i in places:
            assert edits[i + 2 : i + 4] == way[acts[0]]
        moves += bool(places)
        if acts[0] == "stay":
            assert edits == []
    assert moves > len(told) / 2
    assert len(told) > 100


def test_objects_are_numbered_as_edits_name_them():
    picture = np.array([[3, 3, 0], [0, 0, 2]], np.uint8)
    words = scene_document(picture).words
    assert words[words.index("objects") :] == (
        "objects", "#1", "green", "2", "at", "0", "0", "#2", "red", "1", "at", "1", "2", ".",
    )  # fmt: skip
    after = np.array([[0, 0, 0], [0, 0, 2]], np.uint8)
    assert edit_words(encode(picture, after)) == ["DEL", "#1", "END"]
    # of a large object it is enough to know that it is one
    assert "many" in scene_document(np.full((10, 10), 4, np.uint8)).words


def test_messages_and_goals_in_words():
    assert message_words([1, 12]) == ["s1", "s12"]
    guide = scenarios.get("guide")
    meaning = [list(guide.attributes[0].values).index("red"), list(guide.attributes[1].values).index("left")]
    assert goal_words(guide, meaning) == ["colour", "red", "direction", "left"]
    assert goal_words(guide, meaning, [False, True]) == ["direction", "left"]


def test_every_word_but_those_of_sentences_is_known():
    known = set(known_words())
    arguments = {kind for kinds in ARGUMENTS.values() for kind in kinds}
    assert arguments
    for document in DRAWN:
        told = document.words[document.words.index("scene") :]
        assert set(told) <= known
    assert len(known) == len(known_words())
    assert set(words_of(DRAWN)) >= set(DRAWN[0].words)
