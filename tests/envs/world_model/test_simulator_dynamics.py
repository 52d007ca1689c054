"""The simulator in the model's place, against episodes of the environment itself."""

import pytest
import torch
from imagined_worlds import checkpoint_of, dataset_of

from mbrl_mts3.data import OfflineDataset
from mbrl_mts3.data.observations import index_observation
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.simulator_rollouts import find_state_setter
from mbrl_mts3.envs.world_model import SimulatorDynamics, load_dynamics
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.training import Checkpoint


def load_simulator(checkpoint: Checkpoint, data: OfflineDataset) -> SimulatorDynamics:
    dynamics = load_dynamics(checkpoint, data, context=10, num_start_states=50, simulator=True)
    assert isinstance(dynamics, SimulatorDynamics)
    return dynamics


@pytest.mark.parametrize("world", ["cheetah", "maze"])
def test_each_step_is_the_environments_own(world: str, request: pytest.FixtureRequest) -> None:
    checkpoint, data = request.getfixturevalue(world), request.getfixturevalue(f"{world}_data")
    dynamics = load_simulator(checkpoint, data)
    generator = torch.Generator().manual_seed(0)
    state = dynamics.initial(3, generator)
    first = dynamics.observation_arrays(state)
    plans = torch.rand(4, 3, dynamics.action_space.shape[0], generator=generator) * 2 - 1
    states = [state]
    for plan in plans:
        states.append(dynamics.transition(states[-1], plan, generator))
    for place in range(3):
        environment = make_environment(data.env_id)
        environment.reset(seed=1)
        find_state_setter(environment)(index_observation(first, place))
        for plan, before, after in zip(plans, states, states[1:], strict=False):
            seen, reward, terminated, _, _ = environment.step(plan[place].numpy())
            # Imagined observations are in single precision, from which the next step begins.
            assert after.observation[place].numpy() == pytest.approx(dynamics.selector(seen), abs=2e-3)
            assert float(dynamics.reward(before, plan, after)[place]) == pytest.approx(float(reward), abs=2e-3)
            assert bool(dynamics.terminal(after)[place]) == terminated
        environment.close()


def test_nothing_is_uncertain_and_states_can_be_put_together(cheetah: Checkpoint, cheetah_data: OfflineDataset) -> None:
    dynamics = load_simulator(cheetah, cheetah_data)
    state = dynamics.initial(4)
    after = dynamics.transition(state, torch.zeros(4, 6))
    assert after.uncertainty.tolist() == [0.0] * 4
    mixed = after.put(torch.tensor([1, 3]), dynamics.initial(2))
    assert mixed.steps.tolist() == [1, 0, 1, 0]


def test_what_cannot_be_set_is_refused() -> None:
    data = dataset_of("Pendulum-v1")
    with pytest.raises(ConfigurationError, match="Pendulum-v1 cannot be set to a recorded state"):
        load_dynamics(checkpoint_of(data), data, context=0, num_start_states=5, simulator=True)


def test_the_same_data_serve_model_and_simulator(cheetah: Checkpoint, cheetah_data: OfflineDataset) -> None:
    """Both begin where the data were."""
    model = load_dynamics(cheetah, cheetah_data, context=10, num_start_states=50)
    starts = load_simulator(cheetah, cheetah_data).initial(5, torch.Generator().manual_seed(1))
    assert torch.equal(starts.observation, model.initial(5, torch.Generator().manual_seed(1)).observation)
