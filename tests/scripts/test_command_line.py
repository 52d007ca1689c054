"""What every command does at the command line: help, version, missing values, options of former names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

from mbrl_mts3.scripts.command_line.help import help_page
from mbrl_mts3.scripts.command_line.options import describe
from mbrl_mts3.scripts.command_line.renamed_options import RENAMED

CONFIGS = Path(__file__).parents[2] / "configs"
COMMANDS = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def command(name: str, *arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", [f"mts3-{name}", *arguments])
        try:
            import_module(f"mbrl_mts3.scripts.{name}").main()
        except SystemExit as error:
            return int(error.code or 0)
        return 0

    return command


@pytest.mark.parametrize("name", [*COMMANDS, "data"])
def test_the_version_is_ours(name: str, run: Run, capsys: pytest.CaptureFixture[str]):
    assert run(name, "--version") == 0
    assert capsys.readouterr().out == f"mts3-{name.replace('_', '-')} {version('mbrl_mts3')}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_line_of_help(name: str):
    own, groups = describe(name)
    lacking = {option.name for option in own if not option.told}
    for group in groups:
        assert group.choices
        for choice in group.choices:
            options, chosen = describe(name, [f"{group.name}={choice}"])
            lacking |= {option.name for option in options if not option.told}
            lacking |= {option.name for other in chosen for option in other.options if not option.told}
    assert not lacking, "say what it is for: a comment at the key in its YAML, or the argument's docstring"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_has_every_option_and_only_groups_of_the_command(
    name: str, run: Run, capsys: pytest.CaptureFixture[str]
):
    assert run(name, "--help") == 0
    page = capsys.readouterr().out
    own, groups = describe(name)
    for option in [*own, *(option for group in groups for option in group.options)]:
        assert f"  {option.name}=" in page
    named = {group.name.partition("@")[0] for group in groups}
    for folder in CONFIGS.iterdir():
        if folder.is_dir() and folder.name not in named and folder.name != "__pycache__":
            assert f"\n{folder.name}=" not in page
    assert max(map(len, page.splitlines())) <= 120


def test_the_page_follows_the_choices(run: Run, capsys: pytest.CaptureFixture[str]):
    assert run("train", "model=gru", "training=demo", "-h") == 0
    page = capsys.readouterr().out
    assert "model=gru\n" in page
    assert "model.time_scales" not in page
    assert "training.max_seconds=240" in page
    assert not list(Path().iterdir())


def test_choices_of_the_users_own_folder_are_there(run: Run, capsys: pytest.CaptureFixture[str]):
    Path("mine/model").mkdir(parents=True)
    Path("mine/model/own.yaml").write_text(
        "# Mine.\n_target_: mbrl_mts3.models.GRU\n_partial_: true\n# Wide.\nextra: 3\n"
    )
    assert run("train", "--config-dir", "mine", "model=own", "--help") == 0
    page = capsys.readouterr().out
    assert ", own, " in page.replace("\n ", "")
    assert "model.extra=3" in page
    assert "Wide." in page


@pytest.mark.parametrize(
    ("name", "missing", "example"),
    [
        ("plan", "checkpoint", "mts3-plan checkpoint=runs/train/"),
        ("imagine", "checkpoint", "mts3-imagine checkpoint=runs/train/"),
        ("convert", "dataset_id", "mts3-convert dataset_id=d4rl/"),
    ],
)
def test_a_missing_value_is_one_line_with_an_example(
    name: str, missing: str, example: str, run: Run, capsys: pytest.CaptureFixture[str]
):
    capsys.readouterr()
    assert run(name) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"ConfigurationError: {missing} is missing")
    assert example in line


@pytest.mark.parametrize(
    ("name", "argument", "told"),
    [
        ("plan", "max_steps=3", "max_steps is called max_episode_steps now: mts3-plan max_episode_steps=3"),
        ("plan", "planners.horizon=3", "mts3-plan planner.horizon=3"),
        ("plan", "tasks=half_cheetah", "mts3-plan task=half_cheetah"),
        ("train", "++training.max_steps=3", "mts3-train ++training.max_updates=3"),
        ("rollout", "tasks@agent.task=half_cheetah", "mts3-rollout task@agent.task=half_cheetah"),
        ("imagine", "beginnings.times=3", "mts3-imagine oversample_starts.copies=3"),
        ("offline", "~report_every", "mts3-offline ~evaluation.interval"),
        ("evaluate_policies", "uncertainty=aleatoric", "mts3-evaluate-policies uncertainty.kind=aleatoric"),
        ("evaluate_policies", "real_episodes=1", "mts3-evaluate-policies real.episodes=1"),
    ],
)
def test_former_names_are_refused_with_the_new_one(
    name: str, argument: str, told: str, run: Run, capsys: pytest.CaptureFixture[str]
):
    assert run(name, argument) == 2
    assert told in capsys.readouterr().err


def test_no_option_of_today_is_taken_for_a_former_one():
    for name in COMMANDS:
        own, groups = describe(name)
        options = [option.name for option in [*own, *(one for group in groups for one in group.options)]]
        former = {**RENAMED[""], **RENAMED.get(name, {})}
        taken = [
            old
            for old, new in former.items()
            for option in options
            if option == old or (option.startswith(f"{old}.") and not new.startswith(f"{old}."))
        ]
        assert not taken, f"{name} has {taken}"


def test_every_new_name_is_an_option_of_today():
    everywhere = set()
    for name in COMMANDS:
        own, groups = describe(name)
        options = {option.name for option in [*own, *(one for group in groups for one in group.options)]}
        options |= {option.rpartition(".")[0] for option in options} | {
            group.name.partition("@")[0] for group in groups
        }
        everywhere |= options
        missing = set(RENAMED.get(name, {}).values()) - options
        assert not missing, f"{name} has no {missing}"
    assert set(RENAMED[""].values()) - everywhere <= {"agent.uncertainty.penalty"}, "of agent=mpc alone"


def test_a_close_option_is_named(run: Run, capsys: pytest.CaptureFixture[str]):
    assert run("plan", "checkpoint=x", "episode=3") == 1
    assert "did you mean episodes?" in capsys.readouterr().err


def test_long_values_and_words_are_wrapped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "72")
    assert max(map(len, help_page("imagine").splitlines())) <= 100
