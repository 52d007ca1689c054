"""Equal runs are told from others, also over the years."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mbrl_mts3.benchmark import EvaluationProtocol, RunOptions
from mbrl_mts3.models import MTS3
from mbrl_mts3.training import WorldModelTrainer


@pytest.fixture
def make(dataset):
    def of(trainer=None, protocol=None, **model):
        sizes = {"latent_dim": 4, **model}
        return RunOptions.from_run(
            dataset,
            MTS3(2, 1, (5,), **sizes),
            trainer or WorldModelTrainer(),
            protocol or EvaluationProtocol(horizon=9),
        )

    return of


def test_what_was_stored_is_the_same(make):
    options = make()
    stored = RunOptions.from_json(json.loads(json.dumps(options.to_json())))
    assert stored == options
    assert options.differences(stored) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"latent_dim": 5}, ["model.latent_dim was 4, now 5"]),
        ({"trainer": WorldModelTrainer(max_seconds=9.0)}, ["training.max_seconds was None, now 9.0"]),
        ({"trainer": WorldModelTrainer(split_seed=1)}, ["data.split_seed was 0, now 1"]),
        ({"protocol": EvaluationProtocol(horizon=8)}, ["evaluation.horizon was 9, now 8"]),
        # The seed is in the file's name; the others change nothing but what is shown and how fast.
        ({"trainer": WorldModelTrainer(seed=7, progress=False, loggers=())}, []),
        ({"protocol": EvaluationProtocol(horizon=9, batch_size=1)}, []),
    ],
)
def test_differences_are_told_in_words(make, change, found):
    assert make(**change).differences(make()) == found


def test_an_option_that_is_new_counts_as_its_default(make):
    older = make().to_json()
    del older["model"]["aggregation"], older["training"]["truncation"]
    assert make().differences(RunOptions.from_json(older)) == []
    now = make(trainer=WorldModelTrainer(truncation=5), aggregation="window")
    assert now.differences(RunOptions.from_json(older)) == [
        "model.aggregation was causal, now window",
        "training.truncation was None, now 5",
    ]


def test_the_updates_of_earlier_results_are_known_by_their_former_name(make):
    older = make().to_json()
    older["training"]["max_steps"] = older["training"].pop("max_updates")
    assert make().differences(RunOptions.from_json(older)) == []
    assert make(trainer=WorldModelTrainer(max_updates=7)).differences(RunOptions.from_json(older)) == [
        "training.max_updates was 3000, now 7"
    ]


def test_an_option_that_is_gone_is_told(make):
    older = make()
    older = replace(older, model={**older.model, "colour": "red"})
    assert make().differences(older) == ["model.colour was red, now gone"]


def test_conflicts_are_about_what_both_have(make):
    one, other = make(), make(latent_dim=5)
    del other.model["aggregation"]
    assert one.conflicts(other, ["model", "data"]) == ["model.latent_dim is 4 and 5"]
    assert one.conflicts(other, ["data"]) == []
