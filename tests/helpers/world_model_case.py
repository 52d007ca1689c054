"""What every part of the contract of world models starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from mbrl_mts3.models import Prediction, WorldModel
from mbrl_mts3.models.changes import set_change_scale

OBS, ACT = 3, 2
SMALL_MTS3 = {
    "latent_dim": 4,
    "encoder_hidden": (12,),
    "window_hidden": (12,),
    "action_hidden": (12,),
    "control_hidden": (12,),
    "decoder_hidden": (12,),
}


@dataclass(frozen=True)
class Learning:
    """How a model learns `LinearSystem`, and how close to the best possible predictions it must get."""

    updates: int = 150
    learning_rate: float = 0.02
    batch: int = 64
    steps: int = 20
    nats: float = 0.1
    """What a prediction of one observation may lose on average, over 10 open-loop steps."""


class Together(dict[str, object]):
    """Arguments of a constructor that only change together."""


def each_form(forms: Mapping[str, object]) -> Any:
    """The fixture `form` of a model that is tried in several forms: their names, one by one."""

    @pytest.fixture(params=list(forms))
    def form(self: WorldModelCase, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    return form


def scaled(model: Callable[..., WorldModel], *sizes: int, **options: object) -> WorldModel:
    """The model with scales of changes that differ, where it has any: with those of 1 they would do nothing."""
    made = model(*sizes, **options)
    set_change_scale(made, torch.linspace(0.1, 0.9, made.observation_dim))
    return made


def make_forms(model: type[WorldModel], small: Mapping[str, object], forms: Mapping[str, Mapping[str, object]]) -> Any:
    """The fixture `make` for each form: the options of a small model, and those of the form."""

    @pytest.fixture
    def make(self: WorldModelCase, form: str) -> Callable[..., WorldModel]:
        return partial(scaled, model, OBS, ACT, **{**small, **forms[form]})

    return make


def in_forms(value: object, *forms: str) -> Any:
    """A fixture that has this value in the forms named, and is None in all others."""

    @pytest.fixture
    def chosen(self: WorldModelCase, form: str) -> object:
        return value if form in forms else None

    return chosen


class WorldModelCase:
    """Subclasses give the fixture `make`, and override the others where what they say does not hold."""

    @pytest.fixture
    def make(self) -> Callable[..., WorldModel]:
        """Builds the model with OBS and ACT; keyword arguments go to the model's constructor."""
        raise NotImplementedError

    @pytest.fixture
    def uses_actions(self) -> bool:
        """False for models that are given actions but ignore them."""
        return True

    @pytest.fixture
    def alternatives(self) -> Mapping[str, object] | None:
        """Another value for each option of the constructor, or several arguments `Together`.

        None where the same class is tried in another form.
        """
        return {}

    @pytest.fixture
    def learning(self) -> Learning | None:
        """None where the same class learns in another form."""
        return Learning()

    @pytest.fixture
    def model(self, make: Callable[..., WorldModel]) -> WorldModel:
        torch.manual_seed(0)
        return make().double().eval()

    def sequence(self, batch: int = 2, steps: int = 11) -> tuple[Tensor, Tensor, Tensor]:
        generator = torch.Generator().manual_seed(3)
        observations = torch.randn(batch, steps, OBS, generator=generator, dtype=torch.float64)
        actions = torch.randn(batch, steps, ACT, generator=generator, dtype=torch.float64)
        mask = torch.rand(batch, steps, generator=generator) < 0.7
        return observations, actions, mask


def assert_equal(first: Prediction, second: Prediction, tolerance: float = 1e-9) -> None:
    for a, b in zip(first.tensors(), second.tensors(), strict=True):
        torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance)


def join(first, second):
    """Two beliefs of batch size one as one of batch size two."""
    columns = iter([torch.cat(pair) for pair in zip(first.tensors(), second.tensors(), strict=True)])
    return first.map(lambda _: next(columns))
