"""One number for what a data set holds."""

from __future__ import annotations

import hashlib

import numpy as np

from mbrl_mts3.data.observation_leaves import observation_leaves
from mbrl_mts3.data.raw_episode import RawEpisode


def new_digest() -> hashlib.blake2b:
    """The hash that content hashes are made with."""
    return hashlib.blake2b(digest_size=16)


def add_to_digest(digest: hashlib.blake2b, episode: RawEpisode) -> None:
    """Take an episode's stored arrays in, infos aside: equal data give equal hashes, whoever wrote them when."""
    observations = (leaf for _, leaf in observation_leaves(episode.observations))
    for array in (*observations, episode.actions, episode.rewards, episode.terminations, episode.truncations):
        digest.update(np.ascontiguousarray(array).tobytes())


def episode_hash(episode: RawEpisode) -> str:
    """Of one episode alone."""
    digest = new_digest()
    add_to_digest(digest, episode)
    return digest.hexdigest()
