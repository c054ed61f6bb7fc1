"""Small language models of our own, taught to tell what becomes of worlds: with words alone, or with pictures.

They read documents of `world.corpus`: laws in plain English with the edits that they make of a grid, parts of lives in
worlds of a scenario, and scenes with the objects in them. The one with eyes is shown every scene as a picture. How well
they know worlds is how few bits the edits of worlds that they were never told of take, held against counting (3-grams
and 5-grams of the same documents, with the scenes in words) and against a choice among all edits alike.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evolution.chance import stream
from evolution.pretrained import LICENCE
from language.intervals import mean_interval
from language.ngram import NGram
from population.language_model import LanguageModel, Told
from world import scenarios
from world.codes import OUTSIDE
from world.corpus import episode_documents, law_document, scene_document, words_of
from world.edit_rules import NUM_TOKENS
from world.scenarios.base import Scenario
from world.splits import SEEDS, TRAIN
from world.telling import Document, each_once, known_words, sentence_words, value_words

WORLDS_AT_ONCE = 256
BLANK_SHARE = 0.25  # of pictures in training, so that to see nothing is nothing new
ROOM_FOR_WORDS = 170  # of a document, besides its scene
ORDERS = (3, 5)  # of the counted models
UNIFORM_BITS = float(np.log2(NUM_TOKENS))


@dataclass(frozen=True)
class LanguageTraining:
    """What a small language model is, and what it learns from."""

    scenario: str
    seed: int = 0
    has_eyes: bool = False
    steps: int = 2000
    batch: int = 32  # documents
    worlds: int = 4096  # of the scenario, a document each
    laws: int = 6000
    held_out: int = 256  # worlds, and as many laws
    width: int = 128
    num_layers: int = 3
    num_heads: int = 4
    learning_rate: float = 3e-3

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "worlds", "laws", "held_out", "width", "num_layers", "num_heads"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        if self.width % (2 * self.num_heads):
            raise ValueError(f"width must be a multiple of {2 * self.num_heads}, got {self.width}")


@dataclass(frozen=True)
class Corpus:
    """Documents to learn from, and held-out ones by kind."""

    train: list[Document]
    held_out: dict[str, list[Document]]
    context_tokens: int


def corpus_of(training: LanguageTraining, scenario: Scenario) -> Corpus:
    """The documents that a training reads; what is held out are worlds and grids of other numbers."""
    height, width = scenario.generate(np.arange(1), TRAIN).floor.shape[1:]
    largest = max(height * (width + 1), 110)  # laws have grids of up to ten by ten
    context = -(-(largest + ROOM_FOR_WORDS) // 64) * 64
    first = int(stream(training.seed, "corpus").integers(2**40))
    held_out_split = SEEDS if SEEDS in scenario.splits else TRAIN

    def worlds(split: str, number: int, first: int) -> list[Document]:
        found = []
        for start in range(0, number, WORLDS_AT_ONCE):
            numbers = first + np.arange(start, min(number, start + WORLDS_AT_ONCE))
            found += episode_documents(scenario, split, numbers, context)
        return found

    def laws(split: str, number: int, first: int) -> list[Document]:
        found = (law_document(split, first + n) for n in range(number))
        return [document for document in found if len(document.words) <= context]

    told = worlds(TRAIN, training.worlds, first) + laws(TRAIN, training.laws, first)
    # where there is one split alone, other numbers are held out
    away = 0 if held_out_split == SEEDS else 2**50
    held_out = {
        "worlds": worlds(held_out_split, training.held_out, first + away),
        "laws": laws(SEEDS, training.held_out, first),
    }
    scenes = [scene_document(document.picture) for document in told[::2]]
    held_out["scenes"] = [scene_document(each.picture) for each in (*held_out["worlds"], *held_out["laws"])]
    fits = [document for document in scenes if len(document.words) <= context]
    held_out["scenes"] = [document for document in held_out["scenes"] if len(document.words) <= context]
    return Corpus(told + fits, held_out, context)


def vocabulary(corpus: Corpus, scenario: Scenario) -> list[str]:
    """Every word that a model of this corpus is to know."""
    of_scenario = [
        word
        for attribute in scenario.attributes
        for text in (attribute.name, *attribute.values)
        for word in (*sentence_words(text), *value_words(text))
    ]
    return each_once(known_words(), sentence_words(scenario.kind), of_scenario, words_of(corpus.train))


def pretrain_language(
    training: LanguageTraining, out: str | Path, on_progress: Callable[[float, str], None] | None = None
) -> dict[str, Any]:
    """Teach a new small language model and write its folder; returns what was measured.

    ValueError for options that make no sense, and where there is something at `out` already.
    """
    if os.path.lexists(out):
        raise ValueError(f"--out must be a new folder, but {out} exists already")
    tell = on_progress or (lambda share, text: None)
    scenario = scenarios.get(training.scenario)
    tell(0.0, "making up worlds to tell of")
    corpus = corpus_of(training, scenario)
    model = LanguageModel.new(
        vocabulary(corpus, scenario), context_tokens=corpus.context_tokens, width=training.width,
        num_layers=training.num_layers, num_heads=training.num_heads, seed=training.seed, has_eyes=training.has_eyes,
    )  # fmt: skip
    told = [model.told(document) for document in corpus.train]
    rng = stream(training.seed, "lessons")
    draw = _drawer(told, training.batch, rng, blinks=training.has_eyes)

    def on_step(step: int, loss: float) -> None:
        if step % 20 == 0:
            bits = loss / np.log(2)
            tell(step / training.steps, f"step {step} of {training.steps}: surprise {bits:.2f} bits a word")

    before = torch.get_num_threads()
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    try:
        model.fit(
            draw, num_steps=training.steps, learning_rate=training.learning_rate, seed=training.seed, on_step=on_step
        )
        tell(1.0, "measuring what it knows of worlds that it was never told of")
        measured = measure(model, corpus)
    finally:
        torch.set_num_threads(before)
    kind = "vlm" if training.has_eyes else "lm"
    found = {
        "as": kind,
        "model": str(out),
        "scenario": scenario.name,
        "seed": training.seed,
        "steps": training.steps,
        "documents": len(corpus.train),
        "parameters": sum(each.numel() for each in model.parameters()),
        "words": len(model.words),
        "uniform_bits": UNIFORM_BITS,
        "held_out": measured,
    }
    model.save(out, {**found, "training": asdict(training)}, card(found, scenario))
    return found


def _drawer(
    told: Sequence[Told], batch: int, rng: np.random.Generator, blinks: bool
) -> Callable[[int], Sequence[Told]]:
    """Batches of documents of about the same length, so that little is padded."""
    order: list[np.ndarray] = []

    def draw(_step: int) -> Sequence[Told]:
        if not order:
            pool = rng.permutation(len(told))
            for first in range(0, len(pool), 8 * batch):
                some = pool[first : first + 8 * batch]
                some = some[np.argsort([len(told[i].ids) for i in some], kind="stable")]
                order.extend(np.array_split(some, -(-len(some) // batch)))
            rng.shuffle(order)  # type: ignore[arg-type]
        chosen = [told[i] for i in order.pop()]
        return [blind(one) if rng.random() < BLANK_SHARE else one for one in chosen] if blinks else chosen

    return draw


def blind(one: Told) -> Told:
    """The same with nothing to see in its picture."""
    return one if one.picture is None else replace(one, picture=np.full_like(one.picture, OUTSIDE))


def measure(model: LanguageModel, corpus: Corpus) -> dict[str, Any]:
    """Bits a token, by kind of held-out documents: of edits, or of what is told of a scene, with 95 % intervals over
    documents; of the model, with its picture and without, and of counted models."""
    counted = {
        order: NGram(order, len(model.words)).learn(model.ids(document.words).tolist() for document in corpus.train)
        for order in ORDERS
    }
    found = {}
    for kind, documents in corpus.held_out.items():
        # of a document that tells of a scene alone, everything after the scene
        wanted = [
            document.is_edit if kind != "scenes" else np.arange(len(document.words)) >= document.scene.stop
            for document in documents
        ]
        whole = [replace(document, is_edit=mask) for document, mask in zip(documents, wanted, strict=True)]
        told = [model.told(document) for document in whole]
        sizes = np.array([mask.sum() for mask in wanted])
        one = {"documents": len(documents), "tokens": int(sizes.sum()), "model": _mean(model.edit_bits(told), sizes)}
        if model.eyes is not None:
            one["without_picture"] = _mean(model.edit_bits([blind(each) for each in told]), sizes)
        for order, ngram in counted.items():
            bits = [ngram.bits(model.ids(each.words).tolist())[each.is_edit] for each in whole]
            one[f"{order}-gram"] = _mean(np.concatenate(bits) if bits else np.zeros(0), sizes)
        found[kind] = one
    return found


def _mean(bits: np.ndarray, sizes: np.ndarray) -> dict[str, Any]:
    """Mean bits a token, and an interval over documents (of a ratio: by what documents add to the mean)."""
    if not len(bits):
        return {"bits": float("nan"), "interval": [float("nan"), float("nan")]}
    mean = float(bits.mean())
    document = np.repeat(np.arange(len(sizes)), sizes)
    sums = np.bincount(document, bits - mean, minlength=len(sizes)) * len(sizes) / len(bits)
    low, high = mean_interval(sums)
    return {"bits": mean, "interval": [mean + low, mean + high]}


def card(found: dict[str, Any], scenario: Scenario) -> str:
    """The model's README."""
    has_eyes = found["as"] == "vlm"
    name = scenario.name.partition("#")[0]
    rows = []
    for kind, one in found["held_out"].items():
        cells = [one["model"], *((one["without_picture"],) if has_eyes else ()), *(one[f"{n}-gram"] for n in ORDERS)]
        rows.append(f"| {kind} | " + " | ".join(f"{cell['bits']:.3f}" for cell in cells) + " |")
    heads = ["held out", "this model", *(("without the picture",) if has_eyes else ()), *(f"{n}-gram" for n in ORDERS)]
    sees = (
        " It is shown scenes as pictures, in patches of 2 x 2 cells (`eyes.safetensors`); without them, "
        "`transformers` loads the rest as a language model."
        if has_eyes
        else " `transformers` loads it as it is."
    )
    return "\n".join(
        [
            "---",
            "library_name: transformers",
            f"license: {LICENCE}",
            "tags:",
            *(f"- {tag}" for tag in ("boxlings", "world-model", "vision-language" if has_eyes else "language-model")),
            "---",
            "",
            f"# A small {'visual-language' if has_eyes else 'language'} model of worlds",
            "",
            f"A Llama of {found['parameters']:,} parameters and {found['words']} words.{sees}",
            "",
            "## Trained on",
            "",
            f"{found['documents']} documents made up by boxlings, seed {found['seed']}, {found['steps']} steps: laws "
            f"in plain English with the edits that they make, parts of lives in worlds of `{name}`, and scenes "
            "with the objects in them. No text of people.",
            "",
            "## Measured",
            "",
            "Bits a token, of edits in worlds and under laws with other grids than those of the training, and of what "
            f"is told of scenes. A choice among all {NUM_TOKENS} edit tokens alike would take {UNIFORM_BITS:.2f}.",
            "",
            "| " + " | ".join(heads) + " |",
            "|" + "---|" * len(heads),
            *rows,
            "",
            "## Use",
            "",
            "In place of MODEL, this folder.",
            "",
            f"    boxlings run {name} --seed-from MODEL            as an expert of all boxlings",
            f"    boxlings run {name} --lm MODEL --lm-as agent --no-lm-frozen    as a boxling that learns",
            "",
            "## Limits",
            "",
            "It knows the worlds of boxlings and nothing else.",
            "",
            f"Licence: {LICENCE}.",
            "",
        ]
    )
