"""Real moments, and what the model knew there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from imagined_worlds import PERIOD

from mbrl_mts3.data import OfflineDataset
from mbrl_mts3.envs.world_model import StartStates
from mbrl_mts3.envs.world_model.start_states import choose_steps
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError
from mbrl_mts3.training import Checkpoint

CONTEXT = 2 * PERIOD + 2


def test_every_moment_with_a_whole_context_is_there_once(cheetah: Checkpoint, cheetah_data: OfflineDataset) -> None:
    bank = StartStates.from_episodes(cheetah.physical_model(), cheetah_data.episodes, context=CONTEXT)
    expected = np.concatenate([episode.observations[CONTEXT:-1] for episode in cheetah_data.episodes])
    np.testing.assert_array_equal(bank.observation.numpy(), expected)


def test_beliefs_are_those_of_a_model_that_watched_the_context(
    cheetah: Checkpoint, cheetah_data: OfflineDataset
) -> None:
    model, episode = cheetah.physical_model(), cheetah_data.episodes[1]
    bank = StartStates.from_episodes(model, [episode], context=CONTEXT)
    seen, done = torch.tensor(episode.observations), torch.tensor(episode.actions)
    with torch.no_grad():
        for row in (0, 7):
            belief = model.initial_belief(1)
            for t in range(CONTEXT + 1):
                belief = model.observe(belief, seen[None, row + t], done[None, row + t - 1] if t else None)
            plan = torch.zeros(1, 8, 6)
            watched, banked = model.imagine(belief, plan), model.imagine(bank.belief[row : row + 1], plan)
            torch.testing.assert_close(banked.mean, watched.mean, atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(banked.variance, watched.variance, atol=1e-4, rtol=1e-4)


def test_beginnings_are_first_observations(cheetah: Checkpoint, cheetah_data: OfflineDataset) -> None:
    bank = StartStates.from_episodes(
        cheetah.physical_model(), cheetah_data.episodes, context=CONTEXT, starts="beginning"
    )
    expected = np.stack([episode.observations[0] for episode in cheetah_data.episodes])
    np.testing.assert_array_equal(bank.observation.numpy(), expected)


def test_a_small_bank_is_a_seeded_choice_without_repetition(cheetah: Checkpoint, cheetah_data: OfflineDataset) -> None:
    def chosen(seed: int) -> list[list[float]]:
        model = cheetah.physical_model()
        bank = StartStates.from_episodes(model, cheetah_data.episodes, context=0, size=20, seed=seed)
        found: list[list[float]] = bank.observation.tolist()
        return found

    assert len({tuple(row) for row in chosen(0)}) == 20
    assert chosen(0) == chosen(0)
    assert chosen(0) != chosen(1)


def test_draws_come_from_the_bank_and_reach_all_of_it(cheetah: Checkpoint, cheetah_data: OfflineDataset) -> None:
    bank = StartStates.from_episodes(cheetah.physical_model(), cheetah_data.episodes, context=0, size=5)
    sampled = bank.sample(200, torch.Generator().manual_seed(0))
    assert sampled.size == 200
    assert {tuple(row) for row in sampled.observation.tolist()} == {tuple(row) for row in bank.observation.tolist()}


def test_moments_have_the_steps_before_and_after_them_that_are_asked_for(cheetah_data: OfflineDataset) -> None:
    lengths = [len(episode) for episode in cheetah_data.episodes]
    chosen = choose_steps(cheetah_data.episodes, 4, 1000, 0, following=7)
    assert chosen == [(place, t) for place, length in enumerate(lengths) for t in range(4, length - 7 + 1)]
    some = choose_steps(cheetah_data.episodes, 4, 10, 0, following=7)
    assert len(set(some)) == 10
    assert set(some) < set(chosen)
    with pytest.raises(EpisodeTooShortError, match=r"30 steps and 11 steps after it needs an episode of at least 41"):
        choose_steps(cheetah_data.episodes, 30, 10, 0, following=11)


def test_what_cannot_be_is_refused(cheetah: Checkpoint, cheetah_data: OfflineDataset) -> None:
    model, episodes = cheetah.physical_model(), cheetah_data.episodes
    with pytest.raises(EpisodeTooShortError, match="at least 41, the longest of 3 has 40"):
        StartStates.from_episodes(model, episodes, context=40)
    with pytest.raises(ConfigurationError, match="anywhere, beginning"):
        StartStates.from_episodes(model, episodes, context=1, starts="end")
    with pytest.raises(ConfigurationError, match="num_start_states"):
        StartStates.from_episodes(model, episodes, context=1, size=0)
