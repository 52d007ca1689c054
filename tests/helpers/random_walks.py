"""Minari data sets of random walks, and untrained models of them, for tests of commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.data import Normalizer, load_minari, split_episodes
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.formats.minari_writer import MinariWriter
from mbrl_mts3.models import MTS3
from mbrl_mts3.training import Checkpoint

OWN = "mine/own-v0"
FRACTIONS, SEED = (0.6, 0.2, 0.2), 3
HIDDEN = ("encoder_hidden", "window_hidden", "action_hidden", "control_hidden", "decoder_hidden")


def write_walks(
    dataset_id: str,
    *,
    dim: int = 3,
    bound: float = 1.0,
    lengths: tuple[int, ...] = (40,) * 20,
    seed: int = 0,
    goal: bool = False,
) -> None:
    """One episode per entry of `lengths`; with `goal` observations are a Dict with a goal that changes half way."""
    generator = np.random.default_rng(seed)
    space: spaces.Space[Any] = spaces.Box(-np.inf, np.inf, (dim,), np.float64)
    if goal:
        space = spaces.Dict({"observation": space, "desired_goal": spaces.Box(-9, 9, (2,), np.float64)})
    actions = spaces.Box(-bound, bound, (2,), np.float32)
    with MinariWriter(dataset_id, space, actions, overwrite=True) as writer:
        for number, steps in enumerate(lengths):
            end = np.arange(steps) == steps - 1
            walk = generator.normal(size=(steps + 1, dim)).cumsum(0)
            action = generator.uniform(-bound, bound, (steps, 2)).astype(np.float32)
            late = np.arange(steps + 1) > steps // 2
            goals = np.stack([late * 2.0, np.full(steps + 1, 0.1 * number)], axis=1)
            observed = {"observation": walk, "desired_goal": goals} if goal else walk
            writer.add(RawEpisode(observed, action, walk[1:, 0], np.zeros(steps, bool), end))


def untrained(dataset_id: str, **options: Any) -> Checkpoint:
    """A small two-level MTS3 of two of the observations, split in its own way."""
    dataset = load_minari(dataset_id, ["observation/2", "observation/0"])
    train = split_episodes(dataset.episodes, FRACTIONS, SEED).train
    return Checkpoint(
        model=MTS3(2, 2, **{"time_scales": (5,), "latent_dim": 4, **dict.fromkeys(HIDDEN, (8,)), **options}),
        normalizer=Normalizer.fit(train),
        selector=dataset.selector,
        observation_space=dataset.observation_space,
        action_space=dataset.action_space,
        dataset_id=dataset_id,
        content_hash=dataset.content_hash,
        split_seed=SEED,
        split_fractions=FRACTIONS,
    )


def save_untrained(folder: Path, dataset_id: str, **options: Any) -> Path:
    """The folder of that checkpoint."""
    return untrained(dataset_id, **options).save_pretrained(folder)
