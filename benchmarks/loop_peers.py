"""How fast other libraries evolve networks, on one core: what stands beside the generation loop of benchmarks/loop.py.

    pip install -e .[peers]
    python benchmarks/loop_peers.py --json

A whole generation of each: 256 genomes of about 10,000 parameters (a perceptron with two hidden layers of 96) are
drawn, play 16 episodes of CartPole each, and the distribution is moved. Rates are agent-steps (one forward pass of a
network and one step of its world) per CPU second, medians of several repetitions after two generations that are not
counted, in which the JAX libraries compile.

    evosax               Open_ES on GymnaxProblem("CartPole-v1"), the generation compiled as one function; 100 steps
    evojax               PGPE and SimManager on its CartPoleSwingUp (its own physics, 5 observations); 100 steps
    evotorch_functional  functional PGPE; networks by vmap over genomes, on a CartPole in torch that steps all 4,096
                         worlds at once (written here: the library has none); 100 steps
    evotorch_vecgymne    PGPE on VecGymNE("CartPole-v1"): 256 worlds of Gymnasium, a vmap over networks for each step
    evotorch_gymne       PGPE on GymNE("CartPole-v1"): one genome and one world of Gymnasium after the other

In the first three every episode has 100 steps, as worlds begin anew where the pole fell, and every step is counted
whether or not it still counts for fitness. The last two end episodes when the pole falls, and count themselves.

Beside them the batched product that all loops are made of: rows of two layers (64 to 128 to 16: 10,240 parameters) for
256 genomes with 32 rows each, by `torch.bmm`, by `torch.func.vmap`, and by a loop over genomes in Python.

`--json` prints one object: `evosax_agent_steps_per_second`, and so on for each of these five; of the product
`bmm_rows_per_second`, `vmap_rows_per_second` and `python_loop_rows_per_second`; `versions` of the libraries measured;
and `skipped`: why, for each that was not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from statistics import median
from typing import Any

NUM_GENOMES = 256
NUM_EPISODES = 16
NUM_STEPS = 100
HIDDEN = 96
PRODUCT_SIZES = (64, 128, 16)
PRODUCT_ROWS = 32
STEPS_OF_A_GENERATION = NUM_GENOMES * NUM_EPISODES * NUM_STEPS
WORK_SECONDS = 0.5  # of a repetition, at least

Work = Callable[[], int]  # a generation, or a product; returns how many agent-steps or rows it was


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--only", choices=[*LOOPS, *PRODUCTS], action="append", metavar="NAME")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    stay_on_one_core()
    results: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    for name, prepare in (LOOPS | PRODUCTS).items():
        if arguments.only and name not in arguments.only:
            continue
        try:
            with contextlib.redirect_stdout(sys.stderr):  # some tell how they are doing
                work = prepare()
                work()
                work()
                value = median(rate(work) for _ in range(arguments.repetitions))
        except ImportError as error:
            skipped[name] = f"needs {error.name}: pip install -e .[peers]"
            continue
        unit = "agent_steps" if name in LOOPS else "rows"
        results[f"{name}_{unit}_per_second"] = float(f"{value:.4g}")
    libraries = [name for name in ("evosax", "evojax", "evotorch", "gymnax", "jax", "torch") if name in sys.modules]
    results |= {"versions": {name: version(name) for name in libraries}, "skipped": skipped}
    if arguments.json:
        print(json.dumps(results))
        return
    for name, value in results.items():
        if name.endswith("_per_second"):
            print(f"{name.replace('_', ' '):48}{value:14,.0f}")
    for name, reason in skipped.items():
        print(f"{name}: skipped, {reason}")


def stay_on_one_core() -> None:
    """One core and one thread for this process and all libraries in it; before any of them is imported."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    os.environ["JAX_PLATFORMS"] = "cpu"
    warnings.filterwarnings("ignore")  # of others, about others


