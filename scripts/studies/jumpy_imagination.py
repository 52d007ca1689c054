"""Far predictions from the slow latents of MTS3 alone, against stepwise imagination: one table in Markdown.

    python scripts/studies/jumpy_imagination.py CHECKPOINT
    python scripts/studies/jumpy_imagination.py CHECKPOINT --cells 22 --windows 3000 --updates 500

The model itself stays as it is. Two small networks learn to decode the observation at the end of each cell, mean and
variance, from the slow level's prior there, which has seen all actions of the cell:

    slow alone      an MLP of the slow belief
    slow, from fast a GRU along the cells' slow means, which starts from the fast belief, the slow one and o_t

Both are trained on training episodes after contexts of 0 to 2 cells, by Gaussian likelihood whose entries are weighted
by the root of the predicted variance; test episodes have a context of two cells. o_t at the begin of the first cell is
observed. Times are those of the processor for 64 sequences on one thread; with "known actions" the evidence of the
abstract actions is at hand, as it is for windows of the data.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from study import read_options, study_parser
from torch import Tensor, nn

from mbrl_mts3.data import Episode, Normalizer
from mbrl_mts3.data.windows import WindowSampler
from mbrl_mts3.gaussian import Evidence
from mbrl_mts3.models import MTS3
from mbrl_mts3.models.state_space.belief import MTS3Belief
from mbrl_mts3.networks import GaussianMLP
from mbrl_mts3.tensor_record import TensorRecord, concatenate
from mbrl_mts3.training import Checkpoint
from mbrl_mts3.training.checkpoint_data import checkpoint_dataset, checkpoint_splits

SEQUENCES = 64
HORIZONS = (15, 60, 150, 330)


@dataclass(frozen=True, repr=False)
class Futures(TensorRecord):
    """Beliefs at the begin of a cell, and what came in the K cells after it; normalised units."""

    belief: MTS3Belief
    start: Tensor
    """(B, features): what the belief is read from."""
    slow: Tensor
    """(B, K, 2n): means of the slow prior at the end of each cell."""
    spread: Tensor
    """(B, K, 3n): its covariance."""
    actions: Tensor
    """(B, K * steps, act)."""
    ends: Tensor
    """(B, K, obs): the observation at the end of each cell."""


@torch.no_grad()
def make_futures(
    model: MTS3, normalizer: Normalizer, episodes: Sequence[Episode], context: int, cells: int, count: int
) -> Futures:
    """At most `count` windows of the episodes, with `context` and `cells` cells."""
    period, found = model.period, []
    sampler = WindowSampler(episodes, period * (context + cells), min_length=period * (context + cells))
    chosen = np.random.default_rng(context).choice(len(sampler), min(count, len(sampler)), replace=False)
    for raw in sampler.batches(torch.from_numpy(chosen), 256):
        batch, begin = raw.normalize(normalizer), period * context
        observations, actions = batch.observations, batch.actions
        belief = model.initial_belief(len(observations))
        if context:
            belief, _ = model.filter(observations[:, :begin], actions[:, :begin])
        belief = model.observe(belief, observations[:, begin])
        slow, spread = slow_priors(model, belief, abstract_actions(model, actions[:, begin:]))
        start = torch.cat([belief.fast.mean, belief.levels[0].state.mean, observations[:, begin]], dim=-1)
        ends = observations[:, begin + period :: period]
        found.append(Futures(belief, start, slow, spread, actions[:, begin:], ends))
    return concatenate(found)


def abstract_actions(model: MTS3, actions: Tensor) -> Evidence:
    """The evidence (B, K, 2n) of all actions of each cell, from actions (B, K * steps, act)."""
    level = model.slow_levels[0]
    steps = level.action_evidence(actions, torch.arange(actions.shape[1]))
    return steps.map(lambda tensor: tensor.unflatten(1, (-1, level.period)).sum(dim=2))


def slow_priors(model: MTS3, belief: MTS3Belief, acted: Evidence) -> tuple[Tensor, Tensor]:
    """Means (B, K, 2n) and covariances (B, K, 3n) of the slow latent after each cell, one step a cell."""
    level, maps = model.slow_levels[0], model._current_maps().levels[0]
    drive = level.drive(maps, acted, None)
    running, states = belief.levels[0], []
    for k in range(acted.precision.shape[1]):
        prior = maps.transition.apply(running.state) + drive[:, k]
        # The first cell has begun with an observation; from the second on there is none.
        running = level.complete(running, prior, torch.ones(len(prior.mean), dtype=torch.bool))
        states.append(running.state)
    return torch.stack([x.mean for x in states], dim=1), torch.stack([x.covariance for x in states], dim=1)


class SlowAlone(nn.Module):
    """Decodes the slow belief of a cell, whatever came before."""

    def __init__(self, futures: Futures, hidden: int = 128) -> None:
        super().__init__()
        inputs, outputs = futures.slow.shape[-1] + futures.spread.shape[-1], futures.ends.shape[-1]
        self.decoder = GaussianMLP(inputs, outputs, outputs, (hidden, hidden))

    def forward(self, start: Tensor, slow: Tensor, spread: Tensor) -> tuple[Tensor, Tensor]:
        """Means and variances (B, K, obs)."""
        features = self.decoder.features(torch.cat([slow, spread.abs().log1p()], dim=-1))
        return self.decoder.mean(features), self.decoder.variance(features)


class SlowFromFast(nn.Module):
    """A GRU along the slow means of the cells, which starts from what was known at their begin."""

    def __init__(self, futures: Futures, hidden: int = 128) -> None:
        super().__init__()
        outputs = futures.ends.shape[-1]
        self.first = nn.Sequential(
            nn.Linear(futures.start.shape[-1], hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.Tanh()
        )
        self.cells = nn.GRU(futures.slow.shape[-1], hidden, batch_first=True)
        self.decoder = GaussianMLP(hidden, outputs, outputs, (hidden,))

    def forward(self, start: Tensor, slow: Tensor, spread: Tensor) -> tuple[Tensor, Tensor]:
        """Means and variances (B, K, obs)."""
        features = self.decoder.features(self.cells(slow, self.first(start)[None])[0])
        return self.decoder.mean(features), self.decoder.variance(features)


def fit(network: nn.Module, futures: Futures, updates: int) -> float:
    """Train by likelihood; seconds of the processor that it took."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, updates)
    generator, began = torch.Generator().manual_seed(0), time.process_time()
    for _ in range(updates):
        rows = torch.randint(len(futures.start), (256,), generator=generator)
        mean, variance = network(futures.start[rows], futures.slow[rows], futures.spread[rows])
        loss = (log_loss(mean, variance, futures.ends[rows]) * variance.detach().sqrt()).sum(dim=-1).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
    return time.process_time() - began


