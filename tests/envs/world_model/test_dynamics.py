"""The stateless core, held against the model that it is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from imagined_worlds import checkpoint_of, checkpoint_with, dataset_of
from torch import Tensor

from mbrl_mts3.data import OfflineDataset
from mbrl_mts3.envs.tasks import HalfCheetahTask, LearnedRewardTask
from mbrl_mts3.envs.world_model import ImaginedState, WorldModelDynamics, load_dynamics
from mbrl_mts3.errors import (
    CausalityError,
    ConfigurationError,
    NonFiniteError,
    SpaceMismatchError,
    UnknownObservationError,
)
from mbrl_mts3.models import (
    GRU,
    MTS3,
    AutoregressiveTransformer,
    Ensemble,
    HiPRSSM,
    ProbabilisticMLP,
    Recalibration,
    WorldModel,
)
from mbrl_mts3.models.wrappers.recalibration import RecalibratedBelief
from mbrl_mts3.training import Checkpoint

Load = Callable[..., WorldModelDynamics]


def actions(count: int, steps: int, size: int = 6) -> Tensor:
    return torch.rand(count, steps, size, generator=torch.Generator().manual_seed(1)) * 2 - 1


def roll(dynamics: WorldModelDynamics, state: ImaginedState, plan: Tensor, seed: int = 0) -> list[ImaginedState]:
    generator, states = torch.Generator().manual_seed(seed), [state]
    with torch.no_grad():
        for action in plan.unbind(1):
            states.append(dynamics.transition(states[-1], action, generator))
    return states


def test_sampled_steps_are_the_model_s(load_cheetah: Load, cheetah: Checkpoint) -> None:
    dynamics, plan = load_cheetah(), actions(3, 12)
    start = dynamics.initial(3, torch.Generator().manual_seed(5))
    states = roll(dynamics, start, plan)
    model, generator = cheetah.physical_model(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        state = start.model
        for t, imagined in enumerate(states[1:]):
            state, step = model.sample_step(state, plan[:, t], generator)
            torch.testing.assert_close(imagined.observation, step.observation)
            torch.testing.assert_close(imagined.predicted_reward, step.prediction.reward_mean)
    assert states[-1].steps.tolist() == [12, 12, 12]


def test_without_chance_it_is_the_open_loop(load_cheetah: Load, cheetah: Checkpoint) -> None:
    dynamics, plan = load_cheetah(deterministic=True), actions(3, 12)
    start = dynamics.initial(3, torch.Generator().manual_seed(5))
    states = roll(dynamics, start, plan)
    with torch.no_grad():
        future = cheetah.physical_model().imagine(start.model, plan)
    seen = torch.stack([state.observation for state in states[1:]], dim=1)
    torch.testing.assert_close(seen, future.mean, atol=1e-4, rtol=1e-4)


def test_equal_seeds_equal_episodes(load_cheetah: Load) -> None:
    dynamics, plan = load_cheetah(), actions(2, 5)
    start = dynamics.initial(2, torch.Generator().manual_seed(5))
    again = dynamics.initial(2, torch.Generator().manual_seed(5))
    assert torch.equal(start.observation, again.observation)
    ends = [roll(dynamics, start, plan, seed)[-1].observation for seed in (0, 0, 1)]
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])


def test_states_can_be_taken_apart_and_joined(load_cheetah: Load) -> None:
    """Without chance each episode goes its own way, wherever it stands in a batch and whatever its age."""
    dynamics, plan = load_cheetah(deterministic=True), actions(3, 9)
    start = dynamics.initial(3, torch.Generator().manual_seed(5))
    states = roll(dynamics, start, plan)
    mixed = states[4].put(torch.tensor([1]), start[2:])
    plans = torch.stack([plan[0, 4:], plan[2, :5], plan[2, 4:]])
    after = roll(dynamics, mixed, plans)[-1]
    for row, expected in ((0, states[9][:1]), (1, states[5][2:]), (2, states[9][2:])):
        torch.testing.assert_close(after.observation[row], expected.observation[0], atol=1e-5, rtol=1e-5)


SMALL_MODELS: dict[str, Callable[[], WorldModel]] = {
    "GRU": lambda: GRU(17, 6, width=8, decoder_hidden=(16,)),
    "Transformer": lambda: AutoregressiveTransformer(
        17, 6, width=8, layers=2, heads=2, feedforward=16, context=6, decoder_hidden=(16,)
    ),
    "ProbabilisticMLP": lambda: ProbabilisticMLP(17, 6, hidden=(16,)),
    "HiPRSSM": lambda: HiPRSSM(17, 6, context=8, latent_dim=4, encoder_hidden=(16,), decoder_hidden=(16,)),
    "Ensemble": lambda: Ensemble(17, 6, "GRU", 2, {"width": 8, "decoder_hidden": (16,)}),
}


@pytest.mark.parametrize("name", SMALL_MODELS)
@pytest.mark.parametrize("deterministic", [True, False], ids=["means", "draws"])
def test_any_causal_model_will_do(cheetah_data: OfflineDataset, name: str, deterministic: bool) -> None:
    """Episodes of different ages in one batch, too."""
    torch.manual_seed(0)
    checkpoint = checkpoint_with(SMALL_MODELS[name](), cheetah_data)
    uncertainty = "epistemic" if name == "Ensemble" else "aleatoric"
    dynamics = load_dynamics(
        checkpoint, cheetah_data, context=10, num_start_states=5, uncertainty=uncertainty, deterministic=deterministic
    )
    plan = actions(3, 9)
    start = dynamics.initial(3, torch.Generator().manual_seed(5))
    states = roll(dynamics, start, plan)
    mixed = states[4].put(torch.tensor([1]), start[2:])
    after = roll(dynamics, mixed, torch.stack([plan[0, 4:], plan[2, :5], plan[2, 4:]]))
    assert all((state.uncertainty > 0).all() for state in after[1:])
    assert all(torch.isfinite(state.observation).all() for state in after)
    if deterministic:
        for row, expected in ((0, states[9][:1]), (1, states[5][2:]), (2, states[9][2:])):
            torch.testing.assert_close(after[-1].observation[row], expected.observation[0], atol=1e-4, rtol=1e-4)


def test_rewards_are_the_task_s(load_cheetah: Load) -> None:
    dynamics, plan = load_cheetah(), actions(3, 1)
    before, after = roll(dynamics, dynamics.initial(3), plan)
    expected = after.observation[:, 8] - 0.1 * plan[:, 0].square().sum(-1)
    torch.testing.assert_close(dynamics.reward(before, plan[:, 0], after), expected)
    assert not dynamics.terminal(after).any()
    assert dynamics.success(after) is None


def test_or_those_of_the_reward_head(load_cheetah: Load) -> None:
    dynamics, plan = load_cheetah(task=LearnedRewardTask()), actions(3, 1)
    before, after = roll(dynamics, dynamics.initial(3), plan)
    assert torch.equal(dynamics.reward(before, plan[:, 0], after), after.predicted_reward)


def test_actions_beyond_the_box_are_clipped(load_cheetah: Load) -> None:
    dynamics, plan = load_cheetah(), actions(3, 1) * 4
    start = dynamics.initial(3)
    wild, tame = (roll(dynamics, start, chosen)[-1] for chosen in (plan, plan.clamp(-1, 1)))
    assert torch.equal(wild.observation, tame.observation)
    rewards = [dynamics.reward(start, chosen[:, 0], tame) for chosen in (plan, plan.clamp(-1, 1))]
    assert torch.equal(*rewards)


def test_uncertainty_adds_up_costs_and_ends(load_cheetah: Load) -> None:
    free, plan = load_cheetah(uncertainty="aleatoric"), actions(3, 4)
    dear = load_cheetah(uncertainty="aleatoric", uncertainty_penalty=2.0)
    start = free.initial(3, torch.Generator().manual_seed(5))
    states = roll(free, start, plan)
    each = torch.stack([state.uncertainty for state in states])
    assert (each[1:] > 0).all()
    torch.testing.assert_close(states[-1].total_uncertainty, each.sum(0))
    before, after = states[-2:]
    torch.testing.assert_close(dear.penalty(after), 2 * after.uncertainty)
    assert not free.penalty(after).any()
    assert torch.equal(free.reward(before, plan[:, 3], after), dear.reward(before, plan[:, 3], after))
    budget = float(each[:3].sum(0).max())
    poor = load_cheetah(uncertainty="aleatoric", uncertainty_budget=budget)
    ended = [bool(poor.budget_exceeded(state).any()) for state in states]
    assert ended == [False, False, False, True, True]


def test_the_time_limit_is_the_environment_s_unless_said_otherwise(load_cheetah: Load) -> None:
    limits = [load_cheetah(**options).max_episode_steps for options in ({}, {"max_episode_steps": 3})]
    assert limits == [1000, 3]
    dynamics = load_cheetah(max_episode_steps=2)
    states = roll(dynamics, dynamics.initial(2), actions(2, 2))
    assert [dynamics.time_limit_reached(state).tolist() for state in states] == [[False] * 2, [False] * 2, [True] * 2]


def test_goals_are_those_of_the_maze_and_stay(load_maze: Load) -> None:
    dynamics = load_maze()
    states = roll(dynamics, dynamics.initial(40, torch.Generator().manual_seed(0)), actions(40, 3, 2))
    goal = states[0].goal
    assert goal is not None
    assert torch.equal(states[-1].goal, goal)
    apart = (goal - states[0].observation[:, :2]).square().sum(-1).sqrt()
    assert (apart > 0.5).all()
    shown = dynamics.observation_arrays(states[-1])
    assert shown.keys() == dynamics.observation_space.keys()
    np.testing.assert_array_equal(shown["desired_goal"], goal.numpy())
    np.testing.assert_allclose(shown["achieved_goal"], states[-1].observation[:, :2].numpy())


@pytest.mark.parametrize("continuing", [True, False])
def test_reaching_the_goal_pays_and_ends_the_episode_if_the_environment_says_so(
    load_maze: Load, continuing: bool
) -> None:
    dynamics = load_maze(environment_options={"continuing_task": continuing})
    state = dynamics.initial(2)
    assert state.goal is not None
    there = replace(state, observation=torch.cat([state.goal, torch.zeros(2, 2)], dim=-1))
    assert dynamics.reward(state, torch.zeros(2, 2), there).tolist() == [1.0, 1.0]
    assert dynamics.reward(state, torch.zeros(2, 2), state).tolist() == [0.0, 0.0]
    success = dynamics.success(there)
    assert success is not None
    assert success.all()
    assert dynamics.terminal(there).tolist() == [not continuing] * 2
    assert not dynamics.terminal(state).any()


def test_goals_are_renewed_where_the_environment_renews_them(load_maze: Load) -> None:
    dynamics = load_maze(environment_options={"reset_target": True})
    state = dynamics.initial(2)
    assert state.goal is not None
    there = replace(state, observation=torch.stack([torch.cat([state.goal[0], torch.zeros(2)]), state.observation[1]]))
    after = roll(dynamics, there, actions(2, 1, 2))[-1]
    assert after.goal is not None
    assert (after.goal[0] - state.goal[0]).norm() > 0.1
    assert torch.equal(after.goal[1], state.goal[1])


def test_the_termination_head_ends_what_the_task_leaves_to_it(cheetah_data: OfflineDataset) -> None:
    checkpoint = checkpoint_of(cheetah_data, predict_termination=True)
    torch.nn.init.constant_(checkpoint.model.readout.decoder.mean[-1].bias, 20.0)
    for task, ends in ((LearnedRewardTask(), True), (HalfCheetahTask(), False)):
        dynamics = load_dynamics(checkpoint, cheetah_data, task, context=0)
        start, after = roll(dynamics, dynamics.initial(2), actions(2, 1))
        assert dynamics.terminal(after).tolist() == [ends, ends]
        assert not dynamics.terminal(start).any()


def test_only_what_the_model_sees_can_be_shown_too(cheetah_data: OfflineDataset) -> None:
    chosen = ["v_rootx", "rootz"]
    names, columns = cheetah_data.observation_names, [8, 0]
    assert [names[column] for column in columns] == chosen
    data = dataset_of("HalfCheetah-v5", chosen)
    checkpoint = checkpoint_of(data)
    with pytest.raises(SpaceMismatchError, match="observation='selected'"):
        load_dynamics(checkpoint, data, context=0)
    dynamics = load_dynamics(checkpoint, data, context=0, observation="selected")
    assert dynamics.observation_space == data.selector.space
    assert dynamics.observation_arrays(dynamics.initial(2))[0] in dynamics.observation_space


@pytest.fixture(scope="module")
def corrected(cheetah: Checkpoint) -> Checkpoint:
    """With factors that differ by horizon and dimension."""
    generator = torch.Generator().manual_seed(0)
    factors = Recalibration(torch.rand(5, 17, generator=generator) * 10 + 0.1, torch.ones(5))
    return replace(cheetah, recalibration=factors)


@pytest.mark.parametrize("deterministic", [True, False], ids=["means", "draws"])
def test_calibrated_uncertainty(corrected: Checkpoint, cheetah_data: OfflineDataset, deterministic: bool) -> None:
    """Of means that of the recalibrated model's open loop; of draws that of one step after an observation."""
    options = {"context": 10, "num_start_states": 5, "deterministic": deterministic}
    dynamics = load_dynamics(corrected, cheetah_data, uncertainty="calibrated", **options)
    plan, start = actions(3, 8), dynamics.initial(3, torch.Generator().manual_seed(5))
    states = roll(dynamics, start, plan)
    found = torch.stack([state.uncertainty for state in states[1:]], dim=1)
    scale, generator = corrected.normalizer.observation_scale, torch.Generator().manual_seed(0)
    with torch.no_grad():
        if deterministic:
            belief = RecalibratedBelief(start.model, torch.zeros(3, dtype=torch.int64))
            variance = corrected.physical_model(recalibrated=True).imagine(belief, plan).variance
        else:
            model, steps, known = corrected.physical_model(), [], start.model
            for action in plan.unbind(1):
                known, step = model.sample_step(known, action, generator)
                steps.append(step.prediction.variance * corrected.recalibration.observation[0])
            variance = torch.stack(steps, dim=1)
    torch.testing.assert_close(found, (variance.sqrt() / scale).mean(-1), rtol=1e-4, atol=1e-5)
    # What is imagined is the same, and so are the means.
    free = load_dynamics(corrected, cheetah_data, uncertainty="aleatoric", **options)
    torch.testing.assert_close(roll(free, start, plan)[-1].observation, states[-1].observation)


