"""A small run folder, written by the real writers: real worlds and edits, drawn acts, made-up words."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.run import Run, load_run
from evolution.records import ANCESTORS, Tables, write_ancestors, write_episodes, write_language
from evolution.storage import write_checkpoint, write_config_toml
from language.vocabulary import lexicon_of
from language.words import lexicon_of_words, word_tokenizer
from world import scenarios
from world.recording import record, scene_of, start_columns

NUM_GENERATIONS = 12
NUM_BOXLINGS = 6
MEASURED_EVERY = 4
MESSAGE_LENGTH, NUM_SYMBOLS = 3, 9
RECORDED = (0, 4, 8)
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def record_episodes(
    scenario_name: str, generation: int, num_episodes: int, rng: np.random.Generator, split: str = "train"
) -> list[dict]:
    """Play worlds and record them: even episodes follow the simulator's plan, odd ones act at random."""
    scenario = scenarios.get(scenario_name)
    numbers = np.arange(num_episodes) + 100 * generation
    worlds = scenario.generate(numbers, split)
    start = worlds.copy()
    num_agents, num_attributes = worlds.role.shape[1], worlds.goal.shape[1]
    rows: list[dict] = [
        {"actions": [], "said": [], "answers": [], "rewards": [], "edits": [], "bodies": []} for _ in numbers
    ]
    over_at = np.zeros(num_episodes, int)
    sizes = np.array(scenario.attribute_sizes)
    while not worlds.is_over.all():
        before = worlds.copy()
        plan = scenario.plan(worlds)
        actions = rng.integers(0, scenario.num_actions, worlds.role.shape).astype(np.int8)
        planned = np.where(plan > 0, np.log2(np.maximum(plan & -plan.astype(int), 1)), 0).astype(np.int8)
        actions[::2] = planned[::2]
        answers = rng.integers(0, sizes, (num_episodes, num_agents, num_attributes)).astype(np.int16)
        answers[::2] = worlds.goal[::2, None]
        said = rng.integers(1, NUM_SYMBOLS + 1, (num_episodes, num_agents, MESSAGE_LENGTH)).astype(np.int16)
        said[1::2, -1] = 0
        rewards = scenario.advance(worlds, actions, answers)
        over_at += ~before.is_over
        for b in range(num_episodes):
            tokens, bodies = record(scene_of(before, b), scene_of(worlds, b))
            rows[b]["bodies"].append(bodies.ravel())
            rows[b]["actions"].append(actions[b])
            rows[b]["said"].append(said[b])
            rows[b]["answers"].append(answers[b])
            rows[b]["rewards"].append(rewards[b])
            rows[b]["edits"].append(tokens)
    for b, row in enumerate(rows):
        row |= {
            "generation": generation,
            "episode": b,
            "scenario": scenario_name,
            "split": split,
            "world_number": numbers[b],
            "channel": ("on", "mute", "shuffle")[b % 3],
            "boxlings": np.arange(num_agents) + 7 * b,
            "attention": [_attention(start, b, rng) for _ in row["actions"]],
            "expert_use": [rng.integers(0, 256, (num_agents, 3)) for _ in row["actions"]],
            "num_steps": len(row["actions"]),
            "is_won": worlds.is_won[b],
            "over_at": over_at[b],
        }
        row |= start_columns(start, b)
    return rows


