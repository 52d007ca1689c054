"""mts3-collect: write a Minari data set from a real environment."""

from __future__ import annotations

from functools import partial

from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig

from mbrl_mts3.agents.collection.recording import CollectionSummary, collection_options
from mbrl_mts3.scripts.command_line import command
from mbrl_mts3.scripts.command_line.arguments import override_key
from mbrl_mts3.scripts.command_line.console import make_console, make_facts


@command("collect")
def main(config: DictConfig) -> None:
    """Make the environment, let the collector work, say what came of it."""
    options = config.environment_options
    if options is None:
        options = collection_options(config.environment.id)
    summary: CollectionSummary = instantiate(config.collector)(
        partial(instantiate, config.environment, **options),
        steps=config.steps,
        dataset_id=config.dataset_id or _default_id(config.environment.id),
        seed=config.seed,
        max_episode_steps=config.max_episode_steps,
        overwrite=config.overwrite,
        progress=config.progress,
    )
    facts = {
        "data set": summary.dataset_id,
        "episodes": f"{summary.episodes:,}",
        "steps": f"{summary.steps:,}",
        "mean return": f"{summary.mean_return:.2f}",
        "seconds": f"{summary.seconds:.1f}",
        "steps per second": f"{summary.steps / summary.seconds:,.0f}",
    }
    make_console().print(make_facts(facts))


def _default_id(env_id: str) -> str:
    """Named after the choices on the command line, and after the environment where it is another than the choice's."""
    settings = HydraConfig.get()
    choices = settings.runtime.choices
    actor = choices["behaviour"] if choices["collector"] == "roll_out" else "sac-replay"
    renamed = any(override_key(word) == "environment.id" for word in settings.overrides.task)
    place = env_id.rpartition(":")[2].replace("/", "-") if renamed else choices["environment"]
    return f"mbrl-mts3/{place}/{actor}-v0"


if __name__ == "__main__":
    main()
