"""Options and groups that had another name before: commands refuse the old one and say the new one."""

RENAMED: dict[str, dict[str, str]] = {
    "": {
        "planners": "planner",
        "tasks": "task",
        "training.max_steps": "training.max_updates",
        "world_model": "checkpoint",
        "env_id": "environment",
        "env_options": "environment_options",
        "imputation_seed": "seed",
        "uncertainty_penalty": "uncertainty.penalty",
        "agent.uncertainty_penalty": "agent.uncertainty.penalty",
    },
    "plan": {"max_steps": "max_episode_steps", "parallel": "num_envs"},
    "rollout": {
        "parallel": "num_envs",
        "max_steps": "max_episode_steps",
        "episodes": "real.episodes",
        "imagined.seed": "seed",
        "imagined.uncertainty": "uncertainty.kind",
        "imagined.uncertainty_penalty": "uncertainty.penalty",
    },
    "evaluate_policies": {
        "parallel": "num_envs",
        "episodes": "imagined.episodes",
        "real_episodes": "real.episodes",
        "horizon": "max_episode_steps",
        "uncertainty": "uncertainty.kind",
    },
    "imagine": {
        "horizon": "branch_length",
        "beginnings.steps": "oversample_starts.steps",
        "beginnings.times": "oversample_starts.copies",
        "held_rounds": "actor_warmup_rounds",
        "kept_rounds": "replay_rounds",
        "averaged_rounds": "actor_average_rounds",
        "moving_anchor": "update_anchor",
        "start": "initial_policy",
        "bank_size": "num_start_states",
    },
    "offline": {
        "evaluation_episodes": "evaluation.episodes",
        "evaluation_seed": "evaluation.first_seed",
        "report_every": "evaluation.interval",
    },
    "experiment": {"training.max_updates": "updates", "training.max_steps": "updates"},
}
"""By command ("" for all of them), the old name and the new one, which holds for what stands below it, too."""
