"""Which uncertainty ranks a model's true errors: disagreement, predicted variance, or the density of its data.

    python scripts/studies/rank_errors.py --checkpoints runs/pets/best runs/ensemble_mts3/best --policy policies/sac.zip

From moments of held-out HalfCheetah episodes a policy goes on with noise of several strengths on its actions. The
simulator, set to the recorded state (the observation holds all of it but the place), says what truly follows, the model
what it imagines under the same actions. Without a policy the recorded actions are disturbed and repeated blindly; then
the cheetah soon falls, for reasons that no model could foresee. For each horizon the table gives Spearman's rank
correlation of the squared error h steps ahead (mean over the observation's entries, each in units of its spread in the
data) with

- disagreement: the variance between the ensemble members' means,
- aleatoric: what is left of the predicted variance (of an ensemble of MTS3, the members' own),
- variance: their sum,
- disagreement so far: the mean of the disagreement's square root over the imagined steps up to h,
- density: the distance of observation and action to the fifth-nearest pair of the training data, averaged over the
  imagined steps up to h, on the model's own path.

"pooled" ranks all sequences, of every strength of noise; "within" ranks those of equal strength and averages, which
leaves out how easy it is to see that actions are random. "0 only" are those without noise. "error" is the root of the
median squared error without noise and with the strongest.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from sklearn.neighbors import NearestNeighbors
from study import read_options, study_parser, write_rows

from mbrl_mts3.agents.policy_files import load_policy
from mbrl_mts3.data.episode import Episode
from mbrl_mts3.envs import make_environment
from mbrl_mts3.models import PhysicalModel
from mbrl_mts3.training import Checkpoint, checkpoint_dataset, checkpoint_splits

HORIZONS = (1, 5, 15, 60)
NOISE = (0.0, 0.1, 0.3, 0.6, 1.0)
CONTEXT = 30
PAIRS = 40_000
NEIGHBOUR = 5


def main() -> None:
    """Imagine, simulate, correlate."""
    options = _options()
    policy = None if options.policy is None else load_policy(options.policy)
    rows: list[dict[str, Any]] = []
    for folder in options.checkpoints:
        checkpoint = Checkpoint.from_pretrained(folder)
        splits = checkpoint_splits(checkpoint, checkpoint_dataset(checkpoint))
        moments = _moments(splits.test, options.sequences)
        truth, plans, levels = _follow(moments, policy, np.random.default_rng(0))
        error, measures = _imagine(checkpoint, splits.train, moments, plans, truth)
        rows += _correlate(Path(folder).parent.name, error, measures, levels)
    write_rows(options.out, rows)


def _moments(episodes: Any, count: int) -> list[tuple[Episode, int]]:
    rng = np.random.default_rng(1)
    room = max(HORIZONS)
    chosen = []
    for _ in range(count):
        episode = episodes[int(rng.integers(len(episodes)))]
        chosen.append((episode, int(rng.integers(CONTEXT, len(episode) - room))))
    return chosen


def _follow(
    moments: list[tuple[Episode, int]], policy: Any, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What truly follows, (S, L, obs), under which actions (S, L, act), and each sequence's strength of noise (S,).

    All sequences go step by step through one simulator, whose state is put back each time.
    """
    environment: Any = make_environment("HalfCheetah-v5").unwrapped
    environment.reset(seed=0)
    levels = np.repeat(NOISE, len(moments))
    rows = moments * len(NOISE)
    seen = np.stack([episode.observations[t] for episode, t in rows]).astype(np.float64)
    position, velocity = np.concatenate([np.zeros((len(rows), 1)), seen[:, :8]], axis=1), seen[:, 8:].copy()
    recorded = np.stack([episode.actions[t : t + max(HORIZONS)] for episode, t in rows])
    actions, followed = np.empty_like(recorded), np.empty((*recorded.shape[:2], seen.shape[1]), np.float32)
    for step in range(recorded.shape[1]):
        wanted = recorded[:, step] if policy is None else policy.predict(seen, deterministic=True)[0]
        actions[:, step] = np.clip(wanted + levels[:, None] * rng.normal(size=wanted.shape), -1, 1)
        for place in range(len(rows)):
            environment.set_state(position[place], velocity[place])
            seen[place] = environment.step(actions[place, step])[0]
            position[place], velocity[place] = environment.data.qpos, environment.data.qvel
        followed[:, step] = seen
    environment.close()
    return followed, actions, levels


