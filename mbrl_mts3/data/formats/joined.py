"""Several data sets as one: for training on all of them, under an id and a hash that name each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from mbrl_mts3.data.dataset import OfflineDataset, new_digest
from mbrl_mts3.data.episode import JoinedEpisodes
from mbrl_mts3.data.spaces import same_spaces
from mbrl_mts3.errors import ConfigurationError, DataError, SpaceMismatchError
from mbrl_mts3.wording import counted

JOINT = " + "
"""Between the ids of data sets that are read as one: "mine/a-v0 + mine/b-v0"."""


def split_ids(dataset_id: str | Path | Iterable[str | Path]) -> tuple[str, ...]:
    """The single ids of a list, or of an id that names several data sets.

    Raises:
        ConfigurationError: an empty list, or an id twice: its episodes would count double, and stand in training and
            test data.
    """
    named = [dataset_id] if isinstance(dataset_id, str | Path) else list(dataset_id)
    ids = tuple(one for name in named for one in str(name).split(JOINT))
    if not ids or len(set(ids)) < len(ids):
        raise ConfigurationError(f"expected the ids of different data sets, got {list(ids)}")
    return ids


def load_joined(
    load: Callable[..., OfflineDataset], ids: Sequence[str], *, memory_map: bool | None, **options: Any
) -> OfflineDataset:
    """Load several data sets with the same options and join them.

    Args:
        load: of one data set, given its id.
        ids: see `split_ids`.
        memory_map: must not be true: episodes of several files are kept in memory.
        options: of `load`.

    Raises:
        ConfigurationError: memory_map is true.
        MTS3Error: as `load` and `join_datasets` do.
    """
    if memory_map:
        raise ConfigurationError(
            f"{len(ids)} data sets are joined in memory, and memory_map=true keeps one on the disk: leave it out "
            "(data.memory_map=null), or train on one data set"
        )
    return join_datasets([load(one, memory_map=False, **options) for one in ids])


def join_datasets(datasets: Sequence[OfflineDataset]) -> OfflineDataset:
    """One data set of the episodes of several, in their order.

    Its content hash is that of the hashes. The environment is named where all have the same one, with the options that
    all agree on.

    Raises:
        DataError: there is none.
        SpaceMismatchError: observations or actions differ; the message names two data sets and what they have.
    """
    if not datasets:
        raise DataError("there is no data set to join")
    first = datasets[0]
    for other in datasets[1:]:
        _check_equal(first, other)
    digest = new_digest()
    for dataset in datasets:
        digest.update(dataset.content_hash.encode())
    env_ids = {dataset.env_id for dataset in datasets}
    notes = [
        f"{dataset.dataset_id}: {counted(len(dataset.episodes), 'episode')}, {counted(dataset.total_steps, 'step')}."
        for dataset in datasets
    ]
    if len(env_ids) > 1:
        named = ", ".join(str(dataset.env_id) for dataset in datasets)
        notes.append(f"The data sets are of different environments ({named}): name the one to act in, environment=...")
    return OfflineDataset(
        JoinedEpisodes.from_parts([dataset.episodes for dataset in datasets]),
        JOINT.join(dataset.dataset_id for dataset in datasets),
        digest.hexdigest(),
        first.selector,
        first.observation_space,
        first.action_space,
        env_ids.pop() if len(env_ids) == 1 else None,
        (*notes, *(note for dataset in datasets for note in dataset.notes)),
        {
            name: value
            for name, value in first.env_options.items()
            if all(name in dataset.env_options and dataset.env_options[name] == value for dataset in datasets)
        },
    )


def _check_equal(first: OfflineDataset, other: OfflineDataset) -> None:
    fits = same_spaces((first.observation_space, first.action_space), (other.observation_space, other.action_space))
    if fits and first.selector.names == other.selector.names:
        return
    seen = [", ".join(dataset.selector.names) for dataset in (first, other)]
    raise SpaceMismatchError(
        f"{first.dataset_id} and {other.dataset_id} cannot be joined. The first has {first.observation_dim} selected "
        f"entries ({seen[0]}) and actions {first.action_space}; the second {other.observation_dim} ({seen[1]}) and "
        f"{other.action_space}. Train on data sets with the same observations and actions"
    )
