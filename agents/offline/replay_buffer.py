"""A data set as a replay buffer of Stable-Baselines3."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer

from mbrl_mts3.agents.transitions import Transitions, scale_actions
from mbrl_mts3.data.dataset import OfflineDataset
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.world_model.raw_observations import RawObservationBuilder
from mbrl_mts3.errors import DataError, SpaceMismatchError


def build_replay_buffer(dataset: OfflineDataset, device: torch.device | str = "cpu") -> ReplayBuffer:
    """All transitions of a data set as a replay buffer, float32, actions in the [-1, 1] of the policies.

    Each o_{t+1} is that of its own episode. Only terminations end a return: where an episode was truncated, or where
    the data stop, its value goes on with o_{t+1}, the last one included.

    Args:
        dataset: with all entries of the observations (observation="everything"), since policies act on raw ones.
        device: where samples go.

    Raises:
        SpaceMismatchError: some entries of the observation are left out.
        DataError: spaces that Stable-Baselines3 has no policies for.
    """
    space = find_policy_space(dataset)
    episodes = dataset.episodes
    layout = RawObservationBuilder(dataset.observation_space, dataset.selector, {})
    terminated = np.concatenate([episode.terminations for episode in episodes])
    return Transitions(
        observations=_raw(layout, np.concatenate([episode.observations[:-1] for episode in episodes])),
        actions=scale_actions(np.concatenate([episode.actions for episode in episodes]), dataset.action_space),
        rewards=np.concatenate([episode.rewards for episode in episodes]),
        next_observations=_raw(layout, np.concatenate([episode.observations[1:] for episode in episodes])),
        terminated=terminated,
        truncated=np.zeros_like(terminated),
    ).as_buffer(space, dataset.action_space, device)


def _raw(layout: RawObservationBuilder, observations: np.ndarray) -> Any:
    """Selected observations (N, obs) as the environment shows them."""
    raw = layout(torch.from_numpy(observations), {})
    return {key: part.numpy() for key, part in raw.items()} if isinstance(raw, dict) else raw.numpy()


def find_policy_space(dataset: OfflineDataset) -> spaces.Space[Any]:
    """The raw space with float32 throughout, found fit for a policy.

    Raises:
        SpaceMismatchError, DataError: as `build_replay_buffer` does.
    """
    space, bounds = dataset.observation_space, dataset.action_space
    parts = list(space.spaces.values()) if isinstance(space, spaces.Dict) else [space]
    if not all(isinstance(part, spaces.Box) and len(part.shape) == 1 for part in parts):
        raise DataError(
            f"{dataset.dataset_id} has observations {space}: Stable-Baselines3 has policies for a Box of one dimension "
            "or for a Dict of such, not for Dicts in Dicts: show them as one array (flat_observations=true)"
        )
    entries = sum(int(part.shape[0]) for part in parts if part.shape)
    if dataset.selector.dim != entries:
        raise SpaceMismatchError(
            f"a policy acts on whole observations; of {dataset.dataset_id} were loaded {dataset.selector.dim} of "
            f"{entries} entries: load it with data.observation=everything"
        )
    if not (np.isfinite(bounds.low).all() and np.isfinite(bounds.high).all()):
        raise DataError(f"{dataset.dataset_id} has actions without bounds, {bounds}: policies need finite ones")
    if isinstance(space, spaces.Dict):
        return spaces.Dict({key: _float32(part) for key, part in space.spaces.items()})
    return _float32(space)


def flatten_dataset(dataset: OfflineDataset) -> OfflineDataset:
    """The data set with each observation as one array, as `gymnasium.wrappers.FlattenObservation` shows it.

    Raises:
        SpaceMismatchError: some entries of the observation are left out.
    """
    flat = spaces.flatten_space(dataset.observation_space)
    if flat.shape != (dataset.selector.dim,):
        raise SpaceMismatchError(
            f"a policy acts on whole observations; of {dataset.dataset_id} were loaded {dataset.selector.dim} of "
            f"{flat.shape} entries: load it with data.observation=everything"
        )
    return replace(dataset, observation_space=flat, selector=ObservationSelector.from_space(flat))


def _float32(box: Any) -> spaces.Box:
    return spaces.Box(box.low.astype(np.float32), box.high.astype(np.float32), dtype=np.float32)
