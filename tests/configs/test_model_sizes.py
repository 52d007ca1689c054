"""Models are compared at equal size: that of the default MTS3, or the YAML says how large it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize
from hydra.utils import instantiate

from mbrl_mts3.models import MTS3, WorldModel

MODELS = Path(__file__).parents[2] / "configs" / "model"
HALF_CHEETAH = (17, 6)


def parameters(model: WorldModel) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_yardstick_is_as_it_was() -> None:
    assert parameters(MTS3(*HALF_CHEETAH)) == 134_496


@pytest.mark.parametrize("choice", sorted(path.stem for path in MODELS.glob("*.yaml")))
def test_a_model_has_the_size_of_the_others_or_says_its_own(choice: str) -> None:
    with initialize(version_base="1.3", config_path="pkg://mbrl_mts3.configs"):
        node = compose("train", overrides=[f"model={choice}"]).model
    count = parameters(instantiate(node)(*HALF_CHEETAH))
    comments = [line for line in (MODELS / f"{choice}.yaml").read_text().splitlines() if line.startswith("#")]
    stated = f"{count:,} parameters" in " ".join(comments)
    assert stated or abs(count / 134_496 - 1) <= 0.1, f"say in the YAML that it has {count:,} parameters"


def test_the_default_comparison_is_of_one_size_with_the_same_decoders() -> None:
    """But for the ensemble of one-step models, which is another size and says so."""
    with initialize(version_base="1.3", config_path="pkg://mbrl_mts3.configs"):
        named = compose("benchmark", return_hydra_config=True).hydra.sweeper.params.model.split(",")
        nodes = {name: compose("train", overrides=[f"model={name}"]).model for name in named if name != "pets"}
    assert "pets" in named
    assert len(nodes) >= 9
    counts = {name: parameters(instantiate(node)(*HALF_CHEETAH)) for name, node in nodes.items()}
    assert max(counts.values()) <= 1.1 * min(counts.values()), counts
    assert {(tuple(node.decoder_hidden), tuple(node.variance_hidden)) for node in nodes.values()} == {
        ((160, 160), (32,))
    }
