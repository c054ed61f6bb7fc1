"""Learn to understand a guide with Stable-Baselines3: PPO as the builder of a language game, over Gymnasium's face.

    python examples/learn_with_stable_baselines3.py [SEED]

Stable-Baselines3: Raffin et al. 2021, https://stable-baselines3.readthedocs.io: `pip install 'boxlings[clients]'`. The
guide is a ready partner, who names each value of the goal by a symbol; the builder hears these symbols, and has to find
out what they mean from nothing but whether its answers were right. Prints the share of worlds solved before and after,
over worlds of numbers that were never trained on.
"""

from __future__ import annotations

import sys

import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecEnv

from world.faces import env_id

SCENARIO = "describe:2x4"  # two attributes of four values each
NUM_ENVS = 32


def worlds(num_envs: int, seed: int, split: str = "train") -> VecEnv:
    """So many worlds at a time, which together go through the numbers from `seed` on, each once."""
    options = {"name": SCENARIO, "role": "builder", "split": split, "world_stride": num_envs}
    return make_vec_env(env_id("describe"), num_envs, seed=seed, env_kwargs=options)


def success(model: PPO, num_worlds: int) -> float:
    """The share of fresh worlds that are solved by the most probable acts, in [0, 1]."""
    envs = worlds(NUM_ENVS, 0, "held-out-seeds")
    observation, won = envs.reset(), []
    while len(won) < num_worlds:
        acts, _ = model.predict(observation, deterministic=True)
        observation, _, is_over, infos = envs.step(acts)
        won += [info["is_success"] for info, ends in zip(infos, is_over, strict=True) if ends]
    return float(np.mean(won))


def main(seed: int = 0, num_steps: int = 16_000, num_worlds: int = 512) -> dict[str, float]:
    """Learn for so many steps; returns the share of held-out worlds solved before and after."""
    model = PPO(
        "MultiInputPolicy", worlds(NUM_ENVS, 1 + seed * num_steps), seed=seed, device="cpu",
        n_steps=16, batch_size=128, n_epochs=8, learning_rate=2e-3, gamma=0.9, ent_coef=0.01,
        policy_kwargs={"net_arch": [64]},
    )  # fmt: skip
    before = success(model, num_worlds)
    model.learn(num_steps)
    after = success(model, num_worlds)
    print(f"PPO as builder of {SCENARIO}: {before:.1%} of {num_worlds} worlds before, {after:.1%} after")
    return {"before": before, "after": after}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
