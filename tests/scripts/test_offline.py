"""mts3-offline from the command line to the policy and its record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bad_input import BadInput, bad_input
from gymnasium.wrappers import FlattenObservation
from stable_baselines3 import TD3

from mbrl_mts3.agents.behaviour import RandomBehaviour
from mbrl_mts3.agents.collection.collector import collect_dataset
from mbrl_mts3.agents.policy_files import load_policies
from mbrl_mts3.envs import make_environment

DATA = "tests/offline-script-v0"
QUICK = [
    "data=minari",
    f"data.dataset_id={DATA}",
    "steps=6",
    "evaluation.interval=4",
    "save_interval=2",
    "batch_size=16",
]
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def maze_data(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(tmp_path_factory.mktemp("minari")))
        collect_dataset("PointMaze_UMaze-v3", RandomBehaviour, 60, DATA, progress=False)
        yield


@pytest.fixture
def run(command: Callable[..., Run], maze_data: None) -> Run:
    return command("offline", "offline.json", *QUICK)


@pytest.mark.parametrize(
    ("algorithm", "losses"),
    [
        ("td3_bc", {"critic_loss", "q", "actor_loss", "cloning_loss"}),
        ("behaviour_cloning", {"cloning_loss"}),
        ("iql", {"value_loss", "v", "critic_loss", "q", "actor_loss", "weight"}),
    ],
)
def test_it_learns_reports_and_goes_on(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], algorithm: str, losses: set[str]
) -> None:
    written = run(f"offline_algorithm={algorithm}", "evaluation.episodes=2")
    assert [row["updates"] for row in written["curve"]] == [4, 6]
    judged = {"mean_return", "return_interval", "success_rate", "episodes"}
    assert set(written["curve"][0]) == {"updates", "seconds", *losses, *judged}
    assert written["dataset_id"] == DATA
    assert len(written["content_hash"]) == 32
    assert written["options"]["algorithm"] == algorithm
    assert written["options"]["net_arch"] == [256, 256]
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("4 updates", *losses, "mean_return", "policy after 6 updates"))
    policy = TD3.load(tmp_path / "run" / "policy.zip", device="cpu")
    assert policy.predict(policy.observation_space.sample())[0].shape == (2,)
    resumed = run(f"offline_algorithm={algorithm}", f"resume={tmp_path / 'run'}", "steps=8")
    assert [row["updates"] for row in resumed["curve"]] == [4, 6, 8]
    assert resumed["curve"][:2] == written["curve"]


@bad_input(
    (["data.observation=all"], "SpaceMismatchError: a policy acts on whole observations"),
    (["resume=nowhere"], "ResultError: there is no policy.zip in 'nowhere'"),
    (["steps=0"], "ConfigurationError: expected at least 1"),
    (["offline_algorithm.alpha=-1"], "ConfigurationError: expected alpha >= 0"),
    (["offline_algorithm=iql", "offline_algorithm.expectile=1"], "ConfigurationError: expected 0 < expectile < 1"),
    (
        ["offline_algorithm=iql", "+offline_algorithm.alpha=1"],
        "offline_algorithm.alpha is no option of",
    ),
)
def test_bad_input_ends_with_one_line(tmp_path: Path, run: Run, refused: Callable[..., str], case: BadInput) -> None:
    printed = refused(run, *case.words, message=case.message)
    assert len(printed.strip().splitlines()) == 1
    assert not list((tmp_path / "run").glob("*.json"))


@pytest.mark.parametrize("algorithm", ["td3_bc", "iql"])
def test_dicts_within_dicts_are_shown_as_one_array(
    tmp_path: Path, command: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    collect_dataset("FrankaKitchen-v1", RandomBehaviour, 30, "tests/kitchen-v0", max_episode_steps=10, progress=False)
    words = ["data=minari", "data.dataset_id=tests/kitchen-v0", "steps=2", "batch_size=8", "evaluation.episodes=1"]
    learn = command("offline", "offline.json", *words, f"offline_algorithm={algorithm}")
    written = learn()
    assert written["options"]["flat_observations"] is True
    policy = TD3.load(tmp_path / "run" / "policy.zip", device="cpu")
    environment = FlattenObservation(make_environment("FrankaKitchen-v1"))
    assert policy.observation_space.shape == environment.observation_space.shape
    seen = environment.reset(seed=0)[0]
    nested = make_environment("FrankaKitchen-v1")
    (acting,) = load_policies(nested, tmp_path / "run" / "policy.zip").values()
    shown = nested.reset(seed=0)[0]
    np.testing.assert_array_equal(acting.predict(shown)[0], policy.predict(seen)[0])
    other = {key: shown[key] for key in reversed(shown)}
    np.testing.assert_array_equal(acting.predict(other)[0], policy.predict(seen)[0])
    assert written["curve"][-1]["episodes"] == 1
