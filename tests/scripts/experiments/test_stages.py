"""What the stages of an experiment expand to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.scripts.experiments.stages import Stage, expand_stages

ROOT = Path("runs/one")
DATA = {"command": "collect", "options": ["steps=10"]}
TRAIN = {"command": "train", "options": ["model=<model>", "training.seed=<seed>"]}
EACH = {"model": ["gru", "mts3"], "seed": [0, 1]}


def names(stages: list[Stage]) -> list[str]:
    return [stage.name for stage in stages]


def test_a_stage_without_variables_is_one_run():
    assert expand_stages({"data": DATA}, EACH, ROOT) == [Stage("data", "collect", ("steps=10",), ())]


def test_an_option_that_is_null_stays_null():
    """OmegaConf resolves "${limit}" of a null to the word None."""
    plan = {"command": "plan", "options": ["max_episode_steps=None", "task=None_of_these"]}
    assert expand_stages({"plan": plan}, {}, ROOT)[0].options == ("max_episode_steps=null", "task=None_of_these")


def test_a_stage_is_run_for_each_value_that_it_names():
    stages = expand_stages({"train": TRAIN}, EACH, ROOT)
    assert names(stages) == [f"train/model_{model}/seed_{seed}" for model in ("gru", "mts3") for seed in (0, 1)]
    assert stages[1].options == ("model=gru", "training.seed=1")


def test_a_stage_follows_the_runs_that_it_refers_to():
    plan = {"command": "plan", "options": ["checkpoint=<train>/best"]}
    stages = expand_stages({"data": DATA, "train": TRAIN, "plan": plan}, EACH, ROOT)
    assert names(stages)[-1] == "plan/model_mts3/seed_1"
    assert stages[-1].options == ("checkpoint=runs/one/train/model_mts3/seed_1/best",)
    assert stages[-1].inputs == ("train/model_mts3/seed_1",)


def test_all_runs_of_a_stage_are_one_glob():
    rollout = {"command": "rollout", "options": ["agent.path=[<train:all>/policy.zip,other.zip]"]}
    (stage,) = expand_stages({"train": TRAIN, "rollout": rollout}, EACH, ROOT)[-1:]
    assert stage.name == "rollout"
    assert stage.options == ("agent.path=['runs/one/train/*/*/policy.zip',other.zip]",)
    assert len(stage.inputs) == 4


def test_a_stage_may_come_after_others_that_it_does_not_name():
    table = {"command": "benchmark", "after": ["train"], "options": ["results=<experiment>/models"]}
    stage = expand_stages({"train": TRAIN, "table": table}, EACH, ROOT)[-1]
    assert (stage.name, stage.options) == ("table", ("results=runs/one/models",))
    assert len(stage.inputs) == 4


def test_paths_that_hydra_would_cut_are_quoted():
    plan = {"command": "plan", "options": ["checkpoint=<data>/best"]}
    stage = expand_stages({"data": DATA, "plan": plan}, {}, Path("my runs/a=b"))[-1]
    assert stage.options == ("checkpoint='my runs/a=b/data/best'",)


def test_the_line_is_what_one_types():
    assert Stage("one", "evaluate_policies", ("a=1", "b=2"), ()).line == "mts3-evaluate-policies a=1 b=2"


@pytest.mark.parametrize(
    ("described", "told"),
    [
        ({"plan": {"command": "plan", "options": ["checkpoint=<train>/best"]}}, "refers to <train>"),
        ({"seed": DATA}, "rename it"),
        ({"experiment": DATA}, "rename it"),
        ({"data": {"options": ["steps=1"]}}, "expected a command"),
        ({"data": {**DATA, "option": []}}, "expected a command"),
        ({"data": "collect"}, "expected a command"),
        ({"table": {"command": "benchmark", "after": ["train"]}}, "refers to <train>"),
    ],
)
def test_what_cannot_be_meant_is_refused(described: dict[str, Any], told: str):
    with pytest.raises(ConfigurationError, match=told):
        expand_stages(described, EACH, ROOT)
