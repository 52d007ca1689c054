"""A small data set, a training of a moment, and made-up records whose numbers are easy to recognise."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from mbrl_mts3.benchmark import BenchmarkRun, EvaluationProtocol, RunFiles, RunOptions, RunRecord
from mbrl_mts3.data import Episode, ObservationSelector, OfflineDataset
from mbrl_mts3.models import MTS3
from mbrl_mts3.training import WorldModelTrainer

HIDDEN = dict.fromkeys(("encoder_hidden", "window_hidden", "action_hidden", "control_hidden", "decoder_hidden"), (8,))
QUICK: dict[str, Any] = {
    "length": 10,
    "batch_size": 8,
    "max_updates": 4,
    "validation_interval": 2,
    "validation_windows": 4,
    "validation_length": 10,
    "validation_context": 3,
    "loggers": (),
    "progress": False,
}


def small_model(observation_dim: int, action_dim: int, latent_dim: int) -> MTS3:
    return MTS3(observation_dim, action_dim, (5,), latent_dim=latent_dim, **HIDDEN)


def walk(steps: int, number: int) -> Episode:
    generator = np.random.default_rng(number)
    actions = generator.normal(size=(steps, 1)).astype(np.float32)
    observations = np.concatenate([np.zeros((1, 2)), np.cumsum(np.c_[actions, -actions], axis=0)]).astype(np.float32)
    end = np.arange(steps) == steps - 1
    return Episode(observations, actions, observations[1:, 0], np.zeros(steps, bool), end, episode_id=number)


@pytest.fixture
def dataset() -> OfflineDataset:
    space = spaces.Box(-np.inf, np.inf, (2,))
    return OfflineDataset(
        episodes=tuple(walk(30, number) for number in range(20)),
        dataset_id="test/walk-v0",
        content_hash="abc",
        selector=ObservationSelector.from_space(space),
        observation_space=space,
        action_space=spaces.Box(-1, 1, (1,)),
    )


@pytest.fixture
def make_run(dataset: OfflineDataset, tmp_path: Path) -> Callable[..., BenchmarkRun]:
    def make(seed: int = 0, *, latent_dim: int = 4, data: Any = None, **options: Any) -> BenchmarkRun:
        evaluation = {
            name: options.pop(name)
            for name in ("context", "horizon", "sliding_window", "imputation_rate")
            if name in options
        }
        protocol = EvaluationProtocol(**{"context": 5, "sliding_window": 4, "sliding_stride": 4, **evaluation})
        trainer = WorldModelTrainer(**{**QUICK, **options}, seed=seed)
        files = RunFiles(tmp_path / "results", "walk", "small", seed)
        return BenchmarkRun(data or dataset, partial(small_model, latent_dim=latent_dim), trainer, protocol, files)

    return make


@pytest.fixture
def make_record() -> Callable[..., RunRecord]:
    def make(label: str, seed: int, nrmse: float, *, horizon: int = 20, **changes: Any) -> RunRecord:
        steps = np.arange(1, horizon + 1)
        options = {
            "data": {"dataset_id": "test/walk-v0", "content_hash": "abc", "observations": ["x", "y"]},
            "model": {"class": "MTS3", "latent_dim": 4},
            "training": {"max_updates": 4, "max_seconds": None, "batch_size": 8, "length": 10},
            "evaluation": {"context": 5, "horizon": horizon, "sliding_window": 10},
        }
        for part in options:
            options[part] |= changes.pop(part, {})
        curves = {
            "nrmse": nrmse + 0.01 * steps,
            "nll": 10 * nrmse - 0.1 * steps,
            "coverage_95": np.full(horizon, 0.9),
            "coverage_error_95": np.full(horizon, 0.05),
            "rmse": 2 * nrmse + 0.02 * steps,
        }
        fields = {
            "curves": {name: tuple(values.tolist()) for name, values in curves.items()},
            "references": {"persistence": {"nrmse": tuple((0.1 * steps).tolist())}},
            "sliding": {"first_horizon": (1.0, 11.0), "nrmse": (nrmse, 2 * nrmse)},
            "scalars": {"parameters": 1234.0, "updates": 4.0, "training_seconds": 10.0 + seed, "windows": 7.0},
            "versions": {"mbrl_mts3": "0"},
        }
        return RunRecord("walk", label, seed, RunOptions.from_json(options), **{**fields, **changes})

    return make
