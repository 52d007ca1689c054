from dataclasses import dataclass

import numpy as np
import pytest
import torch

from mbrl_mts3.benchmark.record import horizon_curves
from mbrl_mts3.metrics import LEVELS, HorizonErrors


def errors(kind=HorizonErrors, **more):
    # As many levels as horizons: they must not pass for a curve.
    levels = torch.tensor(LEVELS, dtype=torch.float64)
    curve = torch.linspace(0, 1, len(LEVELS), dtype=torch.float64)
    coverage = levels.expand(len(LEVELS), -1) - 0.02
    return kind(
        count=curve + 9,
        nrmse=curve,
        nrmse_signal=0.4 * curve,
        nrmse_median=0.5 * curve,
        nrmse_p90=1.5 * curve,
        rmse=2 * curve,
        rmse_by_dimension=curve[:, None],
        crps=3 * curve,
        invalid=curve * 0,
        nll=None,
        nll_trimmed=None,
        nll_original=None,
        coverage=coverage,
        levels=levels,
        **more,
    )


def test_everything_by_horizon_has_its_name():
    curves = horizon_curves(errors())
    names = {f"coverage_{error}{level}" for error in ("", "error_") for level in (50, 80, 95)}
    assert set(curves) == {"nrmse", "nrmse_signal", "nrmse_median", "nrmse_p90", "rmse", "crps", *names}
    np.testing.assert_allclose(curves["coverage_80"], 0.78)
    np.testing.assert_allclose(curves["coverage_error_95"], 0.02)


def test_a_new_metric_joins_by_itself():
    @dataclass(frozen=True)
    class More(HorizonErrors):
        energy: torch.Tensor

    made = errors(More, energy=torch.arange(19.0))
    assert horizon_curves(made)["energy"].tolist() == pytest.approx(list(range(19)))
