import pytest
import torch

from mbrl_mts3.data import Normalizer
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError
from mbrl_mts3.metrics import collect_slow_latents
from mbrl_mts3.models import MTS3

SMALL = dict.fromkeys(("encoder_hidden", "window_hidden", "action_hidden", "control_hidden", "decoder_hidden"), (8,))


@pytest.fixture
def normalizer() -> Normalizer:
    vectors = [[0.2, -0.3], [2.0, 0.4], [0.5, 0.0], [1.0, 3.0]]
    return Normalizer(*map(torch.tensor, vectors), torch.tensor(0.4), torch.tensor(3.0))


@pytest.fixture
def model() -> MTS3:
    return MTS3(2, 2, (3, 6), latent_dim=4, **SMALL)


@pytest.mark.parametrize(("level", "period"), [(1, 3), (2, 6), (None, 6)])
def test_they_are_the_beliefs_of_a_model_that_watches_step_by_step(world, model, normalizer, level, period) -> None:
    episodes = [world.episode(steps, seed=steps) for steps in (14, 2, 6)]
    found = collect_slow_latents(model, normalizer, episodes, level)
    expected = []
    for place in (0, 2):
        observations = normalizer.normalize_observation(torch.tensor(episodes[place].observations))
        actions = normalizer.normalize_action(torch.tensor(episodes[place].actions))
        belief = model.initial_belief(1)
        for t in range(len(actions)):
            belief = model.observe(belief, observations[t : t + 1])
            belief, _ = model.step(belief, actions[t : t + 1])
            if (t + 1) % period == 0:
                expected.append((place, t + 1, belief.levels[period // 3 - 1].state.mean[0]))
    assert found.episode.tolist() == [place for place, _, _ in expected]
    assert found.step.tolist() == [step for _, step, _ in expected]
    torch.testing.assert_close(found.mean, torch.stack([mean for _, _, mean in expected]), atol=1e-4, rtol=1e-4)
    assert not found.mean.requires_grad
    assert model.training


def test_models_without_slow_latents_are_refused(world, make_model, model, normalizer) -> None:
    episodes = [world.episode(14, seed=0)]
    with pytest.raises(ConfigurationError, match=r"LinearWorldModel.*model=mts3"):
        collect_slow_latents(make_model(), normalizer, episodes)
    with pytest.raises(ConfigurationError, match=r"time_scales=\(\).*at least one slow level"):
        collect_slow_latents(MTS3(2, 2, (), latent_dim=4, **SMALL), normalizer, episodes)
    for level in (0, 3):
        with pytest.raises(ConfigurationError, match=f"1 to 2.*level={level}"):
            collect_slow_latents(model, normalizer, episodes, level)


def test_episodes_without_a_whole_cell_are_refused(world, model, normalizer) -> None:
    with pytest.raises(EpisodeTooShortError, match="cells of 6 steps"):
        collect_slow_latents(model, normalizer, [world.episode(5, seed=0)])
