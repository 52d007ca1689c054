"""What is measured: each case with its floor and, where it makes sense, the straightforward loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from gymnasium import spaces
from matmul_floor import Floor, Product, products
from naive_mts3 import naive_run
from torch import Tensor

from mbrl_mts3.data import Episode, Normalizer, ObservationSelector
from mbrl_mts3.envs.tasks import HalfCheetahTask
from mbrl_mts3.envs.world_model import StartStates, WorldModelDynamics, WorldModelVectorEnv
from mbrl_mts3.gaussian import negative_log_likelihood
from mbrl_mts3.models import MTS3, PhysicalModel, Prediction
from mbrl_mts3.planners import ICEM, RolloutObjective
from mbrl_mts3.training.lightning_module import predict_in_segments

OBS, ACT = 17, 6
Run = Callable[[], object]
Predict = Callable[[Tensor, Tensor, Tensor], Prediction]


@dataclass(frozen=True)
class Case:
    """Three ways to do the same work, each ready to be called."""

    ours: Run
    floor: Run
    naive: Run | None
    repeats: int


def half_cheetah_model(device: str) -> MTS3:
    """The model at the size of the MTS3 paper."""
    torch.manual_seed(0)
    return MTS3(OBS, ACT, (15,)).to(device)


def training(
    batch: int, steps: int, device: str, *, microbatch: int, recompute_every: int | None = None, half: bool = False
) -> Case:
    """Forward, backward and optimiser on random data, 40% of the observations masked.

    `half` computes the networks' layers in bfloat16, as `WorldModelTrainer(precision="bf16-mixed")` does. Gradients of
    parts of `microbatch` sequences add up before the update, as `WorldModelTrainer(microbatch=...)` does.
    """
    model = half_cheetah_model(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    observations = torch.randn(batch, steps + 1, OBS, device=device)
    actions, mask = torch.randn(batch, steps, ACT, device=device), torch.rand(batch, steps, device=device) > 0.4

    def update(predict: Predict, rows: int) -> None:
        optimizer.zero_grad()
        for first in range(0, batch, rows):
            cut = slice(first, first + rows)
            loss = _loss(predict(observations[cut, :-1], actions[cut], mask[cut]), observations[cut, 1:])
            (loss * (rows / batch)).backward()
        optimizer.step()

    def ours(seen: Tensor, done: Tensor, shown: Tensor) -> Prediction:
        if recompute_every is None:
            with torch.autocast(device, dtype=torch.bfloat16, enabled=half):
                prediction: Prediction = model(seen, done, shown)
            return prediction
        return predict_in_segments(model, seen, done, shown, recompute_every, detach=False, recompute=True)

    def naive(seen: Tensor, done: Tensor, shown: Tensor) -> Prediction:
        return naive_run(model, model.initial_belief(len(done)), done, seen, shown)

    floor = Floor(products(model, batch, steps, observed=True, variances=True), device, backward=True)
    return Case(lambda: update(ours, microbatch), floor, lambda: update(naive, batch), 3)


def _loss(prediction: Prediction, targets: Tensor) -> Tensor:
    assert prediction.reward_mean is not None
    assert prediction.reward_variance is not None
    rewards = negative_log_likelihood(
        prediction.reward_mean, prediction.reward_variance, torch.zeros_like(prediction.reward_mean)
    )
    return negative_log_likelihood(prediction.mean, prediction.variance, targets).sum(-1).mean() + rewards.mean()


def observing(batch: int, device: str) -> Case:
    """One streaming step: advance by an action, take in an observation."""
    model = half_cheetah_model(device).eval().prepared()
    belief = model.initial_belief(batch)
    observation, action = torch.randn(batch, OBS, device=device), torch.randn(batch, ACT, device=device)
    found = products(model, batch, 1, observed=True, variances=True, decoded=False)
    return Case(
        lambda: model.observe(belief, observation, action),
        Floor(found, device, backward=False),
        lambda: naive_run(model, belief, action[:, None], observation[:, None]),
        30,
    )


def imagination(candidates: int, steps: int, device: str, *, variances: bool) -> Case:
    """Open-loop rollouts of one belief under many action sequences."""
    model = half_cheetah_model(device).eval().prepared()
    belief = model.initial_belief(1)
    plans = torch.randn(1, candidates, steps, ACT, device=device)
    small = candidates * steps <= 50_000
    return Case(
        (lambda: model.imagine(belief, plans)) if variances else (lambda: model.imagine_mean(belief, plans)),
        Floor(products(model, candidates, steps, observed=False, variances=variances), device, backward=False),
        (lambda: naive_run(model, belief.repeat_interleave(candidates), plans[0])) if small else None,
        5 if small else 3,
    )


class _NaiveModel(PhysicalModel):
    """Plans with the straightforward loop."""

    def imagine_mean(self, belief, actions):  # type: ignore[no-untyped-def]
        rows = naive_run(self.model, belief.repeat_interleave(actions.shape[1]), actions.flatten(0, 1))
        return rows.reshape_batch(tuple(actions.shape[:2]))


def planning(device: str, precision: str) -> Case:
    """One iCEM decision: horizon 30, 3 iterations, 300 candidates, learned reward."""
    model = half_cheetah_model(device).eval()
    normalizer = Normalizer.identity(OBS, ACT).to(device)
    bound = torch.ones(ACT, device=device)
    planner, sizes = ICEM(-bound, bound, horizon=30, candidates=300, iterations=3), []
    belief, observation = model.initial_belief(1), torch.zeros(1, OBS, device=device)

    def decide(physical: PhysicalModel) -> None:
        objective = RolloutObjective(physical, belief, observation)

        def counted(actions: Tensor) -> Tensor:
            sizes.append(actions.shape[1])
            return objective(actions)

        planner.plan(counted, planner.initial_state(1), torch.Generator(device).manual_seed(0))

    ours = PhysicalModel(model, normalizer, precision)
    with torch.inference_mode():
        decide(ours)
    found: list[Product] = [p for size in sizes for p in products(model, size, 30, observed=False, variances=False)]
    return Case(
        lambda: decide(ours),
        Floor(found, device, backward=False),
        lambda: decide(_NaiveModel(model, normalizer)),
        5,
    )


def imagined_environments(count: int, device: str) -> Case:
    """One step of a vector of imagined HalfCheetahs as an agent has it, NumPy in and out, noise sampled."""
    model = half_cheetah_model(device).eval()
    physical, rng = PhysicalModel(model, Normalizer.identity(OBS, ACT).to(device)), np.random.default_rng(0)
    space = spaces.Box(-np.inf, np.inf, (OBS,), np.float64)
    seen, done = rng.normal(size=(101, OBS)).astype(np.float32), rng.uniform(-1, 1, (100, ACT)).astype(np.float32)
    episode = Episode(seen, done, np.zeros(100, np.float32), np.zeros(100, bool), np.arange(100) == 99)
    dynamics = WorldModelDynamics(
        physical,
        HalfCheetahTask(),
        ObservationSelector.from_space(space, "HalfCheetah-v5"),
        space,
        spaces.Box(-1, 1, (ACT,)),
        StartStates.from_episodes(physical, [episode], context=30, device=device),
        max_episode_steps=1000,
    )
    environment, actions = WorldModelVectorEnv(dynamics, count), rng.uniform(-1, 1, (count, ACT)).astype(np.float32)
    environment.reset(seed=0)
    belief = model.initial_belief(count)
    action, observation = torch.as_tensor(actions, device=device), torch.zeros(count, OBS, device=device)
    return Case(
        lambda: environment.step(actions),
        Floor(products(model, count, 1, observed=True, variances=True), device, backward=False),
        lambda: naive_run(model, belief, action[:, None], observation[:, None]),
        30,
    )


def _microbatch(device: str, batch: int) -> int:
    """A GPU is fastest with the whole batch at once, a CPU with what fits its caches."""
    return 128 if device == "cpu" else batch


def all_cases() -> dict[str, tuple[Callable[[str], Case], bool]]:
    """Name -> (builder, whether gradients are needed)."""
    found: dict[str, tuple[Callable[[str], Case], bool]] = {}
    found["train batch 64 steps 360"] = (lambda d: training(64, 360, d, microbatch=64), True)
    found["train batch 512 steps 360"] = (lambda d: training(512, 360, d, microbatch=_microbatch(d, 512)), True)
    found["train batch 64 steps 360, bfloat16"] = (lambda d: training(64, 360, d, microbatch=64, half=True), True)
    found["train batch 512 steps 360, bfloat16"] = (
        lambda d: training(512, 360, d, microbatch=_microbatch(d, 512), half=True),
        True,
    )
    found["train batch 64 steps 1500"] = (lambda d: training(64, 1500, d, microbatch=64), True)
    found["train batch 64 steps 1500, recomputed"] = (
        lambda d: training(64, 1500, d, microbatch=64, recompute_every=150),
        True,
    )
    for batch in (1, 256):
        found[f"observe batch {batch}"] = (lambda d, b=batch: observing(b, d), False)  # type: ignore[misc]
    for variances in (True, False):
        kind = "imagine" if variances else "imagine means"
        for candidates in (300, 1000, 10000):
            for steps in (30, 150):
                found[f"{kind} {candidates} x {steps}"] = (
                    lambda d, c=candidates, s=steps, v=variances: imagination(c, s, d, variances=v),  # type: ignore[misc]
                    False,
                )
    for precision in ("float32", "bfloat16"):
        name = "icem action 300 x 30 x 3" + (", bfloat16" if precision != "float32" else "")
        found[name] = (lambda d, p=precision: planning(d, p), False)  # type: ignore[misc]
    found["imagined step of 1024 environments"] = (lambda d: imagined_environments(1024, d), False)
    return found
