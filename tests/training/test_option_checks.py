"""Options of a training are checked where they enter."""

from __future__ import annotations

import pytest
import torch

from mbrl_mts3.data import WindowBatch
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.models import Prediction
from mbrl_mts3.training import WorldModelTrainer, prediction_losses


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"seed": 2**40}, "seed=1099511627776 is no seed"),
        ({"split_seed": -3}, "split_seed=-3 is no seed"),
        ({"length": 0}, "length=0: choose a whole number"),
        ({"batch_size": -8}, "batch_size=-8"),
        ({"patience": 0}, "patience=0"),
        ({"num_nodes": 0}, "num_nodes=0: choose a whole number"),
        ({"truncation": -5}, "truncation=-5"),
        ({"max_seconds": -1.0}, "max_seconds=-1.0: choose a positive number"),
        ({"learning_rate": float("nan")}, "learning_rate=nan"),
        ({"gradient_clip": -0.5}, "gradient_clip=-0.5"),
        ({"mask_window_rate": 1.2}, "mask_window_rate=1.2: choose a number from 0 to 1"),
        ({"loss_weights": {"rewrad": 1.0}}, r"loss_weights has 'rewrad' \(did you mean reward\?\)"),
        ({"loss_weights": {"reward": -1.0}}, "loss_weights of reward is -1.0"),
    ],
)
def test_what_is_out_of_range_is_told(options, told):
    with pytest.raises(ConfigurationError, match=told):
        WorldModelTrainer(**options)


@pytest.mark.parametrize("options", [{"precision": "8-bit"}, {"accelerator": "abacus"}, {"strategy": "chess"}])
def test_what_lightning_refuses_is_told(linear_dataset, small_mts3, tmp_path, options):
    trainer = WorldModelTrainer(length=20, validation_length=20, validation_context=5, progress=False, **options)
    with pytest.raises(ConfigurationError, match="Lightning does not take"):
        trainer.fit(linear_dataset, small_mts3, tmp_path / "run")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"batch_size": 8, "num_nodes": 3}, "batch_size=8 cannot be shared out to 3 processes"),
        ({"batch_size": 8, "microbatch": 2, "num_nodes": 4}, "microbatch=2 cannot be shared out to 4"),
    ],
)
def test_a_batch_that_cannot_be_shared_out_is_told_before_processes_start(
    linear_dataset, small_mts3, tmp_path, options, told
):
    small = {"length": 20, "validation_length": 20, "validation_context": 5, "progress": False, "accelerator": "cpu"}
    with pytest.raises(ConfigurationError, match=told):
        WorldModelTrainer(**small, **options).fit(linear_dataset, small_mts3, tmp_path / "run")


def test_no_loggers_at_all(linear_dataset, small_mts3, tmp_path):
    trainer = WorldModelTrainer(
        length=20, validation_length=20, validation_context=5, max_updates=1, progress=False, loggers=None
    )
    trainer.fit(linear_dataset, small_mts3, tmp_path / "run")
    assert not (tmp_path / "run" / "logs").exists()


def test_every_loss_has_a_weight() -> None:
    """The names are those that `prediction_losses` gives, with all heads and changes."""
    steps = torch.zeros(1, 2)
    batch = WindowBatch(torch.zeros(1, 3, 1), torch.zeros(1, 2, 1), steps, steps > 0, steps == 0)
    one = torch.ones(1, 2, 1)
    prediction = Prediction(one, one, steps, steps + 1, steps, change=one)
    losses = prediction_losses(prediction, batch, change_scale=torch.ones(1))
    WorldModelTrainer(loss_weights=dict.fromkeys(losses, 0.5))
    assert set(losses) == {"observation", "reward", "termination", "change"}
