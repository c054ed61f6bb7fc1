"""Causal language models of worlds: of our own, or of anybody's in the format of `transformers`.

Worlds, messages, acts and edits are words of a small vocabulary (`world.telling`), each one token. A model that was not
made here gets a new token for each of them, whose embedding begins as the mean of those of the tokens by which its own
tokenizer spells the word, or is drawn where it has none. With *eyes* a model is shown a scene as a picture, in patches
of 2 x 2 cells, in place of words (patches as of Dosovitskiy et al. 2021, https://arxiv.org/abs/2010.11929).

A model's folder is one of `transformers` (config.json, model.safetensors, tokenizer.json); boxlings.json beside them
says which token each word is and what the files weigh, eyes.safetensors holds the eyes. Nothing is pickled, and no code
of a folder is run.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor, nn

from world.codes import NUM_LOOKS, OUTSIDE
from world.telling import Document

OURS = "boxlings.json"
EYES = "eyes.safetensors"
PAD, UNKNOWN = "<pad>", "<unknown>"
PATCH_CELLS = 2  # a side
MAX_PATCHES = 16  # along a side of a picture
NOT_A_TARGET = -100  # as torch's cross entropy has it
FOREIGN_FILES = ("config.json", "*.safetensors", "*.safetensors.index.json", "*token*", "vocab*", "merges.txt", OURS)


def transformers_of(what: str) -> Any:
    """The library; ValueError, with what it is needed for, where it is not installed."""
    try:
        import transformers
    except ModuleNotFoundError:
        raise ValueError(f"{what} takes transformers: pip install 'boxlings[lm]'") from None
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def is_language_model(folder: Path) -> bool:
    """Whether a folder looks like a language model of `transformers`, rather than a population or nothing."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and "format" not in config and "model_type" in config


@dataclass(frozen=True)
class Told:
    """One sequence for a model: tokens, what of them is to be predicted, what of them is an edit, and its picture."""

    ids: np.ndarray  # (N,) int64
    is_target: np.ndarray  # (N,) bool
    is_edit: np.ndarray  # (N,) bool
    patches: slice | None = None  # the tokens in whose places the picture is
    picture: np.ndarray | None = None  # (H, W) uint8 look codes


