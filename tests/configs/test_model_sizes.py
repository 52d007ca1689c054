"""Models that are compared with each other have about as many parameters."""

import pytest
from hydra import compose, initialize
from hydra.utils import instantiate

COMPARED = ["gru", "lstm", "autoregressive_transformer", "multi_step_transformer"]


def parameters(choice: str) -> int:
    """With the sizes of HalfCheetah, where the default model has 134,496."""
    with initialize(version_base="1.3", config_path="pkg://mbrl_mts3.configs"):
        node = compose("train", overrides=[f"model={choice}"]).model
    model = instantiate(node)(observation_dim=17, action_dim=6)
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("choice", COMPARED)
def test_its_size_is_within_a_tenth_of_the_default_model_s(choice: str) -> None:
    assert parameters(choice) == pytest.approx(parameters("mts3"), rel=0.1)
