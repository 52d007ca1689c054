"""What imagined steps cost."""

from __future__ import annotations

import pytest
import torch

from mbrl_mts3.envs.world_model import Uncertainty
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.models import Prediction, Recalibration

PREDICTION = Prediction(
    mean=torch.zeros(2, 2),
    variance=torch.tensor([[4.0, 16.0], [1.0, 1.0]]),
    epistemic_variance=torch.tensor([[1.0, 9.0], [0.0, 0.25]]),
)


# Factors of the variances two steps ahead, and of all beyond.
FACTORS = Recalibration(torch.tensor([[1.0, 1.0], [4.0, 0.25], [9.0, 0.0625]]))
ONE_STEP = torch.ones(2, dtype=torch.int64)


@pytest.mark.parametrize(
    ("kind", "expected"), [("none", [0.0, 0.0]), ("aleatoric", [2.0, 0.75]), ("epistemic", [1.25, 0.125])]
)
def test_it_is_the_mean_standard_deviation_in_units_of_the_data_s(kind: str, expected: list[float]) -> None:
    assert Uncertainty(kind).measure(PREDICTION, torch.tensor([1.0, 2.0]), ONE_STEP).tolist() == expected


def test_a_single_model_cannot_disagree() -> None:
    with pytest.raises(ConfigurationError, match="ensemble"):
        Uncertainty("epistemic").measure(Prediction(PREDICTION.mean, PREDICTION.variance), torch.ones(2), ONE_STEP)


def test_every_kind_that_a_model_has() -> None:
    single = Prediction(PREDICTION.mean, PREDICTION.variance)
    assert list(Uncertainty.every_kind(single)) == ["aleatoric"]
    every = Uncertainty.every_kind(PREDICTION, FACTORS)
    assert list(every) == ["aleatoric", "epistemic", "calibrated"]
    for kind, uncertainty in every.items():
        alone = Uncertainty(kind, recalibration=FACTORS)
        two = torch.full((2,), 2)
        found, expected = (one.measure(PREDICTION, torch.tensor([1.0, 2.0]), two) for one in (uncertainty, alone))
        assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("horizon", "expected"),
    [([1, 1], [2.0, 0.75]), ([2, 1], [2.5, 0.75]), ([1, 3], [2.0, 1.5625]), ([9, 9], [3.25, 1.5625])],
)
def test_calibration_multiplies_variances_by_horizon(horizon: list[int], expected: list[float]) -> None:
    doubt = Uncertainty("calibrated", recalibration=FACTORS)
    assert doubt.measure(PREDICTION, torch.tensor([1.0, 2.0]), torch.tensor(horizon)).tolist() == expected
    plain = Uncertainty("aleatoric", recalibration=FACTORS)
    assert plain.measure(PREDICTION, torch.tensor([1.0, 2.0]), torch.tensor(horizon)).tolist() == [2.0, 0.75]


def test_a_budget_is_exceeded_by_more_than_it() -> None:
    total = torch.tensor([1.0, 2.0, 2.1])
    assert Uncertainty("aleatoric", budget=2.0).exceeded(total).tolist() == [False, False, True]
    assert not Uncertainty("aleatoric").exceeded(total * 1e9).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "total"}, "none, aleatoric, epistemic, calibrated"),
        ({"kind": "calibrated"}, "mts3-calibrate"),
        ({"kind": "aleatoric", "penalty": -1.0}, ">= 0"),
        ({"kind": "aleatoric", "budget": 0.0}, "> 0"),
        ({"penalty": 1.0}, "uncertainty='aleatoric' .in commands uncertainty.kind=aleatoric."),
        ({"budget": 1.0}, "uncertainty='aleatoric'"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Uncertainty(**options)
