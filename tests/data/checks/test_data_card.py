"""Cards of random walks against numbers computed here."""

import json
from pathlib import Path

import numpy as np
import pytest
from planted_faults import in_episode, planted, written
from random_walks import write_walks

from mbrl_mts3.data import load_minari
from mbrl_mts3.data.checks.data_card import DataCard
from mbrl_mts3.data.formats.loading import stream_dataset
from mbrl_mts3.errors import DataError

pytestmark = pytest.mark.usefixtures("minari_root")


def test_it_tells_what_numpy_tells(minari_root: Path) -> None:
    write_walks("mine/walk-v0", lengths=(30, 50, 20), goal=True)
    dataset = load_minari("mine/walk-v0")
    card = json.loads(json.dumps(DataCard.from_dataset(stream_dataset("mine/walk-v0")).to_json(), allow_nan=False))
    assert (card["dataset_id"], card["content_hash"]) == ("mine/walk-v0", dataset.content_hash)
    assert (card["episodes"], card["total_steps"], card["truncated_episodes"]) == (3, 100, 3)
    returns = [episode.rewards.sum(dtype=np.float64) for episode in dataset.episodes]
    assert card["returns"]["mean"] == pytest.approx(np.mean(returns), rel=1e-5)
    assert card["returns"]["quantiles"]["0.5"] == pytest.approx(np.median(returns), rel=1e-5)
    assert card["lengths"]["quantiles"] == pytest.approx(
        {"0": 20, "0.05": 21, "0.25": 25, "0.5": 30, "0.75": 40, "0.95": 48, "1": 50}
    )
    rows = np.concatenate([episode.observations for episode in dataset.episodes])
    columns = card["observations"]["observation"]
    assert [column["name"] for column in columns] == list(dataset.observation_names)
    np.testing.assert_allclose([column["sd"] for column in columns], rows.std(0), rtol=1e-5)
    assert [column["max"] for column in columns] == pytest.approx(rows.max(0).tolist())
    assert card["metadata"]["author"] == ["mbrl_mts3"]
    assert card["observation_space"]["type"] == "Dict"


def test_actions_on_their_bounds_are_counted() -> None:
    write_walks("mine/walk-v0", lengths=(50, 50))
    dataset = planted(
        stream_dataset("mine/walk-v0"), in_episode(1, lambda e: {"actions": written(e.actions, (slice(20), 1), -1.0)})
    )
    card = DataCard.from_dataset(dataset).to_json()
    assert [column["at_bounds"] for column in card["actions"]] == [0.0, 0.2]


def test_numbers_that_are_not_finite_stay_out_of_the_json() -> None:
    write_walks("mine/walk-v0", lengths=(50, 50))
    dataset = planted(
        stream_dataset("mine/walk-v0"), in_episode(1, lambda e: {"rewards": written(e.rewards, 3, np.nan)})
    )
    card = DataCard.from_dataset(dataset)
    assert json.loads(json.dumps(card.to_json(), allow_nan=False))["returns"]["mean"] is None
    assert card.to_json()["non_finite_rows"]["rewards"] == 1
    assert [finding.name for finding in card.errors] == ["non-finite rewards"]


def test_an_empty_data_set_is_refused() -> None:
    write_walks("mine/walk-v0", lengths=(5,))
    with pytest.raises(DataError, match="no episode"):
        DataCard.from_dataset(planted(stream_dataset("mine/walk-v0"), lambda episodes: []))
