"""Learned world models as environments."""

from mbrl_mts3.envs.world_model.dynamics import WorldModelDynamics
from mbrl_mts3.envs.world_model.imagined_batch import ImaginedBatch
from mbrl_mts3.envs.world_model.imagined_outcome import ImaginedOutcome
from mbrl_mts3.envs.world_model.imagined_state import ImaginedState
from mbrl_mts3.envs.world_model.load_dynamics import load_dynamics
from mbrl_mts3.envs.world_model.make_world_model import make_world_model, make_world_models
from mbrl_mts3.envs.world_model.start_bank import StartBank
from mbrl_mts3.envs.world_model.uncertainty import Uncertainty
from mbrl_mts3.envs.world_model.world_model_env import WorldModelEnv
from mbrl_mts3.envs.world_model.world_model_vector_env import WorldModelVectorEnv

__all__ = [
    "ImaginedBatch",
    "ImaginedOutcome",
    "ImaginedState",
    "StartBank",
    "Uncertainty",
    "WorldModelDynamics",
    "WorldModelEnv",
    "WorldModelVectorEnv",
    "load_dynamics",
    "make_world_model",
    "make_world_models",
]
