from pathlib import Path
from typing import Any

import minari
import numpy as np
import pytest
import torch
from stable_baselines3 import SAC

from mbrl_mts3.agents.behaviour import SB3Behaviour
from mbrl_mts3.agents.collection.collector import collect_dataset
from mbrl_mts3.agents.collection.sac_collector import train_sac
from mbrl_mts3.errors import ConfigurationError, DataError

TINY: dict[str, Any] = {
    "learning_starts": 40,
    "batch_size": 16,
    "policy_kwargs": {"net_arch": [8]},
    "device": "cpu",
    "progress": False,
    "max_episode_steps": 25,
}


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    return tmp_path / "minari"


@pytest.mark.parametrize("id", ["HalfCheetah-v5", "PointMaze_UMaze-v3"])
def test_replay_and_policy_are_kept(tmp_path: Path, id: str) -> None:
    path = tmp_path / "deep" / "policy.zip"
    summary = train_sac(id, 60, "mine/replay-v0", policy_path=path, seed=1, **TINY)
    assert (summary.steps, summary.episodes) == (60, 3)
    dataset = minari.load_dataset("mine/replay-v0")
    assert [len(episode) for episode in dataset] == [25, 25, 10]
    assert [file.name for file in path.parent.iterdir()] == ["policy.zip"]
    assert (
        collect_dataset(
            id,
            lambda environment: SB3Behaviour(environment, path),
            30,
            "mine/policy-v0",
            max_episode_steps=25,
            progress=False,
        ).steps
        == 30
    )


def test_the_replay_is_what_the_replay_buffer_saw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SB3's own buffer is the oracle; both must hold the same transitions in the same order."""
    models: list[SAC] = []
    save = SAC.save

    def keep(model: SAC, *arguments: Any) -> None:
        models.append(model)
        save(model, *arguments)

    monkeypatch.setattr(SAC, "save", keep)
    train_sac("HalfCheetah-v5", 60, "mine/replay-v0", policy_path=tmp_path / "policy.zip", **TINY)
    buffer = models[0].replay_buffer
    episodes = list(minari.load_dataset("mine/replay-v0"))
    stored = {
        "observations": np.concatenate([episode.observations[:-1] for episode in episodes]),
        "next_observations": np.concatenate([episode.observations[1:] for episode in episodes]),
        "actions": np.concatenate([episode.actions for episode in episodes]),
        "rewards": np.concatenate([episode.rewards for episode in episodes]),
    }
    for name, rows in stored.items():
        seen = getattr(buffer, name)[:60, 0]
        np.testing.assert_allclose(rows, seen, rtol=1e-5, atol=1e-6)


def test_policies_on_the_way_are_kept_as_they_were(tmp_path: Path) -> None:
    train_sac("HalfCheetah-v5", 60, "a-v0", policy_path=tmp_path / "a.zip", save_interval=25, seed=4, **TINY)
    train_sac("HalfCheetah-v5", 25, "b-v0", policy_path=tmp_path / "b.zip", seed=4, **TINY)
    assert {file.name for file in tmp_path.glob("a*.zip")} == {"a.zip", "a_25.zip", "a_50.zip"}
    (early, last, alone) = (SAC.load(tmp_path / name).actor.state_dict() for name in ("a_25.zip", "a.zip", "b.zip"))
    assert all(torch.equal(value, alone[name]) for name, value in early.items())
    assert not all(torch.equal(value, last[name]) for name, value in early.items())
    (tmp_path / "a.zip").unlink()
    with pytest.raises(ConfigurationError, match=r"a_50.zip.* is there already"):
        train_sac("HalfCheetah-v5", 60, "c-v0", policy_path=tmp_path / "a.zip", save_interval=50, **TINY)
    with pytest.raises(ConfigurationError, match="save_interval=0"):
        train_sac("HalfCheetah-v5", 60, "c-v0", policy_path=tmp_path / "c.zip", save_interval=0, **TINY)


def test_equal_seeds_give_equal_replays(tmp_path: Path) -> None:
    for name in "ab":
        train_sac("HalfCheetah-v5", 50, f"{name}-v0", policy_path=tmp_path / f"{name}.zip", seed=4, **TINY)
    one, other = (list(minari.load_dataset(f"{name}-v0")) for name in "ab")
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first.observations, second.observations)


def test_a_taken_policy_path_or_id_is_refused_before_training(tmp_path: Path) -> None:
    path = tmp_path / "policy.zip"
    path.write_text("precious")

    def no_environment(**_: Any) -> Any:
        pytest.fail("made the environment")

    with pytest.raises(ConfigurationError, match="is there already"):
        train_sac(no_environment, 50, "mine/replay-v0", policy_path=path, **TINY)
    assert path.read_text() == "precious"
    train_sac("HalfCheetah-v5", 10, "mine/replay-v0", policy_path=path, overwrite=True, **TINY)
    with pytest.raises(DataError, match="is there already"):
        train_sac(no_environment, 50, "mine/replay-v0", policy_path=tmp_path / "other.zip", **TINY)


def test_a_failed_training_leaves_nothing(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(model: SAC, *_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SAC, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_sac("HalfCheetah-v5", 30, "mine/replay-v0", policy_path=tmp_path / "policies" / "policy.zip", **TINY)
    assert not list(root.iterdir())
    assert not list((tmp_path / "policies").iterdir())
