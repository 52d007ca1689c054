"""Small real runs of every command: data of half cheetah, a small model and policy, and the words that use them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from forked_commands import run_forked
from gymnasium import spaces

from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.formats.minari_writer import MinariWriter
from mbrl_mts3.envs import make_environment

DATA = "tests/cheetah-v0"
MODEL = [
    *("model=mts3", "model.latent_dim=4", "model.time_scales=[5]", "model.encoder_hidden=[8]"),
    *(f"model.{name}_hidden=[8]" for name in ("window", "action", "control", "decoder")),
]
TRAINING = [
    *("training.length=20", "training.validation_length=20", "training.validation_context=10"),
    *("training.batch_size=8", "training.validation_windows=8", "training.validation_interval=4"),
    *("training.split_fractions=[0.6,0.2,0.2]", "training.mask_period=5"),
    *("training.accelerator=cpu", "training.progress=false", "training.loggers=[csv]"),
]
OF_DATA = ["data=minari", f"data.dataset_id={DATA}"]
OFFLINE = ["batch_size=32", "save_interval=40", "evaluation.interval=40"]
EXPERIMENT = """
# @package _global_
title: Small
stages:
  data:
    command: collect
    options: [environment=half_cheetah, behaviour=random, steps=1500, max_episode_steps=60, progress=false,
      dataset_id=tests/experiment-v0]
  act:
    command: rollout
    options: [environment=half_cheetah, agent=random, real.episodes=8, max_episode_steps=400]
"""
COMMANDS: dict[str, list[str]] = {
    "train": [*OF_DATA, *MODEL, *TRAINING, "training.max_updates=24"],
    "benchmark": [
        *(*OF_DATA, *MODEL, *TRAINING, "training.seed=0,1,2", "training.max_updates=8", "results=results"),
        *("evaluation.context=10", "evaluation.max_windows=20", "evaluation.sliding_window=5", "evaluation.horizon=10"),
    ],
    "collect": [
        *("environment=half_cheetah", "behaviour=random", "steps=3000", "max_episode_steps=60", "overwrite=true"),
        "dataset_id=tests/collected-v0",
    ],
    "convert": [f"dataset_id={DATA}", "to=out.hdf5", "overwrite=true"],
    "offline": [*OF_DATA, "steps=400", *OFFLINE],
    "imagine": [
        *("checkpoint={model}", "uncertainty.kind=none", "uncertainty.penalty=0", "rounds=8", "steps_per_round=4"),
        *("branches=20", "branch_length=2", "num_start_states=50", "context=10", "imitation_steps=5", "critic_steps=5"),
        *("save_interval=1", "policy.batch_size=16"),
        *("policy.policy_kwargs.net_arch.pi=[16]", "policy.policy_kwargs.net_arch.qf=[16]"),
    ],
    "plan": [
        *("checkpoint={model}", "task=half_cheetah", "episodes=2", "max_episode_steps=12", "planner.horizon=5"),
        *("planner.candidates=16", "planner.elites=4", "planner.iterations=2", "num_envs=2", "record=true"),
    ],
    "rollout": [
        *("environment=half_cheetah", "agent=sb3", "agent.path={policy}", "checkpoint={model}", "real.episodes=4"),
        *("imagined.episodes=8", "max_episode_steps=60", "record=true"),
    ],
    "evaluate": ["checkpoint={model}", "context=10", "horizon=20", "imputation_rate=0.5"],
    "evaluate_policies": [
        *("checkpoint={model}", "policies=[{policy}]", "random=true", "imagined.episodes=8", "real.episodes=4"),
        "max_episode_steps=60",
    ],
    "calibrate": ["checkpoint={copy}", "context=10", "horizon=20"],
    "inspect_latents": ["checkpoint={model}"],
    "audit": ["checkpoint={model}", "context=10", "horizons=[1,5,15]", "split=all"],
    "export": ["checkpoint={model}", "steps=5"],
    "experiment": ["--config-dir", "{own}", "experiment=small"],
    "data": ["stats", DATA],
    "diagnose": [
        *("checkpoint={model}", "policies=[{policy}]", "context=10", "horizon=10", "num_start_states=64", "split=all"),
    ],
    "report": ["{runs}/train", "{runs}/offline", "--output", "{runs}/page/report.html"],
    "list": ["{runs}"],
}
"""By command, with the names in braces for what `prepare` makes; files go to the present folder."""
WRITERS = [name for name in COMMANDS if name != "list"]
"""Those that write files."""


def write_cheetah(dataset_id: str, episodes: int = 20, steps: int = 60) -> None:
    """Random actions in half cheetah."""
    environment = make_environment("HalfCheetah-v5")
    assert isinstance(environment.action_space, spaces.Box)
    assert environment.spec is not None
    generator = np.random.default_rng(0)
    with MinariWriter(
        dataset_id, environment.observation_space, environment.action_space, env_spec=environment.spec, overwrite=True
    ) as writer:
        for seed in range(episodes):
            seen, rewards = [environment.reset(seed=seed)[0]], []
            actions = generator.uniform(-1, 1, (steps, 6)).astype(np.float32)
            for action in actions:
                observation, reward, *_ = environment.step(action)
                seen.append(observation)
                rewards.append(float(reward))
            end = np.arange(steps) == steps - 1
            writer.add(RawEpisode(np.stack(seen), actions, np.array(rewards), np.zeros(steps, bool), end))
    environment.close()


def prepare(work: Path) -> dict[str, str]:
    """Write data, and train a model and a policy; the paths that `words_of` fills in."""
    (work / "own" / "experiment").mkdir(parents=True)
    (work / "own" / "experiment" / "small.yaml").write_text(EXPERIMENT)
    write_cheetah(DATA)
    for name, words in {
        "train": [*COMMANDS["train"], "training.max_updates=4"],
        "offline": [*OF_DATA, "steps=40"],
    }.items():
        ended = run_forked(name, [*words, f"hydra.run.dir={work / name}"], work / "prepared" / name)
        assert ended.status == 0, ended.err
    return {
        "own": str(work / "own"),
        "runs": str(work),
        "model": str(work / "train" / "best"),
        "policy": str(work / "offline" / "policy.zip"),
    }


def words_of(name: str, paths: dict[str, str]) -> list[str]:
    """The words of a command."""
    return [word.format(**paths) for word in COMMANDS[name]]
