"""Learned world models as Gymnasium environments."""

from mbrl_mts3.envs.world_model.dynamics import WorldModelDynamics
from mbrl_mts3.envs.world_model.environments import ImaginedEpisodes, WorldModelEnv, WorldModelVectorEnv
from mbrl_mts3.envs.world_model.loading import load_dynamics, make_world_model, make_world_model_vector
from mbrl_mts3.envs.world_model.simulator_dynamics import SimulatorDynamics
from mbrl_mts3.envs.world_model.start_states import StartStates
from mbrl_mts3.envs.world_model.state import ImaginedState, ImaginedStepResult
from mbrl_mts3.envs.world_model.uncertainty import Uncertainty

__all__ = [
    "ImaginedEpisodes",
    "ImaginedState",
    "ImaginedStepResult",
    "SimulatorDynamics",
    "StartStates",
    "Uncertainty",
    "WorldModelDynamics",
    "WorldModelEnv",
    "WorldModelVectorEnv",
    "load_dynamics",
    "make_world_model",
    "make_world_model_vector",
]