def _attention(start, b: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Attention (A, H*W) of one step, of those who have a body to a few cells, of the others to nothing."""
    cells = start.floor[b].size
    shares = [np.zeros(cells if body else 0, np.uint8) for body in start.agent_body[b, : start.role.shape[1]]]
    for share in shares:
        if share.size:
            share[rng.integers(0, cells, 3)] = rng.integers(20, 90, 3)
    return shares


def write_run(folder: Path, scenario_name: str = "guide") -> Path:
    """A run folder whose numbers are simple enough to be checked by eye."""
    rng = np.random.default_rng(5)
    folder.mkdir(parents=True)
    write_config_toml(
        folder / "config.toml",
        {
            "scenario": scenario_name,
            "seed": 7,
            "version": HOSTILE,
            "evolution": {"num_boxlings": NUM_BOXLINGS},
        },
    )
    tables = Tables(folder)
    boxlings = [(i, -1, 0, "founder") for i in range(NUM_BOXLINGS)]
    for generation in range(NUM_GENERATIONS):
        progress = generation / (NUM_GENERATIONS - 1)
        measures = {
            "fitness_mean": progress - 0.1,
            "fitness_best": progress + 0.1,
            "fitness_worst": 0.5 * progress - 0.2,
            "success": 0.9 * progress,
            "chance": 1 / 12,
            "understanding": progress,
            "first_words_understood": progress,
            "symbols_in_use": 9.0 - 4.0 * progress,
            "message_entropy_bits": 2.0 + 4.0 * progress,
            "topographic_similarity": 0.7 * progress,
            "agreement": progress,
        }
        for modality, shares in {"vision": (1.0, 0.0), "heard": (0.0, 1.0), "goal": (0.0, 1.0)}.items():
            measures |= {
                f"expert_use/{modality}/visual": shares[0],
                f"expert_use/{modality}/expert_0": shares[1],
            }
        if generation % MEASURED_EVERY == 0:
            measures |= {
                "success_muted": 0.05,
                "success_shuffled": 0.08,
                "success_held_out": 0.6 * progress,
                "understanding_held_out": 0.7 * progress,
                "first_words_understood_held_out": 0.7 * progress,
            }
        tables.add_measures(generation, measures)
        tables.add_timing(generation, {"wall_seconds": 2.0, "agent_steps": 1e4, "agent_steps_per_second": 5e3})
        tables.add_boxlings(
            {
                "generation": generation,
                "boxling": boxling,
                "slot": slot,
                "mother": mother,
                "father": -1,
                "birth_generation": born,
                "origin": origin,
                "fitness": float(boxling),
                "as_guide": 0.5,
                "as_builder": 0.5,
                "is_eliminated": slot == generation % NUM_BOXLINGS,
                "learning_rate": 3e-3,
                "entropy_bonus": 0.01,
                "temperature": 0.5,
                "mutation_step": 0.02,
            }
            for slot, (boxling, mother, born, origin) in enumerate(boxlings)
        )
        # a daughter of the boxling in the next slot takes this slot; one newborn has no mother
        slot = generation % NUM_BOXLINGS
        mother = -1 if generation == 5 else boxlings[(slot + 1) % NUM_BOXLINGS][0]
        origin = "newborn" if mother < 0 else "mutant"
        boxlings[slot] = (NUM_BOXLINGS + generation, mother, generation + 1, origin)
    tables.write()
    if scenario_name == "guide":
        kept = record_episodes(scenario_name, 50, len(boxlings), rng)
        # the mothers of some lived before; of one of the living none is kept
        family = [(0, -1), (5, -1), *((boxling, mother) for boxling, mother, _, _ in boxlings[1:])]
        write_ancestors(
            folder / "ancestors.parquet",
            [
                {name: row[name] for name in ANCESTORS.names if name in row}
                | {"boxling": boxling, "mother": mother, "boxlings": np.array([boxling, 1, 2])}
                for row, (boxling, mother) in zip(kept, family, strict=False)
            ],
        )
    (folder / "episodes").mkdir()
    for generation in RECORDED:
        split = "held-out" if generation == RECORDED[1] else "train"
        rows = record_episodes(scenario_name, generation, 4, rng, split)
        write_episodes(folder / "episodes" / f"{generation:06d}.parquet", rows)
    scenario = scenarios.get(scenario_name)
    meanings = scenario.meanings("train")
    messages = meanings[:, :2].astype(int) + 1
    pair = word_tokenizer(NUM_SYMBOLS, [("ba", "be")])
    lexicon = lexicon_of(meanings, messages, scenario.attributes)
    lexicon += lexicon_of_words(meanings, messages, scenario.attributes, pair)
    lexicon[0]["value"] = HOSTILE
    write_checkpoint(
        folder / "checkpoints",
        NUM_GENERATIONS - 1,
        {
            "scenario": scenario_name,
            "lexicon": lexicon,
            "attributes": [{"name": each.name, "values": list(each.values)} for each in scenario.attributes],
        },
        {"genomes": np.zeros((NUM_BOXLINGS, 3), np.float32)},
        {"ages": np.zeros(NUM_BOXLINGS, np.int32)},
        word_tokenizer(NUM_SYMBOLS).to_str(),
    )
    return folder


Speak = Callable[[int, int, np.ndarray], np.ndarray]  # generation, slot, meanings (M, K) to messages (M, L)


def speak_in_words(generation: int, slot: int, meanings: np.ndarray) -> np.ndarray:
    """The first attribute is a word of two symbols, the second one a symbol; one boxling has a dialect.

    From generation 8 on the first value has another word.
    """
    first, second = meanings[:, 0].astype(int), meanings[:, 1].astype(int)
    messages = np.stack([first + 1, (first + 2) % 5 + 1, second + 5], axis=1)
    if generation >= 8:
        messages[first == 0, :2] = [8, 9]
    if slot == 2:
        messages[::4, 2] = 0
    return messages


def write_languages(folder: Path, speak: Speak = speak_in_words, num_boxlings: int = NUM_BOXLINGS) -> Run:
    """Add the languages of the measured generations to a run folder."""
    run = load_run(folder)
    scenario = scenarios.get(run.config["scenario"])
    (folder / "languages").mkdir(exist_ok=True)
    for generation in range(0, NUM_GENERATIONS, MEASURED_EVERY):
        lived = run.boxlings[run.boxlings["generation"] == generation]["boxling"].to_numpy()[:num_boxlings]
        spoken = {}
        for split in ("train", "held-out"):
            meanings = scenario.meanings(split)
            messages = np.stack([speak(generation, slot, meanings) for slot in range(len(lived))])
            spoken[split] = (meanings, messages)
        write_language(folder / "languages" / f"{generation:06d}.parquet", generation, lived, spoken)
    return load_run(folder)


@pytest.fixture(scope="session")
def copy_of_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Puts a run into a folder, for a test to change as it likes; of each kind one is written, once."""
    written: dict[tuple[str, bool], Path] = {}

    def copy(folder: Path, scenario: str = "guide", talks: bool = False) -> Path:
        if (scenario, talks) not in written:
            original = write_run(tmp_path_factory.mktemp("original") / "run", scenario)
            if talks:
                write_languages(original)
            written[scenario, talks] = original
        return Path(shutil.copytree(written[scenario, talks], folder))

    return copy


@pytest.fixture
def talking_run(tmp_path: Path, copy_of_run: Callable[..., Path]) -> Run:
    """A run whose language was recorded."""
    return load_run(copy_of_run(tmp_path / "talk", talks=True))


@pytest.fixture
def hostile() -> str:
    """Text that ends up in the run's options and lexicon, and that must stay text."""
    return HOSTILE


@pytest.fixture
def run(tmp_path: Path, copy_of_run: Callable[..., Path]) -> Run:
    return load_run(copy_of_run(tmp_path / "night run"))


@pytest.fixture
def naming_run(tmp_path: Path, copy_of_run: Callable[..., Path]) -> Run:
    """A run of the scenario that answers decide and in which nobody has a body."""
    return load_run(copy_of_run(tmp_path / "names", "name"))


@pytest.fixture(params=["refer", "refer:3x6:11"])
def choosing_run(tmp_path: Path, copy_of_run: Callable[..., Path], request: pytest.FixtureRequest) -> Run:
    """A run of the scenario in which builders choose among candidates."""
    return load_run(copy_of_run(tmp_path / "choices", request.param))
