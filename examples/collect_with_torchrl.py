"""Let two agents invent a code with TorchRL: collect from PettingZoo's face, and learn from what was collected.

    python examples/collect_with_torchrl.py [SEED]

TorchRL: Bou et al. 2023, https://github.com/pytorch/rl: `pip install 'boxlings[clients]'`. A guide is told a value and
says a symbol, a builder hears it and answers: Lewis's signalling game (1969). Either agent may be the guide of a world,
one network acts for both, and what symbols mean they have to make up; it learns by the clipped objective of PPO
(Schulman et al. 2017, https://arxiv.org/abs/1707.06347), without a critic. Prints how much was collected, how far
rewards are from those of the same acts in worlds that are stepped by hand (0), and the share of worlds solved before
and after, over worlds of numbers that were never trained on.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from tensordict import TensorDict
from tensordict.nn import TensorDictModuleBase
from torch import Tensor, nn
from torchrl.collectors import Collector
from torchrl.envs import PettingZooWrapper
from torchrl.envs.utils import ExplorationType, exploration_type, set_exploration_type

import world

SCENARIO = "describe:1x3"  # one attribute of three values
SENSES = ("goal", "heard", "role")  # TorchRL makes rows of ones and zeros of them
FRAMES_A_BATCH = 128  # steps of a world, in each of which both agents act
EPOCHS, CLIP, LEARNING_RATE, ENTROPY_BONUS = 6, 0.3, 0.01, 0.05


class Mind(TensorDictModuleBase):
    """What agents do by what they sense: each part of an act is drawn for itself, or the most probable one is taken."""

    in_keys, out_keys = [("agent", "observation")], [("agent", "action")]

    def __init__(self, env: PettingZooWrapper, seed: int) -> None:
        super().__init__()
        senses = env.observation_spec["agent", "observation"]
        self.act_sizes = env.full_action_spec["agent", "action"].nvec[0].tolist()
        num_senses = sum(senses[name].shape[1:].numel() for name in SENSES)
        torch.manual_seed(seed)
        self.chance = torch.Generator().manual_seed(seed)
        self.layers = nn.Sequential(nn.Linear(num_senses, 64), nn.Tanh(), nn.Linear(64, sum(self.act_sizes)))

    def log_chances(self, data: TensorDict) -> list[Tensor]:
        """Of each value of each part of an act, (..., agents, values)."""
        senses = data["agent", "observation"]
        rows = torch.cat([senses[name].flatten(senses.batch_dims) for name in SENSES], -1).float()
        return [part.log_softmax(-1) for part in self.layers(rows).split(self.act_sizes, -1)]

    def draw(self, chances: Tensor) -> Tensor:
        """One of the values, (..., agents), by chances (..., agents, values)."""
        drawn = torch.multinomial(chances.flatten(0, -2), 1, generator=self.chance)
        return drawn.view(chances.shape[:-1])

    def forward(self, data: TensorDict) -> TensorDict:
        if exploration_type() == ExplorationType.DETERMINISTIC:
            acts = [part.argmax(-1) for part in self.log_chances(data)]
        else:
            acts = [self.draw(part.exp()) for part in self.log_chances(data)]
        return data.set(("agent", "action"), torch.stack(acts, -1))


def worlds(seed: int, split: str = "train") -> PettingZooWrapper:
    """The worlds from number `seed` on, one after the other."""
    return PettingZooWrapper(world.parallel_env(SCENARIO, split=split), seed=seed)


def by_world(batch: TensorDict) -> TensorDict:
    """Frames (N,) as (worlds, steps): in a language game all worlds take equally many steps."""
    return batch.reshape(int(batch["next", "done"].sum()), -1)


def learn(mind: Mind, optimiser: torch.optim.Optimizer, batch: TensorDict) -> None:
    """Acts become likelier the more their world earned beyond the mean of all worlds of the batch."""
    earned = by_world(batch)["next", "agent", "reward"].sum((1, 2, 3))  # (worlds,)
    advantage = (earned - earned.mean()) / (earned.std() + 1e-6)
    advantage = advantage.repeat_interleave(len(batch) // len(earned))[:, None]  # (frames, 1)
    acts = batch["agent", "action"].split(1, -1)
    before = None
    for _ in range(EPOCHS):
        chances = mind.log_chances(batch)
        chosen = sum(part.gather(-1, act)[..., 0] for part, act in zip(chances, acts, strict=True))  # (frames, agents)
        before = chosen.detach() if before is None else before
        ratio = (chosen - before).exp()
        gain = torch.minimum(ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage).mean()
        entropy = -sum((part.exp() * part).sum(-1).mean() for part in chances)
        optimiser.zero_grad()
        (-gain - ENTROPY_BONUS * entropy).backward()
        optimiser.step()


def by_hand(batch: TensorDict) -> np.ndarray:
    """The rewards (frames, agents) of the same acts in the same worlds, without TorchRL."""
    env, rewards = world.parallel_env(SCENARIO), []
    for episode in by_world(batch):
        env.reset(seed=int(episode["agent", "info", "world_number"][0, 0]))
        for acts in episode["agent", "action"].numpy():
            _, earned, *_ = env.step(dict(zip(env.possible_agents, acts, strict=True)))
            rewards.append([earned[agent] for agent in env.possible_agents])
    return np.array(rewards)


def success(mind: Mind, num_worlds: int) -> float:
    """The share of fresh worlds that are solved by the most probable acts, in [0, 1]."""
    env = worlds(0, "held-out-seeds")
    with torch.no_grad(), set_exploration_type(ExplorationType.DETERMINISTIC):
        played = [env.rollout(1000, mind) for _ in range(num_worlds)]  # each ends with its world
    return float(np.mean([float(episode["next", "agent", "info", "is_success"][-1, 0]) for episode in played]))


def main(seed: int = 0, num_frames: int = 4_096, num_worlds: int = 256) -> dict[str, float]:
    """Collect so many frames and learn from them; returns what was printed."""
    env = worlds(seed * num_frames)
    mind = Mind(env, seed)
    optimiser = torch.optim.Adam(mind.parameters(), LEARNING_RATE)
    before = success(mind, num_worlds)
    frames, episodes, won, difference = 0, 0, 0.0, 0.0
    collector = Collector(
        env, mind, frames_per_batch=FRAMES_A_BATCH, total_frames=num_frames, auto_register_policy_transforms=False
    )
    for batch in collector:
        ends = batch["next", "done"][:, 0]
        frames, episodes = frames + len(batch), episodes + int(ends.sum())
        won += float(batch["next", "agent", "info", "is_success"][ends, 0].sum())
        rewards = batch["next", "agent", "reward"][..., 0].numpy()
        difference = max(difference, float(np.abs(rewards - by_hand(batch)).max()))
        learn(mind, optimiser, batch)
    after = success(mind, num_worlds)
    print(
        f"{frames} frames of {episodes} worlds of {SCENARIO}, {frames / episodes:g} each; {won / episodes:.1%} solved"
    )
    print(f"rewards differ by {difference} from those of worlds stepped by hand")
    print(f"two agents that learn: {before:.1%} of {num_worlds} fresh worlds before, {after:.1%} after")
    return {
        "frames": frames, "episodes": episodes, "frames_an_episode": frames / episodes, "solved": won / episodes,
        "difference": difference, "before": before, "after": after,
    }  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