def _imagine(
    checkpoint: Checkpoint,
    train: Any,
    moments: list[tuple[Episode, int]],
    plans: np.ndarray,
    truth: np.ndarray,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Squared errors (S, L) and the uncertainties (S, L)."""
    model: PhysicalModel = checkpoint.physical_model()
    before = torch.as_tensor(np.stack([episode.observations[t - CONTEXT : t] for episode, t in moments]))
    actions = torch.as_tensor(np.stack([episode.actions[t - CONTEXT : t] for episode, t in moments]))
    now = torch.as_tensor(np.stack([episode.observations[t] for episode, t in moments]))
    with torch.inference_mode():
        belief, _ = model.filter(before, actions)
        belief = model.observe(belief, now)
        parts = [model.imagine(belief, torch.as_tensor(part)) for part in np.split(plans, len(NOISE))]
    scale = checkpoint.normalizer.observation_scale
    mean = torch.cat([part.mean for part in parts])
    total = torch.cat([part.variance for part in parts]) / scale.square()
    measures = {"variance": total}
    if parts[0].epistemic_variance is not None:
        between = torch.cat([part.epistemic_variance for part in parts if part.epistemic_variance is not None])
        measures["disagreement"] = between / scale.square()
        measures["aleatoric"] = (total - measures["disagreement"]).clamp_min(0)
    error = ((mean - torch.as_tensor(truth)) / scale).square().mean(-1).numpy()
    found = {name: value.mean(-1).numpy() for name, value in measures.items()}
    if "disagreement" in found:
        found["disagreement so far"] = _so_far(np.sqrt(found["disagreement"]))
    started = now.repeat(len(NOISE), 1)[:, None]
    found["density"] = _sparseness(checkpoint, train, torch.cat([started, mean[:, :-1]], dim=1), torch.as_tensor(plans))
    return error, found


def _sparseness(checkpoint: Checkpoint, train: Any, observations: torch.Tensor, actions: torch.Tensor) -> np.ndarray:
    """(S, L): distance to the data, averaged over the steps so far."""

    def points(seen: torch.Tensor, done: torch.Tensor) -> np.ndarray:
        parts = checkpoint.normalizer.normalize_observation(seen), checkpoint.normalizer.normalize_action(done)
        return torch.cat(parts, dim=-1).flatten(0, -2).numpy()

    data = points(
        torch.as_tensor(np.concatenate([episode.observations[:-1] for episode in train])),
        torch.as_tensor(np.concatenate([episode.actions for episode in train])),
    )
    data = data[np.random.default_rng(0).permutation(len(data))[:PAIRS]]
    distance, _ = NearestNeighbors(n_neighbors=NEIGHBOUR).fit(data).kneighbors(points(observations, actions))
    return _so_far(distance[:, -1].reshape(observations.shape[:2]))


def _so_far(values: np.ndarray) -> np.ndarray:
    """Running means along the steps (S, L)."""
    means: np.ndarray = values.cumsum(axis=1) / np.arange(1, values.shape[1] + 1)
    return means


def _correlate(
    model: str, error: np.ndarray, measures: dict[str, np.ndarray], levels: np.ndarray
) -> list[dict[str, Any]]:
    rows = []
    for horizon in HORIZONS:
        true = error[:, horizon - 1]
        for name, values in measures.items():
            guess = values[:, horizon - 1]
            within = [float(spearmanr(guess[levels == level], true[levels == level]).statistic) for level in NOISE]
            rows.append(
                {
                    "model": model,
                    "horizon": horizon,
                    "measure": name,
                    "pooled": round(float(spearmanr(guess, true).statistic), 3),
                    "within": round(float(np.mean(within)), 3),
                    "0 only": round(within[0], 3),
                    "error at 0": round(float(np.sqrt(np.median(true[levels == 0]))), 3),
                    "error at 1": round(float(np.sqrt(np.median(true[levels == 1]))), 3),
                }
            )
            print(*rows[-1].values(), sep="  ", flush=True)
    return rows


def _options() -> argparse.Namespace:
    parser = study_parser(__doc__)
    parser.add_argument("--checkpoints", nargs="+", required=True)
    parser.add_argument("--policy", help="zip file of a SAC policy; none repeats recorded actions")
    parser.add_argument("--sequences", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("scripts/studies/rank_errors.csv"))
    return read_options(parser)


if __name__ == "__main__":
    main()
