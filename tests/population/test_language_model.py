"""Language models of anybody's and of our own: loaded, taught our words, trained for real, and refused by name."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from language.ngram import NGram
from population.language_model import (
    EYES,
    OURS,
    PAD,
    LanguageModel,
    Told,
    is_language_model,
    num_patches,
    patches_of,
)
from world import scenarios
from world.codes import OUTSIDE
from world.corpus import episode_documents, law_document, scene_document, words_of
from world.telling import each_once, known_words

transformers = pytest.importorskip("transformers")
KINDS = ("gpt2", "llama")


def tiny(kind: str, width: int = 16, vocabulary: int = 30, context: int = 160, seed: int = 0) -> Any:
    """A model of somebody else's: random weights, no tokenizer."""
    torch.manual_seed(seed)
    plain = {"bos_token_id": None, "eos_token_id": None}
    if kind == "gpt2":
        no_dropout = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
        return transformers.GPT2LMHeadModel(
            transformers.GPT2Config(
                vocab_size=vocabulary, n_positions=context, n_embd=width, n_layer=2, n_head=4, **no_dropout, **plain
            )
        )
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=context,
            **plain,
        )
    )


@pytest.fixture(params=KINDS)
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    tiny(request.param).save_pretrained(tmp_path / "theirs")
    return tmp_path / "theirs"


def ours(**options: Any) -> LanguageModel:
    return LanguageModel.new(known_words(), context_tokens=160, width=16, num_layers=1, num_heads=2, **options)


# ---- loading ----


def test_a_foreign_model_gets_a_token_for_each_of_our_words_and_keeps_its_own(foreign: Path):
    theirs = transformers.AutoModelForCausalLM.from_pretrained(foreign)
    before = theirs.get_input_embeddings().weight.detach().clone()
    model = LanguageModel.load(foreign)
    assert model.know(["red", "blue", "red"]) == 2
    assert model.know(["blue", "green"]) == 1
    assert model.words == {"red": 30, "blue": 31, "green": 32}
    table = model.model.get_input_embeddings().weight
    assert torch.equal(table[:30], before)
    assert table.shape[0] == 33
    assert model.model.get_output_embeddings().weight.shape[0] == 33
    assert model.ids(["green", "red"]).tolist() == [32, 30]
    with pytest.raises(ValueError, match="does not know the word 'pink'"):
        model.ids(["pink"])


def test_new_words_begin_near_what_they_are_spelled_by(tmp_path: Path):
    from tokenizers import Tokenizer, models, pre_tokenizers

    spelling = Tokenizer(models.WordLevel({"red": 0, "blue": 1, "?": 2}, unk_token="?"))
    spelling.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=spelling)
    tiny("llama").save_pretrained(tmp_path / "theirs")
    fast.save_pretrained(tmp_path / "theirs")
    model = LanguageModel.load(tmp_path / "theirs")
    model.know(["red", "blue"])
    table = model.model.get_input_embeddings().weight.detach()
    nearest = torch.cdist(table[30:], table[:30]).argmin(dim=1)
    assert nearest.tolist() == [0, 1]
    out = model.model.get_output_embeddings().weight.detach()  # not tied to the others in this model
    assert torch.cdist(out[30:], out[:30]).argmin(dim=1).tolist() == [0, 1]


def test_to_learn_words_is_the_same_each_time_and_draws_nothing_from_elsewhere(foreign: Path):
    torch.manual_seed(5)
    first = torch.rand(1)
    torch.manual_seed(5)
    models = [LanguageModel.load(foreign) for _ in range(2)]
    for model in models:
        model.know(known_words())
    assert torch.equal(torch.rand(1), first)
    tables = [model.model.get_input_embeddings().weight for model in models]
    assert torch.equal(*tables)