def test_episodes_of_different_ages_have_factors_of_their_own(
    corrected: Checkpoint, cheetah_data: OfflineDataset
) -> None:
    dynamics = load_dynamics(
        corrected, cheetah_data, context=10, num_start_states=5, uncertainty="calibrated", deterministic=True
    )
    plan, start = actions(2, 4), dynamics.initial(2, torch.Generator().manual_seed(5))
    states = roll(dynamics, start, plan)
    mixed = states[3].put(torch.tensor([1]), start[1:])
    after = roll(dynamics, mixed, torch.stack([plan[0, 3:], plan[1, :1]]))[-1]
    torch.testing.assert_close(after.uncertainty, torch.stack([states[4].uncertainty[0], states[1].uncertainty[1]]))


def test_what_does_not_fit_is_found_before_the_first_episode(
    load_cheetah: Load, cheetah: Checkpoint, cheetah_data: OfflineDataset
) -> None:
    with pytest.raises(ConfigurationError, match="needs an ensemble"):
        load_cheetah(uncertainty="epistemic")
    with pytest.raises(ConfigurationError, match="mts3-calibrate"):
        load_cheetah(uncertainty="calibrated")
    with pytest.raises(ConfigurationError, match="max_episode_steps=0"):
        load_cheetah(max_episode_steps=0)
    silent = checkpoint_of(cheetah_data, predict_reward=False)
    with pytest.raises(ConfigurationError, match="no reward head"):
        load_dynamics(silent, cheetah_data, LearnedRewardTask(), context=0)
    load_dynamics(silent, cheetah_data, context=0)
    acausal = checkpoint_of(cheetah_data, aggregation="window")
    with pytest.raises(CausalityError, match="causal"):
        load_dynamics(acausal, cheetah_data, context=0)
    other = checkpoint_with(MTS3(17, 5, (5,)), cheetah_data)
    with pytest.raises(SpaceMismatchError, match="actions of size 5"):
        load_dynamics(other, cheetah_data, context=0)


def test_a_model_that_does_not_see_the_reward_is_refused() -> None:
    data = dataset_of("HalfCheetah-v5", "positions")
    with pytest.raises(UnknownObservationError, match="v_rootx"):
        load_dynamics(checkpoint_of(data), data, context=0, observation="selected")


def test_what_is_not_finite_is_an_error(load_cheetah: Load) -> None:
    dynamics = load_cheetah()
    state, plan = dynamics.initial(3), actions(3, 1)[:, 0]
    plan[1] = torch.nan
    with pytest.raises(NonFiniteError, match=r"\[1\] \(of 3\).*actions"):
        dynamics.transition(state, plan)
