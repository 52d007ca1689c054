"""mts3-evaluate-policies from the command line to its figure, with an untrained model of real data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bad_input import BadInput, bad_input
from imagined_worlds import checkpoint_of
from stable_baselines3 import SAC

from mbrl_mts3.agents.behaviour import RandomBehaviour
from mbrl_mts3.agents.collection.collector import collect_dataset
from mbrl_mts3.agents.policy_files import save_policy
from mbrl_mts3.data import load_minari
from mbrl_mts3.envs import make_environment
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics import PolicyRanking

Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A data set, a model of it and two policies."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(folder / "minari"))
        collect_dataset("HalfCheetah-v5", RandomBehaviour, 60, "mine/random-v0", max_episode_steps=20, progress=False)
        checkpoint_of(load_minari("mine/random-v0")).save_pretrained(folder / "checkpoint")
        environment = make_environment("HalfCheetah-v5")
        for seed in (1, 2):
            options: dict[str, Any] = {"policy_kwargs": {"net_arch": [4]}, "buffer_size": 1, "seed": seed}
            save_policy(SAC("MlpPolicy", environment, device="cpu", **options), folder / f"policy_{seed}.zip")
        environment.close()
        yield folder


@pytest.fixture
def run(command: Callable[..., Run], folder: Path) -> Run:
    words = [f"checkpoint={folder / 'checkpoint'}", f"policies=[{folder / 'policy_*.zip'}]", "imagined.episodes=6"]
    return command("evaluate_policies", "policies.json", *words, "environment_options={max_episode_steps: 30}")


def test_policies_are_valued_and_ranked(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    written = run("max_episode_steps=12", "real.episodes=2", "random=true", "noise={policy_1: 0.3}")
    rows = {row["policy"]: row for row in written["policies"]}
    assert list(rows) == ["policy_1", "policy_2", "policy_1+noise", "random"]
    assert all(len(row["imagined_returns"]) == 6 for row in rows.values())
    assert all(len(row["real_returns"]) == 2 for row in rows.values())
    for kind, name in (("same steps", "value"), ("whole episodes", "whole_value")):
        expected = PolicyRanking.from_values(
            [row["estimate"] for row in rows.values()], [row[name] for row in rows.values()]
        )
        assert written["rankings"][kind] == pytest.approx(expected.to_json())
    assert written["content_hash"] == load_minari("mine/random-v0").content_hash
    assert (tmp_path / "run" / "policies.png").stat().st_size > 10_000
    printed = capsys.readouterr().out
    for words in ("Spearman", "regret@1", "policy_1+noise", "whole episodes"):
        assert words in printed


def test_real_returns_are_those_of_the_policy_file(run: Run, folder: Path) -> None:
    written = run("max_episode_steps=5", "real.episodes=1", "first_seed=3")
    policy, environment = SAC.load(folder / "policy_1.zip"), make_environment("HalfCheetah-v5")
    observation, _ = environment.reset(seed=3)
    rewards = []
    for _ in range(5):
        observation, reward, *_ = environment.step(policy.predict(observation, deterministic=True)[0])
        rewards.append(float(reward))
    environment.close()
    assert written["policies"][0]["real_returns"] == pytest.approx([sum(rewards)], rel=1e-5)


def test_without_real_episodes_there_are_estimates_only(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    written = run("max_episode_steps=5")
    assert written["rankings"] == {}
    assert written["policies"][0]["value"] is None
    assert not (tmp_path / "run" / "policies.png").exists()
    assert "real return" not in capsys.readouterr().out


CHANGES = (
    "discount=0.5",
    "deterministic=true",
    "seed=4",
    "starts=anywhere",
    "task=learned_reward",
    "uncertainty.kind=aleatoric uncertainty.penalty=1",
)


def test_options_reach_the_estimate(run: Run) -> None:
    plain = run("max_episode_steps=5", "context=5")["policies"][0]["imagined_returns"]
    for change in CHANGES:
        changed = run("max_episode_steps=5", "context=5", *change.split())["policies"][0]["imagined_returns"]
        assert not np.allclose(plain, changed), change


@bad_input(
    (["policies=[nowhere.zip]"], "no policy file matches"),
    (["policies=[]"], "no policy"),
    (["real.episodes=-1"], "real.episodes=-1: expected a whole number, at least 0"),
    (["imagined.episodes=0"], "imagined.episodes >= 1"),
    (["noise={other: 1}"], "noise for other"),
    (["uncertainty.kind=epistemic"], "needs an ensemble"),
    (["starts=end"], "unknown starts"),
)
def test_bad_input_is_refused(tmp_path: Path, run: Run, refused: Callable[..., str], case: BadInput) -> None:
    refused(run, "max_episode_steps=5", *case.words, error=ConfigurationError, message=case.message)
    assert not (tmp_path / "run" / "policies.json").exists()
