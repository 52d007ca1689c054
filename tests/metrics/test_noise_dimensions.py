"""White noise is told from what moves, by how far repetition errs."""

from __future__ import annotations

import numpy as np
import torch

from mbrl_mts3.metrics.errors_by_horizon import ErrorSums, HorizonErrors, noise_dimensions

LEVELS = torch.tensor([0.5], dtype=torch.float64)


def persistence(columns: np.ndarray, horizon: int = 30) -> ErrorSums:
    """Repetition of columns (steps, dimensions), in units of their deviations, over all windows."""
    values = torch.from_numpy(columns / columns.std(axis=0))
    starts = range(0, len(values) - horizon, 7)
    target = torch.stack([values[start + 1 : start + 1 + horizon] for start in starts])
    last = torch.stack([values[start].expand(horizon, -1) for start in starts])
    return ErrorSums.from_predictions(last, None, target, LEVELS)


def signals(steps: int = 20_000) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    noise, wave = rng.normal(size=(steps, 6)), np.arange(steps)
    walk = np.zeros((steps, 2))
    for t in range(1, steps):
        # One that forgets within a few steps, one that swings back at each.
        walk[t] = (0.5, -0.9) * walk[t - 1] + noise[t, 2:4]
    return {
        "white noise": noise[:, 0],
        "uniform white noise": rng.uniform(size=steps),
        "a short memory": walk[:, 0],
        "back and forth": walk[:, 1],
        "a gait": np.sin(2 * np.pi * wave / 4) + 0.1 * noise[:, 4],
        "a slow wave under noise": 0.7 * np.sin(2 * np.pi * wave / 300) + 0.7 * noise[:, 5],
    }


def test_only_white_noise_is_noise() -> None:
    found = signals()
    noise = noise_dimensions(persistence(np.stack(list(found.values()), axis=1)))
    assert [list(found)[place] for place in noise] == ["white noise", "uniform white noise"]


def test_where_all_is_noise_nothing_is_left_out() -> None:
    assert noise_dimensions(persistence(np.random.default_rng(0).normal(size=(20_000, 2)))) == ()


def test_the_error_without_noise_is_that_of_the_other_dimensions() -> None:
    found = signals()
    columns = np.stack(list(found.values()), axis=1)
    sums, without = persistence(columns), persistence(columns[:, 2:])
    scale = torch.ones(6)
    errors = HorizonErrors.from_sums(sums, scale, LEVELS, noise_dimensions(sums))
    expected = HorizonErrors.from_sums(without, scale[2:], LEVELS)
    torch.testing.assert_close(errors.nrmse_signal, expected.nrmse)