class Eyes(nn.Module):
    """Pictures of look codes as embeddings: one for each patch, the sum of its cells' looks and of its place."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.looks = nn.Embedding(PATCH_CELLS**2 * NUM_LOOKS, width)
        self.rows = nn.Embedding(MAX_PATCHES, width)
        self.columns = nn.Embedding(MAX_PATCHES, width)
        for table in (self.looks, self.rows, self.columns):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, picture: np.ndarray) -> Tensor:
        """The embeddings (patches, D) of a picture (H, W), row by row."""
        looks = torch.from_numpy(patches_of(picture)).to(self.looks.weight.device)  # (rows, columns, cells)
        place = torch.arange(PATCH_CELLS**2, device=looks.device) * NUM_LOOKS
        rows = torch.arange(looks.shape[0], device=looks.device)
        columns = torch.arange(looks.shape[1], device=looks.device)
        embedded = self.looks(looks + place).sum(dim=2) + self.rows(rows)[:, None] + self.columns(columns)
        return embedded.flatten(0, 1)


def patches_of(picture: np.ndarray) -> np.ndarray:
    """The looks in each patch, (rows, columns, cells) int64; what lies beyond the edge is outside.

    >>> patches_of(np.array([[1, 2, 3]], np.uint8)).tolist()
    [[[1, 2, 11, 11], [3, 11, 11, 11]]]
    """
    rows, columns = num_patches(picture.shape)
    whole = np.full((rows * PATCH_CELLS, columns * PATCH_CELLS), OUTSIDE, np.int64)
    whole[: picture.shape[0], : picture.shape[1]] = picture
    cut = whole.reshape(rows, PATCH_CELLS, columns, PATCH_CELLS)
    return cut.swapaxes(1, 2).reshape(rows, columns, PATCH_CELLS**2)


def num_patches(shape: tuple[int, ...]) -> tuple[int, int]:
    """Patches down and across a picture of this shape."""
    height, width = shape
    return -(-height // PATCH_CELLS), -(-width // PATCH_CELLS)


class LanguageModel:
    """A causal language model that knows our words. Made by `new` or `load`."""

    def __init__(self, model: Any, words: dict[str, int], eyes: Eyes | None = None, tokenizer: Any = None) -> None:
        self.model, self.words, self.eyes = model, words, eyes
        self.tokenizer = tokenizer  # the model's own, if it was not made here and has one
        self.is_ours = PAD in words
        config = model.config
        # newer versions of the library know it by the first name
        self.cache_name = "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"
        limit = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
        self.context_tokens = int(limit or 1024)

    # ---- making ----

    @staticmethod
    def new(
        words: Sequence[str], *, context_tokens: int, width: int = 128, num_layers: int = 3, num_heads: int = 4,
        seed: int = 0, has_eyes: bool = False,
    ) -> LanguageModel:  # fmt: skip
        """A small one of our own, which has learned nothing: the architecture of Llama (Touvron et al. 2023,
        https://arxiv.org/abs/2302.13971), so that `transformers` can load it too."""
        transformers = transformers_of("a language model of our own")
        known = {word: number for number, word in enumerate(dict.fromkeys([PAD, UNKNOWN, *words]))}
        config = transformers.LlamaConfig(
            vocab_size=len(known), hidden_size=width, intermediate_size=2 * width + width // 2,
            num_hidden_layers=num_layers, num_attention_heads=num_heads, num_key_value_heads=num_heads,
            max_position_embeddings=context_tokens, pad_token_id=0, bos_token_id=None, eos_token_id=None,
            tie_word_embeddings=True,
        )  # fmt: skip
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return LanguageModel(transformers.LlamaForCausalLM(config), known, Eyes(width) if has_eyes else None)

    @staticmethod
    def load(folder: str | Path) -> LanguageModel:
        """One from a folder; ValueError of one sentence, which names the file, where it is none or was changed."""
        folder = Path(folder)
        if not is_language_model(folder):
            raise ValueError(f"expected a language model's folder in the format of transformers, got {folder}")
        transformers = transformers_of(f"the language model {folder}")
        ours = _read_ours(folder)
        try:
            model = transformers.AutoModelForCausalLM.from_pretrained(
                str(folder), use_safetensors=True, local_files_only=True, trust_remote_code=False, dtype=torch.float32
            )
        except Exception as error:  # the library raises many kinds
            reason = " ".join(str(error).split()).partition(". ")[0][:200]
            raise ValueError(
                f"{folder} cannot be loaded as a causal language model ({type(error).__name__}: {reason})"
            ) from None
        model.eval()
        eyes = None
        if (folder / EYES).is_file():
            eyes = Eyes(model.get_input_embeddings().weight.shape[1])
            try:
                eyes.load_state_dict(_tensors(folder / EYES))
            except (RuntimeError, ValueError) as error:
                raise ValueError(
                    f"{folder / EYES} does not fit the model: {' '.join(str(error).split())[:200]}"
                ) from None
        words = {str(word): int(number) for word, number in ours.get("words", {}).items()}
        tokenizer = None if PAD in words else _own_tokenizer(transformers, folder)
        return LanguageModel(model, words, eyes, tokenizer)

    def know(self, words: Sequence[str], seed: int = 0) -> int:
        """Let every word be a token; returns how many were new to the model."""
        new = [word for word in dict.fromkeys(words) if word not in self.words]
        if not new:
            return 0
        old = self.model.get_input_embeddings().weight.shape[0]
        spelled = [self._spell(word, old) for word in new]
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.model.resize_token_embeddings(old + len(new), mean_resizing=False)
            tables = [self.model.get_input_embeddings().weight]
            out = self.model.get_output_embeddings()
            if out is not None and out.weight.data_ptr() != tables[0].data_ptr():
                tables.append(out.weight)
            with torch.no_grad():
                for table in tables:
                    usual = table[:old].std()
                    for k, pieces in enumerate(spelled):
                        drawn = torch.randn(table.shape[1], device=table.device) * usual
                        # words that are spelled alike are told apart by a little chance
                        table[old + k] = table[pieces].mean(dim=0) + 0.1 * drawn if pieces else drawn
        self.words |= {word: old + k for k, word in enumerate(new)}
        return len(new)

    def _spell(self, word: str, num_tokens: int) -> list[int]:
        if self.tokenizer is None:
            return []
        pieces = self.tokenizer(f" {word}", add_special_tokens=False)["input_ids"]
        return [piece for piece in pieces if 0 <= piece < num_tokens]

    # ---- telling it ----

    def ids(self, words: Sequence[str]) -> np.ndarray:
        """The tokens of words, (N,) int64; ValueError for a word that it does not know."""
        unknown = self.words.get(UNKNOWN)
        found = [self.words.get(word, unknown) for word in words]
        if None in found:
            raise ValueError(f"the language model does not know the word {words[found.index(None)]!r}")
        return np.array(found, np.int64)

    def told(self, document: Document) -> Told:
        """A document as tokens; with eyes, its scene as a picture."""
        ids, is_edit = self.ids(document.words), document.is_edit
        scene = document.scene
        if self.eyes is None or scene.stop == scene.start:
            return Told(ids, np.ones(len(ids), bool), is_edit)
        patches = int(np.prod(num_patches(document.picture.shape)))
        before, after = slice(0, scene.start), slice(scene.stop, None)
        places = np.full(patches, self.words[PAD], np.int64)
        shown = np.zeros(patches, bool)
        return Told(
            np.concatenate([ids[before], places, ids[after]]),
            np.concatenate([np.ones(len(ids[before]), bool), shown, np.ones(len(ids[after]), bool)]),
            np.concatenate([is_edit[before], shown, is_edit[after]]),
            slice(scene.start, scene.start + patches), document.picture,
        )  # fmt: skip

    # ---- reading ----

    def embed(self, batch: Sequence[Told]) -> tuple[Tensor, Tensor]:
        """Tokens and pictures as embeddings (B, N, D), and what is there, (B, N) int64: the rest means nothing."""
        device = self.model.get_input_embeddings().weight.device
        longest = max(len(one.ids) for one in batch)
        if longest > self.context_tokens:
            raise ValueError(f"the language model reads at most {self.context_tokens} tokens, got {longest}")
        ids = torch.zeros(len(batch), longest, dtype=torch.int64)
        is_there = torch.zeros(len(batch), longest, dtype=torch.int64)
        for b, one in enumerate(batch):
            ids[b, : len(one.ids)] = torch.from_numpy(one.ids)
            is_there[b, : len(one.ids)] = 1
        embedded = self.model.get_input_embeddings()(ids.to(device))
        shown = [(b, one.patches, one.picture) for b, one in enumerate(batch) if one.patches is not None]
        if self.eyes is not None and shown:
            rows = torch.cat([self.eyes(picture) for _, _, picture in shown])
            world = torch.cat([torch.full((at.stop - at.start,), b) for b, at, _ in shown])
            place = torch.cat([torch.arange(at.start, at.stop) for _, at, _ in shown])
            embedded = embedded.index_put((world.to(device), place.to(device)), rows)
        return embedded, is_there.to(device)

    def logits(self, batch: Sequence[Told]) -> Tensor:
        """What comes next after each token, (B, N, tokens); of shorter ones the end means nothing."""
        embedded, is_there = self.embed(batch)
        return self.model(inputs_embeds=embedded, attention_mask=is_there, use_cache=False).logits

    def loss(self, batch: Sequence[Told]) -> Tensor:
        """Mean surprise at the targets, in nats."""
        logits = self.logits(batch)[:, :-1]
        targets = torch.full(logits.shape[:2], NOT_A_TARGET)
        for b, one in enumerate(batch):
            wanted = np.where(one.is_target[1:], one.ids[1:], NOT_A_TARGET)
            targets[b, : len(wanted)] = torch.from_numpy(wanted)
        return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten().to(logits.device))

    @torch.no_grad()
    def edit_bits(self, documents: Sequence[Told], batch_size: int = 32) -> np.ndarray:
        """The surprise at each edit of each document, in bits, one after the other (edits,) float64."""
        self.model.eval()
        found = []
        for first in range(0, len(documents), batch_size):
            batch = documents[first : first + batch_size]
            surprise = -torch.log_softmax(self.logits(batch).double(), dim=-1) / np.log(2)
            for b, one in enumerate(batch):
                at = np.flatnonzero(one.is_edit)
                found.append(surprise[b, torch.from_numpy(at - 1), torch.from_numpy(one.ids[at])].cpu().numpy())
        return np.concatenate(found) if found else np.zeros(0)

    @torch.no_grad()
    def features(self, texts: Sequence[Sequence[str]]) -> np.ndarray:
        """What the model makes of each text: its last hidden state after the last word, (M, D) float32.

        A model that has its own tokenizer reads them as that spells them.
        """
        self.model.eval()
        rows = []
        for text in texts:
            if self.tokenizer is not None:
                tokens = np.array(self.tokenizer(" ".join(text), add_special_tokens=False)["input_ids"], np.int64)
            else:
                tokens = self.ids(text)
            ids = torch.from_numpy(tokens[-self.context_tokens :])[None].to(self.model.device)
            hidden = self.model(input_ids=ids, output_hidden_states=True, use_cache=False).hidden_states[-1]
            rows.append(hidden[0, -1].float().cpu().numpy())
        return np.stack(rows)

    # ---- learning ----

    def parameters(self) -> list[nn.Parameter]:
        """All that is learned."""
        return [*self.model.parameters(), *(self.eyes.parameters() if self.eyes is not None else ())]

    def fit(
        self, draw: Callable[[int], Sequence[Told]], *, num_steps: int, learning_rate: float = 3e-3, seed: int = 0,
        on_step: Callable[[int, float], None] | None = None,
    ) -> list[float]:  # fmt: skip
        """Learn from `num_steps` batches, `draw(step)` each, by AdamW; returns the loss of each in nats.

        The rate rises over the first twentieth of the steps and falls to a tenth along a cosine. What a model leaves
        out by chance (dropout) follows from the `seed`.
        """
        optimiser = torch.optim.AdamW(self.parameters(), lr=learning_rate, betas=(0.9, 0.95), weight_decay=0.01)
        losses = []
        self.model.train()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            for step in range(num_steps):
                share = step / max(1, num_steps)
                warm = min(1.0, (step + 1) / max(1.0, 0.05 * num_steps))
                for group in optimiser.param_groups:
                    group["lr"] = learning_rate * warm * (0.1 + 0.45 * (1 + np.cos(np.pi * share)))
                loss = self.loss(draw(step))
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(self.parameters(), 1.0)
                optimiser.step()
                losses.append(float(loss.detach()))
                if on_step is not None:
                    on_step(step, losses[-1])
        self.model.eval()
        return losses

    # ---- on disk ----

    def save(self, folder: str | Path, about: Mapping[str, Any], card: str) -> Path:
        """Write the model's folder, whole or not at all, with `about` in boxlings.json; ValueError where one is."""
        import safetensors.torch

        folder = Path(folder)
        if os.path.lexists(folder):
            raise ValueError(f"--out must be a new folder, but {folder} exists already")
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = folder.with_name(f".tmp-{uuid.uuid4().hex}-{folder.name}")
        try:
            self.model.save_pretrained(str(temporary))
            if self.is_ours:
                (temporary / "tokenizer.json").write_text(self._word_tokenizer().to_str(pretty=True), encoding="utf-8")
                (temporary / "tokenizer_config.json").write_text(
                    json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": PAD, "unk_token": UNKNOWN})
                )
            elif self.tokenizer is not None:
                self.tokenizer.save_pretrained(str(temporary))
            if self.eyes is not None:
                safetensors.torch.save_file(self.eyes.state_dict(), temporary / EYES)
            (temporary / "README.md").write_text(card, encoding="utf-8")
            for path in temporary.iterdir():  # some are written for their owner alone
                path.chmod(0o644)
            files = {path.name: _digest(path) for path in sorted(temporary.iterdir()) if path.name != "README.md"}
            told = {**about, "words": self.words, "files": files}
            (temporary / OURS).write_text(json.dumps(told, indent=1, sort_keys=True), encoding="utf-8")
            os.rename(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return folder

    def _word_tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer(models.WordLevel(self.words, unk_token=UNKNOWN))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        return tokenizer

    def tensors(self) -> dict[str, np.ndarray]:
        """All parameters by name, each once."""
        named = {f"model.{name}": each for name, each in self.model.named_parameters()}
        if self.eyes is not None:
            named |= {f"eyes.{name}": each for name, each in self.eyes.named_parameters()}
        return {name: each.detach().cpu().numpy().copy() for name, each in named.items()}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take these parameters, as of `tensors`."""
        named = {f"model.{name}": each for name, each in self.model.named_parameters()}
        if self.eyes is not None:
            named |= {f"eyes.{name}": each for name, each in self.eyes.named_parameters()}
        for name, each in named.items():
            each.copy_(torch.from_numpy(np.asarray(tensors[name])))


def _read_ours(folder: Path) -> dict[str, Any]:
    """boxlings.json of a folder, after checking the files that it names; {} where there is none."""
    if not (folder / OURS).is_file():
        return {}
    try:
        ours = json.loads((folder / OURS).read_text(encoding="utf-8"))
        files, words = dict(ours["files"]), dict(ours["words"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError(f"{folder / OURS} is damaged: expected a JSON object with words and files") from None
    if sorted(words.values()) != sorted(set(words.values())) or not all(isinstance(n, int) for n in words.values()):
        raise ValueError(f"{folder / OURS} is damaged: expected a number of its own for each word")
    for name, digest in files.items():
        if Path(name).name != name or not (folder / name).is_file():
            raise ValueError(f"{folder / name} is missing: restore it from a copy or use another model")
        if _digest(folder / name) != digest:
            raise ValueError(f"{folder / name} is damaged or was changed: restore it from a copy or use another model")
    return ours


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _tensors(path: Path) -> dict[str, Tensor]:
    import safetensors.torch

    return safetensors.torch.load_file(path)


def _own_tokenizer(transformers: Any, folder: Path) -> Any:
    """The tokenizer in a folder; None where there is none that can be loaded."""
    names = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "tokenizer.model")
    if not any((folder / name).is_file() for name in names):
        return None
    try:
        return transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # the library raises many kinds
        reason = " ".join(str(error).split()).partition(". ")[0][:200]
        raise ValueError(f"{folder} has a tokenizer that cannot be loaded ({type(error).__name__}: {reason})") from None
