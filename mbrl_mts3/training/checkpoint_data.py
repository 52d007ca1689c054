"""The data set that a checkpoint was trained on, and its split."""

from __future__ import annotations

from collections.abc import Sequence

from mbrl_mts3.data.dataset import OfflineDataset
from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.formats.joined import split_ids
from mbrl_mts3.data.formats.loading import load_dataset
from mbrl_mts3.data.spaces import check_spaces_match
from mbrl_mts3.data.split import Splits, split_episodes
from mbrl_mts3.errors import ConfigurationError, SpaceMismatchError, UnknownObservationError
from mbrl_mts3.training.checkpoint import Checkpoint


def checkpoint_dataset(
    checkpoint: Checkpoint, dataset_id: str | None = None, *, download: bool = False
) -> OfflineDataset:
    """Load a data set with the observations that a checkpoint's model was trained on.

    Args:
        checkpoint: its selector and spaces decide what is loaded and what fits.
        dataset_id: see `load_dataset`; None takes the data set that the model was trained on.
        download: fetch the data set if it is not on disk.

    Raises:
        UnknownDatasetError: no such data set.
        SpaceMismatchError: the data set lacks an observation of the model, or has other spaces.
    """
    dataset_id = dataset_id or checkpoint.dataset_id
    try:
        dataset = load_dataset(dataset_id, checkpoint.selector.names, download=download)
    except UnknownObservationError as error:
        raise SpaceMismatchError(
            f"data set {dataset_id!r} lacks what the model observes: {error}. Choose a data set of the model's "
            "environment, or another checkpoint"
        ) from error
    trained = checkpoint.observation_space, checkpoint.action_space
    check_spaces_match(trained, (dataset.observation_space, dataset.action_space), dataset_id, "data set")
    return dataset


def is_own_dataset(checkpoint: Checkpoint, dataset: OfflineDataset) -> bool:
    """Whether the model was trained on a data set of that id or content, and so on its training episodes.

    Of several data sets, on either side, one that both have is enough: each is split as it is alone.
    """
    shared = set(split_ids(dataset.dataset_id)) & set(split_ids(checkpoint.dataset_id))
    return bool(shared) or dataset.content_hash == checkpoint.content_hash


def has_changed(checkpoint: Checkpoint, dataset: OfflineDataset) -> bool:
    """Whether the data set of that id held other data when the model was trained."""
    return dataset.dataset_id == checkpoint.dataset_id and dataset.content_hash != checkpoint.content_hash


def checkpoint_splits(checkpoint: Checkpoint, dataset: OfflineDataset) -> Splits:
    """The episodes of the data set, divided as they were for training."""
    return split_episodes(dataset.episodes, checkpoint.split_fractions, checkpoint.split_seed)


def checkpoint_episodes(
    checkpoint: Checkpoint, dataset: OfflineDataset, split: str | None = None
) -> tuple[str, Sequence[Episode]]:
    """The episodes of a part of the data set, and which part that is.

    Args:
        split: "train", "validation", "test" or "all"; None takes the test episodes of the data set that the model was
            trained on, all of another one.

    Raises:
        ConfigurationError: there is no such part.
    """
    split = split or ("test" if is_own_dataset(checkpoint, dataset) else "all")
    if split == "all":
        return split, dataset.episodes
    if split not in ("train", "validation", "test"):
        raise ConfigurationError(f"split={split} is unknown: choose train, validation, test or all")
    chosen: Sequence[Episode] = getattr(checkpoint_splits(checkpoint, dataset), split)
    return split, chosen
