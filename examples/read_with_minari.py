"""Read the episodes of a run with Minari, and learn its language by counting what was said.

    python examples/read_with_minari.py [SEED]

Minari: Younis et al. 2024, https://minari.farama.org: `pip install 'boxlings[minari]'`. A tiny run of a language game
is exported as `boxlings export RUN --to minari` does it, and read back by Minari alone. Prints what the dataset holds,
how far its returns are from the run's own recordings (0), and how often a stranger would be right who has counted which
words go with which values in one half of the episodes, and guesses by them in the other half, beside one who is deaf.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import minari
import numpy as np

from analysis.export import write_minari
from boxlings import LearningConfig, RunConfig, evolve, load_run
from world.codes import Role

SCENARIO = "describe:2x4"  # two attributes of four values each


def tiny_run(folder: Path, seed: int) -> Path:
    """Four boxlings that talk, a hundred episodes of whom are recorded."""
    config = RunConfig(
        scenario=SCENARIO, out=str(folder), seed=seed, generations=1, population=4, live_worlds=32, record_every=1,
        recorded_episodes=100, learning=LearningConfig(founder_rounds=300, language_rounds=4),
    )  # fmt: skip
    return evolve(config)


def spoken(dataset: minari.MinariDataset) -> tuple[np.ndarray, np.ndarray]:
    """What guides were told and what they said first, (episodes, attributes) and (episodes, symbols)."""
    guides = [each for each in dataset.iterate_episodes() if each.observations["role"][0] == Role.GUIDE]
    goals = np.array([np.asarray(each.observations["goal"])[0] for each in guides])
    return goals, np.array([each.actions[0, 1 : 1 + goals.shape[1]] for each in guides])


def guessed(goals: np.ndarray, words: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """The likeliest goals (N, attributes) of words (N, symbols) heard, by counts of words that went with known goals.

    Symbols at each place speak for each value on their own, as in naive Bayes.
    """
    columns = []
    for attribute in goals.T:
        values = np.arange(goals.max() + 1)
        is_value = attribute == values[:, None]  # (values, M)
        belief = np.log(is_value.sum(1) + 1.0)[:, None].repeat(len(heard), 1)
        for said, own in zip(words.T, heard.T, strict=True):
            together = (is_value[:, None] & (said == own[:, None])).sum(-1)  # (values, N)
            belief += np.log((together + 0.1) / (is_value.sum(1)[:, None] + 0.1 * (words.max() + 1)))
        columns.append(belief.argmax(0))
    return np.stack(columns, 1)


def main(seed: int = 0, folder: Path | None = None) -> dict[str, float]:
    """Make a run in a folder, export it and read it back; returns what was printed."""
    folder = folder or Path(tempfile.mkdtemp())
    run = load_run(tiny_run(folder / "run", seed))
    root, name, _ = write_minari(run, folder / "data")
    os.environ["MINARI_DATASETS_PATH"] = str(root)
    dataset = minari.load_dataset(name)
    returns = np.array([each.rewards.sum() for each in dataset.iterate_episodes()])
    # every agent of an episode is an episode of its own
    recorded = np.concatenate([np.sum(row["rewards"], axis=0) for row in run.all_episodes() if row["channel"] == "on"])
    difference = float(np.abs(returns - recorded).max())
    print(f"{name}: {dataset.total_episodes} episodes, {dataset.total_steps} steps, mean return {returns.mean():.3f}")
    print(f"acts: {dataset.action_space}; senses: {', '.join(dataset.observation_space)}")
    print(f"returns differ by {difference} from those that the run recorded")

    goals, words = spoken(dataset)
    known, new = slice(0, None, 2), slice(1, None, 2)
    understood = (guessed(goals[known], words[known], words[new]) == goals[new]).mean()
    deaf = (guessed(goals[known], 0 * words[known], 0 * words[new]) == goals[new]).mean()
    print(f"values a stranger gets right by counted words: {understood:.1%}; without hearing them: {deaf:.1%}")
    return {
        "episodes": int(dataset.total_episodes), "steps": int(dataset.total_steps),
        "mean_return": float(returns.mean()), "difference": difference, "understood": float(understood),
        "deaf": float(deaf),
    }  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