@pytest.mark.parametrize("damage", ["nothing", "text", "list", "boxlings", "shape", "pickle"])
def test_what_is_no_language_model_is_refused_by_name(damage: str, tmp_path: Path):
    folder = tmp_path / "theirs"
    tiny("llama").save_pretrained(folder)
    config = folder / "config.json"
    if damage == "nothing":
        shutil.rmtree(folder)
    elif damage == "text":
        config.write_text("no json")
    elif damage == "list":
        config.write_text("[]")
    elif damage == "boxlings":
        config.write_text(json.dumps({"format": "boxlings-checkpoint", "model_type": "boxlings"}))
    elif damage == "shape":
        config.write_text(json.dumps({**json.loads(config.read_text()), "hidden_size": 24}))
    else:  # of parameters there is but a pickle
        torch.save({}, folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    assert is_language_model(folder) == (damage in ("shape", "pickle"))
    with pytest.raises(ValueError, match=str(folder)) as error:
        LanguageModel.load(folder)
    assert "\n" not in str(error.value)


def test_without_the_library_one_sentence_tells_what_is_needed(foreign: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(ValueError, match=r"takes transformers: pip install 'boxlings\[lm\]'"):
        LanguageModel.load(foreign)


# ---- of our own, on disk ----


@pytest.mark.parametrize("has_eyes", [False, True])
def test_a_model_of_our_own_comes_back_as_it_was_saved(has_eyes: bool, tmp_path: Path):
    model, document = ours(has_eyes=has_eyes, seed=3), law_document("train", 3)
    model.know(document.words)
    folder = model.save(tmp_path / "deep" / "model", {"seed": 3}, "a card")
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md", OURS} <= {
        path.name for path in folder.iterdir()
    }
    assert (folder / EYES).exists() == has_eyes
    again = LanguageModel.load(folder)
    assert again.words == model.words
    told = model.told(document)
    assert torch.equal(model.logits([told]), again.logits([again.told(document)]))
    # the same by the library alone
    plain = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert torch.equal(plain.get_input_embeddings().weight, model.model.get_input_embeddings().weight)
    fast = transformers.AutoTokenizer.from_pretrained(folder)
    assert fast(document.text)["input_ids"] == model.ids(document.words).tolist()
    with pytest.raises(ValueError, match="must be a new folder"):
        model.save(folder, {}, "")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model"]


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", EYES, OURS])
def test_a_changed_file_is_refused_by_its_name(name: str, tmp_path: Path):
    folder = ours(has_eyes=True).save(tmp_path / "model", {}, "")
    data = bytearray((folder / name).read_bytes())
    if name == OURS:
        data = bytearray(data.replace(b'"red": ', b'"red": 1'))
    else:
        data[len(data) // 2] ^= 1
    (folder / name).write_bytes(bytes(data))
    with pytest.raises(ValueError, match=name.replace(".", r"\.") if name != "config.json" else str(folder)):
        LanguageModel.load(folder)
    (folder / name).unlink()
    if name not in (OURS, "config.json"):
        with pytest.raises(ValueError, match="is missing"):
            LanguageModel.load(folder)


# ---- telling and reading ----


def test_documents_are_read_token_by_token_whatever_else_is_in_the_batch():
    model = ours()
    documents = [law_document("train", number) for number in range(3)]
    model.know(words_of(documents))
    told = [model.told(document) for document in documents if len(document.words) <= 160]
    together = model.logits(told)
    for b, one in enumerate(told):
        alone = model.logits([one])[0]
        torch.testing.assert_close(together[b, : len(one.ids)], alone, atol=1e-4, rtol=1e-4)
    with pytest.raises(ValueError, match="reads at most 160 tokens, got 161"):
        model.logits([Told(np.zeros(161, np.int64), np.ones(161, bool), np.zeros(161, bool))])


def test_bits_of_edits_are_the_surprise_at_each_of_them():
    model, document = ours(), scene_document(np.array([[3, 0, 0, 2]], np.uint8))
    marked = replace(document, is_edit=np.array([word.startswith("#") for word in document.words]))
    told = model.told(marked)
    bits = model.edit_bits([told, told])
    assert len(bits) == 4
    probabilities = torch.softmax(model.logits([told])[0].detach().double(), dim=-1)
    for k, at in enumerate(np.flatnonzero(marked.is_edit)):
        assert bits[k] == pytest.approx(-np.log2(float(probabilities[at - 1, told.ids[at]])), rel=1e-4)


def test_eyes_see_every_cell_and_its_place():
    model, document = (
        ours(has_eyes=True),
        scene_document(np.array([[3, 0, 0, 2], [0, 0, 0, 0], [1, 0, 0, 0]], np.uint8)),
    )
    told = model.told(document)
    assert num_patches((3, 4)) == (2, 2)
    assert told.patches == slice(document.scene.start, document.scene.start + 4)
    assert not told.is_target[told.patches].any()
    after = told.ids[told.patches.stop :]
    assert after.tolist() == model.ids(document.words[document.scene.stop :]).tolist()
    first = model.logits([told])
    for row in range(3):
        for column in range(4):
            other = document.picture.copy()
            other[row, column] = 7
            changed = model.logits([replace(told, picture=other)])
            patch = told.patches.start + 2 * (row // 2) + column // 2
            assert torch.equal(changed[0, :patch], first[0, :patch])
            assert not torch.equal(changed[0, patch], first[0, patch])
    moved = model.logits([replace(told, picture=document.picture[:, ::-1].copy())])
    assert not torch.equal(moved[0, -1], first[0, -1])
    assert patches_of(np.array([[5]], np.uint8)).tolist() == [[[5, OUTSIDE, OUTSIDE, OUTSIDE]]]


def test_parameters_can_be_taken_out_and_put_back():
    model, other = ours(has_eyes=True, seed=1), ours(has_eyes=True, seed=2)
    other.restore(model.tensors())
    told = model.told(scene_document(np.array([[3, 0, 2]], np.uint8)))
    assert torch.equal(model.logits([told]), other.logits([told]))


def test_features_are_the_state_after_the_last_word():
    model = ours()
    rows = model.features([["guide", "says", "s1"], ["guide", "says", "s2"], ["guide", "says", "s1"]])
    assert rows.shape == (3, 16)
    np.testing.assert_array_equal(rows[0], rows[2])
    assert not np.allclose(rows[0], rows[1])
    assert PAD in model.words


# ---- learning ----


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_trained_on_edits_predicts_those_of_other_worlds_better_than_counting(kind: str, tmp_path: Path):
    scenario = scenarios.get("guide")
    train = [
        each for k in range(6) for each in episode_documents(scenario, "train", np.arange(256) + 256 * k, 158)
    ]  # fmt: skip
    held_out = episode_documents(scenario, "held-out-seeds", np.arange(64), 158)
    tiny(kind, width=64).save_pretrained(tmp_path / "theirs")
    model = LanguageModel.load(tmp_path / "theirs")
    model.know(each_once(words_of(train), words_of(held_out)))
    told, tested = [model.told(each) for each in train], [model.told(each) for each in held_out]
    before = model.edit_bits(tested).mean()
    rng = np.random.default_rng(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    losses = model.fit(
        lambda step: [told[i] for i in rng.integers(len(told), size=16)], num_steps=300, learning_rate=6e-3
    )
    after = model.edit_bits(tested).mean()
    torch.set_num_threads(threads)
    counted = NGram(3, 30 + len(model.words)).learn(model.ids(each.words).tolist() for each in train)
    bits = np.concatenate([counted.bits(model.ids(each.words).tolist())[each.is_edit] for each in held_out])
    assert len(bits) == sum(each.is_edit.sum() for each in tested) > 500
    assert losses[-1] < losses[0] / 3
    assert after < bits.mean() - 0.05
    assert after < before / 3
