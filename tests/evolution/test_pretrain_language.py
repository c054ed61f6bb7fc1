"""Small language models of our own: what they are taught, how they are measured, and what pictures are worth."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evolution.pretrain_language import (
    UNIFORM_BITS,
    Corpus,
    LanguageTraining,
    blind,
    corpus_of,
    measure,
    pretrain_language,
    vocabulary,
)
from language.ngram import NGram
from population.language_model import LanguageModel
from world import scenarios
from world.codes import OUTSIDE
from world.corpus import scene_document

pytest.importorskip("transformers")

SMALL = LanguageTraining(
    "guide", steps=3, batch=4, worlds=24, laws=20, held_out=8, width=16, num_layers=1, num_heads=2, seed=4
)


def test_what_is_held_out_was_never_told(tmp_path: Path):
    corpus = corpus_of(replace(SMALL, worlds=200, laws=200), scenarios.get("guide"))
    told = {document.text for document in corpus.train}
    for kind in ("worlds", "laws"):
        assert corpus.held_out[kind]
        assert not told & {document.text for document in corpus.held_out[kind]}
    longest = max(len(document.words) for document in corpus.train)
    assert longest <= corpus.context_tokens
    kinds = {document.words[0] for document in corpus.train}
    assert kinds == {"world", "law", "scene"}


@pytest.mark.parametrize("has_eyes", [False, True])
def test_a_model_is_taught_measured_and_written_the_same_each_time(has_eyes: bool, tmp_path: Path):
    training = replace(SMALL, has_eyes=has_eyes)
    told: list[str] = []
    found = pretrain_language(training, tmp_path / "one", lambda share, text: told.append(text))
    again = pretrain_language(training, tmp_path / "two")
    assert found["held_out"] == again["held_out"]
    assert (tmp_path / "one" / "model.safetensors").read_bytes() == (
        tmp_path / "two" / "model.safetensors"
    ).read_bytes()
    assert any("surprise" in text for text in told)
    about = json.loads((tmp_path / "one" / "boxlings.json").read_text())
    assert about["held_out"] == json.loads(json.dumps(found["held_out"]))
    assert about["training"]["seed"] == 4
    card = (tmp_path / "one" / "README.md").read_text()
    for kind, one in found["held_out"].items():
        assert f"| {kind} | {one['model']['bits']:.3f} |" in card
        assert ("without_picture" in one) == has_eyes
        low, high = one["model"]["interval"]
        assert low < one["model"]["bits"] < high
    assert found["uniform_bits"] == UNIFORM_BITS == pytest.approx(np.log2(162))
    LanguageModel.load(tmp_path / "one")
    with pytest.raises(ValueError, match="must be a new folder"):
        pretrain_language(training, tmp_path / "one")


def test_bits_are_means_over_the_marked_tokens_of_all_documents():
    scenario = scenarios.get("guide")
    corpus = corpus_of(SMALL, scenario)
    model = LanguageModel.new(
        vocabulary(corpus, scenario), context_tokens=corpus.context_tokens, width=16, num_layers=1, num_heads=2
    )
    found = measure(model, corpus)
    documents = corpus.held_out["laws"]
    bits = model.edit_bits([model.told(document) for document in documents])
    assert found["laws"]["model"]["bits"] == pytest.approx(bits.mean())
    assert found["laws"]["tokens"] == sum(document.is_edit.sum() for document in documents) == len(bits)
    counted = NGram(3, len(model.words)).learn(model.ids(each.words).tolist() for each in corpus.train)
    expected = np.concatenate([counted.bits(model.ids(each.words).tolist())[each.is_edit] for each in documents])
    assert found["laws"]["3-gram"]["bits"] == pytest.approx(expected.mean())
    assert found["laws"]["3-gram"]["bits"] > found["laws"]["5-gram"]["bits"] * 0.5


def test_a_model_with_eyes_learns_to_tell_what_it_sees():
    rng = np.random.default_rng(0)

    def scenes(number: int) -> list:
        pictures = np.zeros((number, 2, 4), np.uint8)
        pictures[np.arange(number), rng.integers(2, size=number), rng.integers(4, size=number)] = rng.integers(
            1, 10, size=number
        )
        return [scene_document(picture) for picture in pictures]

    corpus = Corpus(scenes(400), {"scenes": scenes(60)}, 64)
    scenario = scenarios.get("guide")
    model = LanguageModel.new(
        vocabulary(corpus, scenario), context_tokens=64, width=32, num_layers=1, num_heads=2, has_eyes=True
    )
    told = [model.told(document) for document in corpus.train]
    assert (blind(told[0]).picture == OUTSIDE).all()
    draw = np.random.default_rng(1)
    model.fit(
        lambda step: [
            blind(told[i]) if draw.random() < 0.25 else told[i] for i in draw.integers(len(told), size=16)
        ],
        num_steps=250, learning_rate=1e-2,
    )  # fmt: skip
    found = measure(model, corpus)["scenes"]
    assert found["model"]["bits"] < 0.5 * found["without_picture"]["bits"]


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"laws": 2.5}, "laws must be a whole number of at least 1, got 2.5"),
        ({"width": 20}, "width must be a multiple of 8, got 20"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict, phrase: str):
    with pytest.raises(ValueError, match=phrase):
        LanguageTraining("guide", **options)