def rate(work: Work) -> float:
    """What is done in a CPU second."""
    started, done = time.process_time(), 0
    while time.process_time() - started < WORK_SECONDS:
        done += work()
    return done / (time.process_time() - started)


# ---- whole generations ----


def evosax() -> Work:
    import gymnax  # noqa: F401 - named before evosax asks for it without a name
    import jax
    from evosax.algorithms import Open_ES
    from evosax.problems.networks import MLP, categorical_output_fn
    from evosax.problems.rl.gymnax import GymnaxProblem

    policy = MLP(layer_sizes=(HIDDEN, HIDDEN, 2), activation=jax.numpy.tanh, output_fn=categorical_output_fn)
    problem = GymnaxProblem(
        "CartPole-v1", policy, episode_length=NUM_STEPS, num_rollouts=NUM_EPISODES, use_normalize_obs=False
    )
    key = jax.random.key(0)
    genome = policy.init(key, jax.numpy.zeros(problem.observation_shape), key)
    strategy = Open_ES(NUM_GENOMES, genome)
    settings = strategy.default_params
    now = (key, strategy.init(key, genome, settings), problem.init(key))

    @jax.jit
    def generation(now: Any) -> tuple[Any, Any]:
        key, state, place = now
        key, to_ask, to_play, to_tell = jax.random.split(key, 4)
        genomes, state = strategy.ask(to_ask, state, settings)
        fitness, place, _ = problem.eval(to_play, genomes, place)
        state, _ = strategy.tell(to_tell, genomes, -fitness, state, settings)  # it minimises
        return (key, state, place), fitness

    def work() -> int:
        nonlocal now
        now, _ = jax.block_until_ready(generation(now))
        return STEPS_OF_A_GENERATION

    return work


def evojax() -> Work:
    import jax
    from evojax.algo.pgpe import PGPE
    from evojax.policy.mlp import MLPPolicy
    from evojax.sim_mgr import SimManager
    from evojax.task.cartpole import CartPoleSwingUp

    task = CartPoleSwingUp(max_steps=NUM_STEPS)
    policy = MLPPolicy(task.obs_shape[0], [HIDDEN, HIDDEN], task.act_shape[0])
    strategy = PGPE(NUM_GENOMES, int(policy.num_params), seed=0)
    simulation = SimManager(
        n_repeats=NUM_EPISODES, test_n_repeats=1, pop_size=NUM_GENOMES, n_evaluations=1, policy_net=policy,
        train_vec_task=task, valid_vec_task=task,
    )  # fmt: skip

    def work() -> int:
        fitness, _ = simulation.eval_params(params=strategy.ask(), test=False)
        strategy.tell(fitness)
        jax.block_until_ready(strategy.best_params)
        return STEPS_OF_A_GENERATION

    return work


def evotorch_functional() -> Work:
    import torch
    from evotorch.algorithms.functional import pgpe, pgpe_ask, pgpe_tell
    from evotorch.neuroevolution.net.functional import make_functional_module

    torch.set_num_threads(1)
    network = make_functional_module(perceptron(), disable_autograd_tracking=True)
    state = pgpe(
        center_init=torch.zeros(network.parameter_length), center_learning_rate=0.01, stdev_learning_rate=0.1,
        stdev_init=0.1, objective_sense="max",
    )  # fmt: skip
    answer = torch.func.vmap(network)

    @torch.no_grad()
    def work() -> int:
        nonlocal state
        genomes = pgpe_ask(state, popsize=NUM_GENOMES)
        carts = torch.rand(NUM_GENOMES, NUM_EPISODES, 4) * 0.1 - 0.05
        reward = torch.zeros(NUM_GENOMES, NUM_EPISODES)
        stands = torch.ones_like(reward)
        for _ in range(NUM_STEPS):
            logits = answer(genomes, carts)
            reward += stands
            carts, fell = push_carts(carts, logits[..., 1] > logits[..., 0])
            stands *= ~fell
        state = pgpe_tell(state, genomes, reward.mean(dim=1))
        return STEPS_OF_A_GENERATION

    return work


