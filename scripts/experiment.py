"""mts3-experiment: an experiment by name, from data to results on one page; mts3-demo is the smallest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.scripts.command_line import VERSION, command, print_version
from mbrl_mts3.scripts.command_line.console import make_console, make_table
from mbrl_mts3.scripts.experiments.demo_page import write_demo_page
from mbrl_mts3.scripts.experiments.page import agent_table, prediction_table, write_page, write_summary
from mbrl_mts3.scripts.experiments.running import StageResult, datasets_in, run_stages
from mbrl_mts3.scripts.experiments.stages import expand_stages

PAGES = ("experiment", "demo")


@command("experiment")
def main(config: DictConfig) -> None:
    """Run the stages that are missing, and write summary and page."""
    console = make_console()
    settings = HydraConfig.get()
    folder, name = Path(settings.runtime.output_dir), str(settings.runtime.choices["experiment"])
    if config.page not in PAGES:
        raise ConfigurationError(f"page={config.page}: expected one of {', '.join(PAGES)}")
    stages = expand_stages(_plain(config.stages), _plain(config.each), folder)
    results: list[StageResult] = []
    with datasets_in(None if config.datasets is None else folder / config.datasets):
        for result in run_stages(stages, folder, overwrite=config.overwrite, console=console):
            results.append(result)
            summary = write_summary(folder, name, config.title, len(stages), results)
        if config.page == "demo":
            more = write_demo_page(folder, results)
            summary = write_summary(folder, name, config.title, len(stages), results, **more)
            page = folder / "report.html"
        else:
            page = write_page(folder, config.title, config.description, results)
    for title, (header, rows) in {
        "agents": agent_table(summary["rows"]),
        "open-loop prediction: NRMSE by steps ahead": prediction_table(summary["predictions"], "nrmse"),
    }.items():
        if rows:
            console.print(make_table(header, rows, title, left=2))
    seconds = sum(stage["seconds"] for stage in summary["stages"])
    console.print(f"{seconds:.0f} s in all; numbers: {folder / 'summary.json'}; report: {page}", soft_wrap=True)


def demo() -> None:
    """mts3-demo: the experiment `demo`, in a folder of its own."""
    if VERSION in sys.argv[1:]:
        print_version("demo")
        return
    sys.argv[1:1] = ["experiment=demo", "hydra.run.dir=runs/demo"]
    main()


def _plain(node: DictConfig) -> dict[str, Any]:
    plain: Any = OmegaConf.to_container(node, resolve=True)
    return dict(plain)


if __name__ == "__main__":
    main()
