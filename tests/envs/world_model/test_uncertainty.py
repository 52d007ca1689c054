"""What imagined steps cost."""

from __future__ import annotations

import pytest
import torch

from mbrl_mts3.envs.world_model import Uncertainty
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.models import Prediction

PREDICTION = Prediction(
    mean=torch.zeros(2, 2),
    variance=torch.tensor([[4.0, 16.0], [1.0, 1.0]]),
    epistemic_variance=torch.tensor([[1.0, 9.0], [0.0, 0.25]]),
)


@pytest.mark.parametrize(
    ("kind", "expected"), [("none", [0.0, 0.0]), ("aleatoric", [2.0, 0.75]), ("epistemic", [1.25, 0.125])]
)
def test_it_is_the_mean_standard_deviation_in_units_of_the_data_s(kind: str, expected: list[float]) -> None:
    assert Uncertainty(kind).of(PREDICTION, torch.tensor([1.0, 2.0])).tolist() == expected


def test_a_single_model_cannot_disagree() -> None:
    with pytest.raises(ConfigurationError, match="ensemble"):
        Uncertainty("epistemic").of(Prediction(PREDICTION.mean, PREDICTION.variance), torch.ones(2))


def test_a_budget_is_exceeded_by_more_than_it() -> None:
    total = torch.tensor([1.0, 2.0, 2.1])
    assert Uncertainty("aleatoric", budget=2.0).exceeded(total).tolist() == [False, False, True]
    assert not Uncertainty("aleatoric").exceeded(total * 1e9).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "total"}, "none, aleatoric, epistemic"),
        ({"kind": "aleatoric", "penalty": -1.0}, ">= 0"),
        ({"kind": "aleatoric", "budget": 0.0}, "> 0"),
        ({"penalty": 1.0}, "uncertainty='aleatoric'"),
        ({"budget": 1.0}, "uncertainty='aleatoric'"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Uncertainty(**options)