def push_carts(carts: Any, to_the_right: Any) -> tuple[Any, Any]:
    """One step of CartPole-v1 for carts (..., 4), by the equations of its documentation; the fallen begin anew.

    https://gymnasium.farama.org/environments/classic_control/cart_pole/
    """
    import torch

    gravity, cart_mass, pole_mass, half_length, force_newton, step_seconds = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02
    _, speed, angle, turning = carts.unbind(-1)
    force = torch.where(to_the_right, force_newton, -force_newton)
    sine, cosine, mass = angle.sin(), angle.cos(), cart_mass + pole_mass
    push = (force + pole_mass * half_length * turning**2 * sine) / mass
    turn = (gravity * sine - cosine * push) / (half_length * (4 / 3 - pole_mass * cosine**2 / mass))
    slide = push - pole_mass * half_length * turn * cosine / mass
    after = carts + step_seconds * torch.stack([speed, slide, turning, turn], dim=-1)
    fell = (after[..., 0].abs() > 2.4) | (after[..., 2].abs() > 0.2095)
    return torch.where(fell[..., None], torch.rand_like(after) * 0.1 - 0.05, after), fell


def perceptron() -> Any:
    import torch

    return torch.nn.Sequential(
        torch.nn.Linear(4, HIDDEN), torch.nn.Tanh(), torch.nn.Linear(HIDDEN, HIDDEN), torch.nn.Tanh(),
        torch.nn.Linear(HIDDEN, 2),
    )  # fmt: skip


def evotorch_problem(name: str) -> Work:
    import torch
    from evotorch import neuroevolution
    from evotorch.algorithms import PGPE

    torch.set_num_threads(1)
    problem = getattr(neuroevolution, name)("CartPole-v1", perceptron(), num_episodes=NUM_EPISODES)
    search = PGPE(
        problem, popsize=NUM_GENOMES, center_learning_rate=0.01, stdev_learning_rate=0.1, stdev_init=0.1
    )  # fmt: skip
    before = 0

    def work() -> int:
        nonlocal before
        search.step()
        total = int(search.status["total_interaction_count"])
        done, before = total - before, total
        return done

    return work


# ---- the product alone ----


def product(way: str) -> Work:
    import torch

    torch.set_num_threads(1)
    inputs, hidden, outputs = PRODUCT_SIZES
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(NUM_GENOMES, PRODUCT_ROWS, inputs, generator=generator)
    first = torch.randn(NUM_GENOMES, inputs, hidden, generator=generator)
    second = torch.randn(NUM_GENOMES, hidden, outputs, generator=generator)

    def one_network(rows: Any, first: Any, second: Any) -> Any:
        return (rows @ first).tanh() @ second

    def all_networks() -> Any:
        if way == "bmm":
            return torch.bmm(torch.bmm(rows, first).tanh(), second)
        if way == "vmap":
            return torch.func.vmap(one_network)(rows, first, second)
        return [one_network(*each) for each in zip(rows, first, second, strict=True)]

    @torch.no_grad()
    def work() -> int:
        all_networks()
        return NUM_GENOMES * PRODUCT_ROWS

    return work


LOOPS: dict[str, Callable[[], Work]] = {
    "evosax": evosax,
    "evojax": evojax,
    "evotorch_functional": evotorch_functional,
    "evotorch_vecgymne": lambda: evotorch_problem("VecGymNE"),
    "evotorch_gymne": lambda: evotorch_problem("GymNE"),
}
PRODUCTS: dict[str, Callable[[], Work]] = {
    "bmm": lambda: product("bmm"),
    "vmap": lambda: product("vmap"),
    "python_loop": lambda: product("python_loop"),
}

if __name__ == "__main__":
    main()
