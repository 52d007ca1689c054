"""Reports, files and interruptions of offline training."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import TD3

from mbrl_mts3.agents import EvaluationResult
from mbrl_mts3.agents.offline import IQL, TD3BC, OfflineRecord, train_offline
from mbrl_mts3.errors import ConfigurationError, ResultError

LEARNER = partial(TD3BC.from_dataset, net_arch=[8])
INTERVALS = {"evaluation_interval": 10, "save_interval": 10}
OPTIONS: dict[str, Any] = {"steps": 25, "batch_size": 8, "seed": 3, **INTERVALS, "options": {"alpha": 2.5}}


@pytest.fixture
def data(data_of: Callable[..., Any]) -> Any:
    rng = np.random.default_rng(0)
    return data_of(rng.normal(size=(40, 3)), rng.uniform(-1, 1, (40, 2)), rng.normal(size=40), False)


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(TD3.load(path / "policy.zip", device="cpu").policy.state_dict())


def equal(first: Path, second: Path) -> bool:
    pairs = zip(weights(first).values(), weights(second).values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def losses(folder: Path) -> list[dict[str, Any]]:
    rows = OfflineRecord.load(folder / "offline.json").curve
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_the_record_tells_all(tmp_path: Path, data: Any) -> None:
    told: list[int] = []
    learner, record = train_offline(data, LEARNER, tmp_path, **OPTIONS, on_updates=told.append)
    assert learner.updates == sum(told) == 25
    assert [row["updates"] for row in record.curve] == [10, 20, 25]
    assert {"critic_loss", "actor_loss", "cloning_loss", "q", "seconds"} < set(record.curve[0])
    assert OfflineRecord.load(tmp_path / "offline.json") == record
    assert record.dataset_id == data.dataset_id
    assert record.content_hash == data.content_hash
    assert record.options == {"alpha": 2.5, "seed": 3, "batch_size": 8, **INTERVALS}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["offline.json", "policy.zip"]


@pytest.mark.parametrize("kind", [TD3BC, IQL])
def test_resumed_equals_uninterrupted(tmp_path: Path, data: Any, kind: Any) -> None:
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    make_learner = partial(kind.from_dataset, net_arch=[8])
    train_offline(data, make_learner, whole, **OPTIONS)

    def interrupt(row: Any) -> None:
        if row["updates"] == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_offline(data, make_learner, halves, **OPTIONS, on_report=interrupt)
    assert not equal(whole, halves)
    torch.manual_seed(99)
    told: list[int] = []
    learner, record = train_offline(data, make_learner, halves, **OPTIONS, resume=True, on_updates=told.append)
    assert told == [20, 5]
    assert equal(whole, halves)
    assert losses(whole) == losses(halves)
    assert learner.updates == 25
    assert record.seconds > record.curve[1]["seconds"]
    again, same = train_offline(data, make_learner, halves, **OPTIONS, resume=True)
    assert again.updates == 25
    assert same == record


def test_a_record_ahead_of_its_policy_is_cut(tmp_path: Path, data: Any) -> None:
    """What is left when a training is killed between the two files."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train_offline(data, LEARNER, whole, **OPTIONS)
    train_offline(data, LEARNER, killed, **{**OPTIONS, "steps": 10})
    (killed / "offline.json").write_bytes((whole / "offline.json").read_bytes())
    train_offline(data, LEARNER, killed, **OPTIONS, resume=True)
    assert equal(whole, killed)
    assert losses(whole) == losses(killed)


@pytest.mark.parametrize(("evaluation_interval", "save_interval", "killed_at"), [(10, 4, 20), (4, 10, 20), (20, 5, 15)])
def test_reports_and_savings_have_intervals_of_their_own(
    tmp_path: Path, data: Any, evaluation_interval: int, save_interval: int, killed_at: int
) -> None:
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    options = {**OPTIONS, "evaluation_interval": evaluation_interval, "save_interval": save_interval}
    _, record = train_offline(data, LEARNER, whole, **options)
    reports = [*range(evaluation_interval, 25, evaluation_interval), 25]
    assert [row["updates"] for row in record.curve] == reports

    def interrupt(count: int) -> None:
        done.append(count)
        if sum(done) > killed_at:
            raise KeyboardInterrupt

    done: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        train_offline(data, LEARNER, halves, **options, on_updates=interrupt)
    told: list[int] = []
    _, resumed = train_offline(data, LEARNER, halves, **options, resume=True, on_updates=told.append)
    assert told[0] == killed_at - killed_at % save_interval
    assert [row["updates"] for row in resumed.curve] == reports
    assert equal(whole, halves)


def test_evaluations_are_reported_and_change_nothing(tmp_path: Path, data: Any) -> None:
    def evaluate(agent: Any) -> EvaluationResult:
        agent.predict(np.zeros(3))
        torch.rand(7)
        return EvaluationResult((0, 1), np.array([1.0, 3.0]), np.array([5, 5]), None, 0.1, 0.1, 2)

    _, record = train_offline(data, LEARNER, tmp_path / "judged", **OPTIONS, evaluate=evaluate)
    train_offline(data, LEARNER, tmp_path / "unevaluated", **OPTIONS)
    assert equal(tmp_path / "judged", tmp_path / "unevaluated")
    assert [row["mean_return"] for row in record.curve] == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("option", [{"steps": 0}, {"batch_size": 0}, {"evaluation_interval": 0}, {"save_interval": 0}])
def test_nothing_to_learn_is_refused(tmp_path: Path, data: Any, option: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="at least 1"):
        train_offline(data, LEARNER, tmp_path, **{**OPTIONS, **option})


def test_what_cannot_be_resumed_is_refused_and_left_alone(tmp_path: Path, data: Any) -> None:
    go_on = partial(train_offline, data, LEARNER, tmp_path, resume=True)
    with pytest.raises(ResultError, match=r"no policy\.zip"):
        go_on(**OPTIONS)
    train_offline(data, LEARNER, tmp_path, **OPTIONS)
    stored = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ConfigurationError, match="resume"):
        train_offline(data, LEARNER, tmp_path, **OPTIONS)
    with pytest.raises(ResultError, match=r"begun with alpha=2\.5"):
        go_on(**{**OPTIONS, "options": {"alpha": 1.0}})
    with pytest.raises(ResultError, match="content_hash"):
        train_offline(replace(data, content_hash="1"), LEARNER, tmp_path, **OPTIONS, resume=True)
    with pytest.raises(ResultError, match="cannot be resumed"):
        train_offline(data, partial(TD3BC.from_dataset, net_arch=[9]), tmp_path, **OPTIONS, resume=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == stored
    (tmp_path / "policy.zip").write_bytes(b"no zip")
    with pytest.raises(ResultError, match="cannot be resumed"):
        go_on(**OPTIONS)
    (tmp_path / "offline.json").write_text("{}")
    with pytest.raises(ResultError, match="no record"):
        go_on(**OPTIONS)
