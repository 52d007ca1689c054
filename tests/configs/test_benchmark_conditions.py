"""mts3-benchmark trains and scores all models under the same conditions, and says which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize
from hydra.utils import instantiate
from omegaconf import OmegaConf

from mbrl_mts3.models import MTS3

CONFIGS = Path(__file__).parents[2] / "configs"
MODELS, TRAININGS = (sorted(path.stem for path in (CONFIGS / group).glob("*.yaml")) for group in ("model", "training"))


def conditions(*overrides: str) -> dict[str, Any]:
    with initialize(version_base="1.3", config_path="pkg://mbrl_mts3.configs"):
        config = compose("benchmark", overrides=list(overrides))
    return {part: OmegaConf.to_container(config[part], resolve=True) for part in ("training", "evaluation")}


@pytest.mark.parametrize("model", MODELS)
def test_a_model_changes_none_of_them(model: str) -> None:
    assert conditions(f"model={model}") == conditions()


@pytest.mark.parametrize("training", TRAININGS)
def test_windows_of_one_length_are_hidden_from_all_models(training: str) -> None:
    """Without it each model's own period would count, and models without one would see other masks than MTS3."""
    hidden = instantiate(conditions(f"training={training}")["training"]).mask_period
    assert hidden == MTS3(4, 2).period == 15


def test_half_of_the_observations_are_missing_in_the_imputation_test() -> None:
    assert instantiate(conditions()["evaluation"]).imputation_rate == 0.5
