"""The architecture that docs/new_architecture.md builds is short, and a world model like those of the package."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from world_model_contract import ACT, OBS, Learning, WorldModelContract

from mbrl_mts3.gaussian import aggregate, marginalize
from mbrl_mts3.models import MODELS
from mbrl_mts3.models.state_space.scan import kalman_scan

PAGE = (Path(__file__).parents[2] / "docs" / "new_architecture.md").read_text()
ARCHITECTURE = PAGE.split("```python\n")[1].split("```")[0]


@pytest.fixture(scope="module")
def namespace():
    found = {"__name__": "new_architecture"}
    exec(ARCHITECTURE, found)
    return found


class TestNewArchitectureContract(WorldModelContract):
    @pytest.fixture
    def make(self, namespace, monkeypatch):
        monkeypatch.setitem(MODELS, "NoisyActuators", namespace["NoisyActuators"])
        return partial(namespace["NoisyActuators"], OBS, ACT)

    @pytest.fixture
    def alternatives(self):
        return {"latent_dim": 7}

    @pytest.fixture
    def learning(self):
        return Learning(updates=100, batch=32, steps=15)


def test_it_takes_less_than_60_lines():
    assert sum(bool(line.strip()) for line in ARCHITECTURE.splitlines()) < 60


def test_the_fast_way_that_the_page_names_is_the_same(namespace):
    model = namespace["NoisyActuators"](OBS, ACT)
    observations, actions = torch.randn(2, 7, OBS), torch.randn(2, 7, ACT)
    belief, _ = model.filter(observations, actions)
    drive = marginalize([(model.effect(), aggregate(model.act(actions)))], model.noise())
    path, _ = kalman_scan(model.transition(), model.initial_belief(2), drive, model.see(observations))
    for fast, slow in zip(path[:, -1].tensors(), belief.tensors(), strict=True):
        torch.testing.assert_close(fast, slow)