def log_loss(mean: Tensor, variance: Tensor, truth: Tensor) -> Tensor:
    """Negative log likelihood of each entry."""
    return 0.5 * ((truth - mean).square() / variance + variance.log() + math.log(2 * math.pi))


def milliseconds(work: Callable[[], object], repeats: int = 7) -> float:
    """Median time of the processor."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        times.append((time.process_time() - began) * 1e3)
    return float(np.median(times))


def print_row(name: str, mean: Tensor, variance: Tensor, futures: Futures, period: int, times: str) -> None:
    """Error and likelihood by horizon: NRMSE, and NLL summed over the entries."""
    cells = futures.ends.shape[1]
    error = (mean - futures.ends).square().mean(dim=(0, 2)).sqrt()
    loss = log_loss(mean, variance, futures.ends).sum(dim=-1).mean(dim=0)
    found = [f"{error[h // period - 1]:.3f} / {loss[h // period - 1]:.2f}" for h in horizons(period, cells)]
    print(f"| {name} | {' | '.join(found)} | {times} |", flush=True)


def horizons(period: int, cells: int) -> list[int]:
    """Those that end with a cell within the window, and the last one."""
    return sorted({h for h in HORIZONS if h % period == 0 and h <= cells * period} | {cells * period})


@torch.no_grad()
def print_stepwise(model: MTS3, test: Futures) -> None:
    """The rows of the model itself, and of the last observation."""
    period, length = model.period, test.actions.shape[1]
    parts = []
    for first in range(0, len(test.start), 100):
        rows = slice(first, first + 100)
        predicted = model.imagine(test.belief[rows], test.actions[rows])
        parts.append((predicted.mean[:, period - 1 :: period], predicted.variance[:, period - 1 :: period]))
    some = test[:SEQUENCES]
    whole = milliseconds(lambda: model.imagine(some.belief, some.actions))
    means = milliseconds(lambda: model.imagine_mean(some.belief, some.actions))
    print(f"| | {' | '.join(map(str, horizons(period, length // period)))} | ms, {SEQUENCES} sequences |")
    print("|" + "---|" * (len(horizons(period, length // period)) + 2))
    mean, variance = (torch.cat(one) for one in zip(*parts, strict=True))
    print_row("stepwise", mean, variance, test, period, f"{whole:.0f}, means alone {means:.0f}")


@torch.no_grad()
def print_jumpy(name: str, network: nn.Module, model: MTS3, test: Futures) -> None:
    """The row of a network, with and without the time for the evidence of the actions."""
    some = test[:SEQUENCES]

    def jump(acted: Evidence | None = None) -> object:
        slow, spread = slow_priors(model, some.belief, acted or abstract_actions(model, some.actions))
        return network(some.start, slow, spread)

    acted = abstract_actions(model, some.actions)
    times = f"{milliseconds(jump):.1f}, known actions {milliseconds(lambda: jump(acted)):.1f}"
    mean, variance = network(test.start, test.slow, test.spread)
    print_row(name, mean, variance, test, model.period, times)


def main() -> None:
    """Train both networks and print the table."""
    parser = study_parser(__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("--cells", type=int, default=18, help="cells that are predicted")
    parser.add_argument("--windows", type=int, default=3000, help="training windows of each context")
    parser.add_argument("--test-windows", type=int, default=400)
    parser.add_argument("--updates", type=int, default=500)
    options = read_options(parser)
    checkpoint = Checkpoint.from_pretrained(options.checkpoint)
    model = checkpoint.model.eval().prepared()
    if not isinstance(model, MTS3) or len(model.slow_levels) != 1:
        parser.error("expected an MTS3 with one slow level")
    splits = checkpoint_splits(checkpoint, checkpoint_dataset(checkpoint))

    def futures(episodes: Sequence[Episode], context: int, count: int) -> Futures:
        return make_futures(model, checkpoint.normalizer, episodes, context, options.cells, count)

    train = concatenate([futures(splits.train, context, options.windows) for context in range(3)])
    test = futures(splits.test, 2, options.test_windows)
    print_stepwise(model, test)
    for name, kind in {"slow alone": SlowAlone, "slow, from fast": SlowFromFast}.items():
        torch.manual_seed(0)
        network = kind(train)
        seconds = fit(network, train, options.updates)
        print_jumpy(f"{name}, trained in {seconds:.0f} s", network, model, test)


if __name__ == "__main__":
    main()
