"""The launchers of clusters that configs/hydra/launcher brings compose to what their plugins take."""

from pathlib import Path

import pytest
from hydra import compose, initialize
from hydra.utils import instantiate
from omegaconf import DictConfig

LAUNCHERS = Path(__file__).parents[2] / "configs" / "hydra" / "launcher"
PLUGINS = {"slurm": "hydra_plugins.hydra_submitit_launcher", "ray_cluster": "hydra_plugins.hydra_ray_launcher"}


def launcher(name: str, *words: str) -> DictConfig:
    pytest.importorskip(f"{PLUGINS[name]}", reason=f"the plugin of hydra/launcher={name} is an extra")
    with initialize(version_base="1.3", config_path="pkg://mbrl_mts3.configs"):
        composed = compose("benchmark", [f"hydra/launcher={name}", *words], return_hydra_config=True)
    config: DictConfig = composed.hydra.launcher
    return config


def test_each_has_a_plugin() -> None:
    assert {path.stem for path in LAUNCHERS.glob("*.yaml")} == set(PLUGINS)


def test_slurm() -> None:
    asked_for = ("partition=gpu", "gpus_per_node=1", "submitit_folder=jobs")
    config = launcher("slurm", *(f"hydra.launcher.{word}" for word in asked_for))
    made = instantiate(config)
    assert type(made).__name__ == "SlurmLauncher"
    asked = {"tasks_per_node": 1, "cpus_per_task": 1, "mem_gb": 8, "partition": "gpu", "gpus_per_node": 1}
    assert asked.items() <= made.params.items()


def test_ray() -> None:
    config = launcher("ray_cluster", "hydra.launcher.ray.init.address=null")
    assert config.ray == {"init": {"address": None}, "remote": {"num_cpus": 1}}
    assert config._target_.endswith("RayLauncher")
