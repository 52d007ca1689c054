"""Every experiment that comes along runs from the data to its page, on a small scale."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mbrl_mts3.agents.behaviour import RandomBehaviour
from mbrl_mts3.agents.collection import collect_dataset
from mbrl_mts3.scripts.experiment import main

CONFIGS = Path(__file__).parents[3] / "configs" / "experiment"
SMALL = {
    "demo": ["steps=6000", "horizon=60", "episodes=2", "plan_horizon=8", "candidates=64", "updates=20"],
    "point_maze_large_shaped": ["steps=3000", "updates=2", "episodes=1"],
    "half_cheetah_replay_family": ["updates=2", "each.model=[mts3_deep,gru_deep]", "each.seed=[0]"],
    "half_cheetah_noisy_imagine": [
        *("steps=4000", "updates=2", "rounds=1", "steps_per_round=2", "imitation_steps=2", "critic_steps=2"),
        *("offline_updates=2", "episodes=1", "each.seed=[0,1]"),
    ],
    "half_cheetah_medium_replay_imagine": [
        *("dataset_id=mbrl-mts3/half_cheetah/sac-replay-v0", "td3_bc_updates=2", "mts3_updates=2", "pets_updates=2"),
        *("iql_updates=2", "rounds=1", "steps_per_round=2", "episodes=1", "each.seed=[0,1]"),
    ],
    "kitchen_complete_prediction": ["steps=2500", "updates=2"],
    "missing_sensors": [
        *("dataset_id=mbrl-mts3/half_cheetah/sac-replay-v0", "maze_steps=8000", "maze_updates=2", "td3_bc_updates=2"),
        *("half_cheetah_updates=2", "episodes=1", "maze_episode_steps=5", "max_episode_steps=5", "each.rate=[0.5]"),
    ],
    "skid_steer_goal": [
        *("steps=15000", "updates=2", "episodes=1", "ablation_episodes=1", "max_episode_steps=5"),
    ],
    # Data in which some observation lies in the goal.
    **{
        f"point_maze_{maze}_sparse": [f"steps={steps}", "updates=2", "episodes=1"]
        for maze, steps in (("umaze", 8000), ("medium", 40000), ("large", 80000))
    },
    **{
        f"{name}_plan": [
            *steps,
            "updates=2",
            "cloning_updates=2",
            "td3_bc_updates=2",
            "episodes=1",
            "max_episode_steps=5",
        ]
        for name, steps in (
            ("half_cheetah_medium", ["steps=4000"]),
            ("half_cheetah_medium_replay", ["dataset_id=mbrl-mts3/half_cheetah/sac-replay-v0"]),
            ("kitchen_complete", ["steps=2500"]),
        )
    },
    **{
        f"{data}/family": [*steps, "updates=2", "each.model=[mts3_deep,gru_deep]", "each.seed=[0]"]
        for data, steps in (
            ("mobile_robot", ["steps=15000"]),
            ("maze2d", ["steps=6000"]),
            ("franka_kitchen", ["steps=4000"]),
            ("half_cheetah", []),
        )
    },
}


def test_none_is_left_out() -> None:
    assert set(SMALL) == {path.relative_to(CONFIGS).with_suffix("").as_posix() for path in CONFIGS.glob("**/*.yaml")}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_it_runs_to_its_page(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    if (
        name in ("half_cheetah_replay_family", "half_cheetah/family")
        or name == "missing_sensors"
        or "medium_replay" in name
    ):
        # In place of hours of SAC: the experiment takes the data that is there.
        collect_dataset("HalfCheetah-v5", RandomBehaviour, 6000, "mbrl-mts3/half_cheetah/sac-replay-v0", progress=False)
    monkeypatch.setattr(sys, "argv", ["mts3-experiment", f"experiment={name}", *SMALL[name]])
    main()
    folder = tmp_path / "runs" / "experiments" / name
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["finished"]
    assert summary["rows"] or summary["predictions"]
    assert (folder / "report.html").read_text().count("<table") >= 2
    assert all(Path(stage["folder"]).is_dir() for stage in summary["stages"])
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["mts3-experiment", f"experiment={name}", *SMALL[name]])
    main()
    assert capsys.readouterr().out.count("there already") == len(summary["stages"])
