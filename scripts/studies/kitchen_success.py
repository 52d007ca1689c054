"""How often the scripted kitchen demonstrations succeed: one table in Markdown.

    python scripts/studies/kitchen_success.py                          each task alone, then the presets, 50 seeds each
    python scripts/studies/kitchen_success.py --only microwave partial --seeds 10

A task counts once the environment pays for it within its own 280 steps; an episode of a preset counts once it paid for
every task that the behaviour set out to do. Intervals are Wilson's, 95%.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from mbrl_mts3.agents.behaviour.kitchen import KITCHEN_PLANS, KitchenDemonstration
from mbrl_mts3.envs import make_environment
from mbrl_mts3.metrics import wilson_interval

CONFIGS = Path(__file__).parents[2] / "configs"
COMPLETE = ["microwave", "kettle", "light switch", "slide cabinet"]
PRESETS = {"complete": COMPLETE, "noisy": COMPLETE, "partial": list(KITCHEN_PLANS), "mixed": list(KITCHEN_PLANS)}


def preset(name: str) -> Callable[[Any], KitchenDemonstration]:
    """The behaviour that `mts3-collect behaviour=kitchen_<name>` uses."""
    with initialize_config_dir(str(CONFIGS.absolute()), version_base="1.3"):
        return instantiate(compose("collect", [f"behaviour=kitchen_{name}"]).behaviour)


def run(name: str, seeds: int, limit: int) -> str:
    """One row of the table."""
    tasks = PRESETS.get(name, [name])
    environment = make_environment(
        "FrankaKitchen-v1", tasks_to_complete=tasks, max_episode_steps=limit, terminate_on_tasks_completed=False
    )
    behaviour = preset(name)(environment) if name in PRESETS else KitchenDemonstration(environment)
    episodes = [episode(environment, behaviour, seed) for seed in range(seeds)]
    environment.close()
    steps = [taken for taken, _ in episodes if taken is not None]
    done, set_out = sum(solved for _, solved in episodes), seeds * len(behaviour.episode_tasks)
    low, high = wilson_interval(len(steps), seeds)
    return (
        f"| {name} | {len(steps)}/{seeds} | {100 * low:.0f}-{100 * high:.0f}% "
        f"| {done}/{set_out} | {median(steps) if steps else float('nan'):.0f} | {max(steps, default=0)} |"
    )


def episode(environment: Any, behaviour: KitchenDemonstration, seed: int) -> tuple[int | None, int]:
    """Steps until the last task was paid for, None if one was not, and how many were."""
    observation, _ = environment.reset(seed=seed)
    behaviour.reset(seed)
    missing, step, truncated = set(behaviour.episode_tasks), 0, False
    while missing and not truncated:
        observation, _, _, truncated, info = environment.step(behaviour(observation))
        missing -= set(info["step_task_completions"])
        step += 1
        if behaviour.over:
            break
    return (None if missing else step), len(behaviour.episode_tasks) - len(missing)


def main() -> None:
    """Print the table, row by row."""
    rows = [*KITCHEN_PLANS, *PRESETS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--steps", type=int, default=280, help="where episodes are truncated")
    parser.add_argument("--only", nargs="+", choices=rows, default=rows)
    options = parser.parse_args()
    print("| | episodes | 95% interval | tasks | median steps | most steps |\n|---|---|---|---|---|---|")
    for name in options.only:
        print(run(name, options.seeds, options.steps), flush=True)


if __name__ == "__main__":
    main()
