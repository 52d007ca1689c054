"""Several data sets read as one: which episodes, which id and hash, which split, and what cannot be joined."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from random_walks import write_walks

from mbrl_mts3.data import OfflineDataset, join_datasets, load_dataset, load_minari, split_episodes
from mbrl_mts3.data.episode import JoinedEpisodes
from mbrl_mts3.errors import ConfigurationError, DataError, SpaceMismatchError, UnknownObservationError
from mbrl_mts3.models import GRU
from mbrl_mts3.training import (
    Checkpoint,
    WorldModelTrainer,
    checkpoint_dataset,
    checkpoint_episodes,
    checkpoint_splits,
    has_changed,
)

A, B, BOTH = "mine/a-v0", "mine/b-v0", "mine/a-v0 + mine/b-v0"


@pytest.fixture(autouse=True)
def _two_data_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    write_walks(A, lengths=(30,) * 10, seed=1)
    write_walks(B, lengths=(20,) * 5, seed=2)


def rows(dataset: OfflineDataset) -> np.ndarray:
    return np.concatenate([episode.observations for episode in dataset.episodes])


@pytest.mark.parametrize("load", [load_minari, load_dataset])
@pytest.mark.parametrize("ids", [[A, B], (A, B), BOTH, [BOTH]], ids=["list", "tuple", "text", "list of text"])
def test_all_episodes_come_in_order(load: object, ids: object) -> None:
    joined = load(ids, ["observation/1"])  # type: ignore[operator]
    alone = [load_minari(one, ["observation/1"]) for one in (A, B)]
    assert joined.dataset_id == BOTH
    np.testing.assert_array_equal(rows(joined), np.concatenate([rows(one) for one in alone]))
    assert [episode.episode_id for episode in joined.episodes] == list(range(15))
    assert joined.notes[:2] == (f"{A}: 10 episodes, 300 steps.", f"{B}: 5 episodes, 100 steps.")


def test_the_hash_is_of_all_and_of_their_order() -> None:
    hashes = {load_dataset(ids).content_hash for ids in (A, B, [A, B], [B, A])}
    assert len(hashes) == 4
    assert load_dataset(BOTH).content_hash == load_dataset([A, B]).content_hash
    before = load_dataset(BOTH).content_hash
    write_walks(B, lengths=(20,) * 5, seed=3)
    assert load_dataset(BOTH).content_hash != before


def test_each_is_split_as_it_is_alone() -> None:
    joined = split_episodes(load_dataset(BOTH).episodes, (0.6, 0.2, 0.2), 5)
    alone = [split_episodes(load_dataset(one).episodes, (0.6, 0.2, 0.2), 5) for one in (A, B)]
    for part in ("train", "validation", "test"):
        expected = [episode.observations for one in alone for episode in getattr(one, part)]
        found = [episode.observations for episode in getattr(joined, part)]
        assert len(found) == len(expected)
        assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


def test_a_data_set_that_is_too_short_to_be_split_is_told() -> None:
    short = JoinedEpisodes.from_parts([load_dataset(A).episodes, load_dataset(B).episodes[:2]])
    with pytest.raises(DataError, match="at least 3 episodes, got 2"):
        split_episodes(short)


def test_a_model_of_several_is_judged_on_what_it_has_not_seen(tmp_path: Path) -> None:
    trainer = WorldModelTrainer(
        length=10, batch_size=4, max_updates=1, validation_length=10, validation_context=4, loggers=None,
        progress=False, accelerator="cpu", split_fractions=(0.6, 0.2, 0.2),
    )  # fmt: skip
    trainer.fit(load_dataset([A, B]), partial(GRU, width=4, decoder_hidden=(4,)), tmp_path / "run")
    checkpoint = Checkpoint.from_pretrained(tmp_path / "run" / "best")
    again = checkpoint_dataset(checkpoint)
    assert again.dataset_id == checkpoint.dataset_id == BOTH
    assert not has_changed(checkpoint, again)
    seen = {episode.observations.tobytes() for episode in checkpoint_splits(checkpoint, again).train}
    # Of one of them alone, the episodes that were held out.
    split, test = checkpoint_episodes(checkpoint, checkpoint_dataset(checkpoint, A))
    assert (split, len(test)) == ("test", 2)
    assert not seen & {episode.observations.tobytes() for episode in test}
    # Of another data set, all.
    write_walks("mine/c-v0", lengths=(30,) * 4, seed=4)
    split, episodes = checkpoint_episodes(checkpoint, checkpoint_dataset(checkpoint, "mine/c-v0"))
    assert (split, len(episodes)) == ("all", 4)


def test_other_spaces_are_refused_with_both() -> None:
    write_walks("mine/wide-v0", dim=5)
    with pytest.raises(SpaceMismatchError) as error:
        load_dataset([A, "mine/wide-v0"])
    assert f"{A} and mine/wide-v0 cannot be joined" in str(error.value)
    assert "3 selected entries (observation/0, observation/1, observation/2)" in str(error.value)
    assert "the second 5 " in str(error.value)
    write_walks("mine/strong-v0", bound=2.0)
    with pytest.raises(SpaceMismatchError, match=r"actions Box\(-1.0, 1.0, .*Box\(-2.0, 2.0"):
        load_dataset([A, "mine/strong-v0"])
    with pytest.raises(UnknownObservationError):
        load_dataset([A, "mine/wide-v0"], ["observation/4"])


@pytest.mark.parametrize("ids", [[], [A, A], f"{A} + {A}", [BOTH, B]])
def test_no_id_and_one_twice_are_refused(ids: object) -> None:
    with pytest.raises(ConfigurationError, match="different data sets"):
        load_minari(ids)  # type: ignore[arg-type]


def test_several_stay_in_memory() -> None:
    with pytest.raises(ConfigurationError, match="memory_map=true"):
        load_dataset(BOTH, memory_map=True)
    with pytest.raises(DataError, match="no data set to join"):
        join_datasets([])


def test_the_environment_is_named_where_all_agree() -> None:
    first, second = load_dataset(A), load_dataset(B)
    maze = {"env_id": "PointMaze_UMaze-v3", "env_options": {"reward_type": "sparse", "continuing_task": True}}
    other = {"env_id": "PointMaze_UMaze-v3", "env_options": {"reward_type": "sparse", "continuing_task": False}}
    joined = join_datasets([replace(first, **maze), replace(second, **other)])  # type: ignore[arg-type]
    assert joined.env_id == "PointMaze_UMaze-v3"
    assert joined.env_options == {"reward_type": "sparse"}
    elsewhere = join_datasets([replace(first, **maze), replace(second, env_id="Other-v0")])  # type: ignore[arg-type]
    assert elsewhere.env_id is None
    assert "different environments (PointMaze_UMaze-v3, Other-v0)" in " ".join(elsewhere.notes)
