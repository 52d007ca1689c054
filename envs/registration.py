"""Registration of this package's environments with Gymnasium."""

from __future__ import annotations

import gymnasium

WORLD_MODEL_ID = "mbrl_mts3/WorldModel-v0"
SKID_STEER_ID = "mbrl_mts3/SkidSteer-v0"
HIDDEN_HALF_CHEETAH_ID = "mbrl_mts3/HalfCheetahHidden-v0"


def register_world_model() -> None:
    """Register `WORLD_MODEL_ID` for `gymnasium.make` and `make_vec`; nothing is loaded before they are called."""
    if WORLD_MODEL_ID not in gymnasium.registry:
        gymnasium.register(
            WORLD_MODEL_ID,
            entry_point="mbrl_mts3.envs.world_model:make_world_model",
            vector_entry_point="mbrl_mts3.envs.world_model:make_world_model_vector",
        )


def register_skid_steer() -> None:
    """Register `SKID_STEER_ID` for `gymnasium.make`; nothing is loaded before it is called."""
    if SKID_STEER_ID not in gymnasium.registry:
        gymnasium.register(
            SKID_STEER_ID, entry_point="mbrl_mts3.envs.mobile_robot:SkidSteerEnv", max_episode_steps=1000
        )


def register_hidden_half_cheetah() -> None:
    """Register `HIDDEN_HALF_CHEETAH_ID` for `gymnasium.make`; nothing is loaded before it is called."""
    if HIDDEN_HALF_CHEETAH_ID not in gymnasium.registry:
        gymnasium.register(
            HIDDEN_HALF_CHEETAH_ID,
            entry_point="mbrl_mts3.envs.hidden_dynamics:make_hidden_half_cheetah",
            max_episode_steps=1000,
        )
