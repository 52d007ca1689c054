import pytest

from mbrl_mts3.benchmark.options import check_sweep, dataset_name, variant_name
from mbrl_mts3.errors import ConfigurationError


@pytest.mark.parametrize(
    ("training", "changes", "name"),
    [
        ("default", {}, "mts3"),
        ("no_imputation", {}, "mts3+no_imputation"),
        (
            "default",
            {"training.length": "30", "model.latent_dim": "6", "model.target": "x"},
            "mts3+latent_dim=6+target=x+length=30",
        ),
        ("default", {"model.time_scales": "[5,15]"}, "mts3+time_scales=5,15"),
        (
            "default",
            {"training.seed": "3", "training.max_seconds": "9", "evaluation.context": "9", "threads": "2"},
            "mts3",
        ),
    ],
)
def test_variants_are_named_after_what_makes_them_differ(training, changes, name):
    choices = {"model": "mts3", "training": training, "data": "mine"}
    assert variant_name(choices, {"model": "mts3", **changes}) == name


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "half_cheetah_medium"),
        ({"data.dataset_id": "mine/cheetah-v0", "data.download": "true"}, "mine_cheetah-v0"),
        ({"data.observation": "positions"}, "half_cheetah_medium+observation=positions"),
    ],
)
def test_data_sets_too(changes, name):
    assert dataset_name({"data": "half_cheetah_medium"}, changes) == name


@pytest.mark.parametrize(
    ("swept", "given"),
    [
        ({"model", "data", "training", "training.seed"}, set()),
        ({"model.latent_dim", "training.length", "data.observation"}, set()),
        ({"label"}, {"label"}),
        ({"data", "training.seed"}, {"label"}),
        ({"model", "training.seed"}, {"dataset_label"}),
    ],
)
def test_sweeps_over_what_is_in_the_name(swept, given):
    check_sweep(swept, given)


@pytest.mark.parametrize(
    ("swept", "given", "message"),
    [
        ({"model", "training.max_updates"}, set(), r"training\.max_updates alone"),
        ({"evaluation.context"}, set(), r"evaluation\.context alone"),
        ({"model", "training.seed"}, {"label"}, "label would give every choice of model the same name"),
        ({"training.length"}, {"label"}, "training.length the same name"),
        ({"data"}, {"dataset_label"}, "dataset_label would give every choice of data the same name"),
    ],
)
def test_runs_that_would_share_a_name_are_refused(swept, given, message):
    with pytest.raises(ConfigurationError, match=message):
        check_sweep(swept, given)
