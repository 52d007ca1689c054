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
    lacking: set[str] = set()
    chosen: list[tuple[str, ...]] = [()]
    for words in chosen:
        own, groups = describe(name, words)
        inside = (option for group in groups for option in group.options)
        lacking |= {option.name for option in (*own, *inside) if not option.told}
        for group in groups:
            assert group.choices
            # Choices of a chosen file, such as the planner of an agent, are tried behind it; others one at a time.
            before = words if "@" in group.name else ()
            further = [(*before, f"{group.name}={choice}") for choice in group.choices if len(before) < 2]
            chosen += [more for more in further if more not in chosen]
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


def test_the_page_of_a_sweep_is_that_of_its_first_run(run: Run, capsys: pytest.CaptureFixture[str]):
    assert run("benchmark", "model=gru_deep,mts3", "training.seed=range(3,5)", "training=glob(*)", "--help") == 0
    page = capsys.readouterr().out
    assert "model=gru_deep\n" in page
    assert "training.seed=3 " in page


def test_groups_stand_in_the_order_of_the_defaults_with_what_they_are(run: Run, capsys: pytest.CaptureFixture[str]):
    assert run("rollout", "agent=mpc", "--help") == 0
    page = capsys.readouterr().out
    headings = ["environment=", "agent=mpc", "task@agent.task=", "planner@agent.planner="]
    places = [page.index(f"\n{heading}") for heading in headings]
    assert places == sorted(places)
    assert "\n  The improved cross entropy method;" in page
    assert run("imagine", "--help") == 0
    assert "\ntask=null\n  The reward: null takes the environment's own" in capsys.readouterr().out


def test_the_page_begins_with_the_words_of_the_yaml_in_their_order(run: Run, capsys: pytest.CaptureFixture[str]):
    assert run("imagine", "--help") == 0
    header = capsys.readouterr().out.partition("\nOptions")[0].splitlines()
    place = header.index("with SAC: policy=sac; in whole imagined episodes:")
    assert header[place + 1].startswith("  mts3-imagine checkpoint=")
    assert "policy=ppo" in header[place + 1]


def test_required_options_are_marked_and_values_are_those_of_the_command_line(
    run: Run, capsys: pytest.CaptureFixture[str]
):
    assert run("train", "--help") == 0
    page = " ".join(capsys.readouterr().out.split())
    assert "model.slow_latent_dim=null n of every slow level; null means latent_dim" in page
    assert "[] is a single level" in page
    assert run("plan", "--help") == 0
    assert " checkpoint=... Required. Folder of a checkpoint." in " ".join(capsys.readouterr().out.split())


def test_options_of_an_experiment_stand_with_it(run: Run, capsys: pytest.CaptureFixture[str]):
    assert run("experiment", "experiment=demo", "--help") == 0
    own, _, groups = capsys.readouterr().out.partition("\nexperiment=demo\n")
    assert "  overwrite=false" in own
    assert "stages.train" not in own
    assert groups.index("  steps=100000") < groups.index("  stages.train.command=train")


@pytest.mark.parametrize("words", [["--cfg", "job"], ["-cd", "tasks"], ["--config-name", "plan"], ["--info", "config"]])
def test_values_of_flags_are_no_overrides(words: list[str], run: Run, capsys: pytest.CaptureFixture[str]):
    Path("tasks").mkdir()
    assert run("train", *words, "--help") == 0
    assert "Options" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_refused(run: Run, capsys: pytest.CaptureFixture[str]):
    for words in (["--help"], []):
        assert run("train", "--config-dir", "nowhere", *words) == 2
        assert "ConfigurationError: --config-dir nowhere is no folder" in capsys.readouterr().err


def test_the_version_of_the_demo_is_ours(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "argv", ["mts3-demo", "--version"])
    import_module("mbrl_mts3.scripts.experiment").demo()
    assert capsys.readouterr().out == f"mts3-demo {version('mbrl_mts3')}\n"


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
        ("plan", "checkpoint", "mts3-plan checkpoint=latest"),
        ("imagine", "checkpoint", "mts3-imagine checkpoint=latest"),
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
    assert "  " not in line
    assert not list(Path().iterdir()), "it is found before a folder is made"


def test_a_missing_value_of_a_sweep_is_found_before_it(run: Run, capsys: pytest.CaptureFixture[str]):
    assert run("plan", "--multirun", "seed=1,2") == 2
    assert capsys.readouterr().err.startswith("ConfigurationError: checkpoint is missing")
    assert not list(Path().iterdir())


def test_a_missing_value_does_not_matter_where_nothing_runs(run: Run):
    assert run("plan", "--cfg", "job") == 0
    assert run("plan", "--help") == 0


@pytest.mark.parametrize(
    ("line", "told"),
    {
        "plan max_steps=3": "max_steps is called max_episode_steps now: mts3-plan max_episode_steps=3",
        "plan parallel=3": "mts3-plan num_envs=3",
        "plan planners.horizon=3": "mts3-plan planner.horizon=3",
        "plan tasks=half_cheetah": "mts3-plan task=half_cheetah",
        "train ++training.max_steps=3": "mts3-train ++training.max_updates=3",
        "rollout tasks@agent.task=half_cheetah": "mts3-rollout task@agent.task=half_cheetah",
        "imagine beginnings.times=3": "mts3-imagine oversample_starts.copies=3",
        "offline ~report_every": "mts3-offline ~evaluation.interval",
        "evaluate_policies uncertainty=aleatoric": "mts3-evaluate-policies uncertainty.kind=aleatoric",
        "evaluate_policies real_episodes=1": "mts3-evaluate-policies real.episodes=1",
        "rollout +world_model=best": "mts3-rollout +checkpoint=best",
    }.items(),
)
def test_former_names_are_refused_with_the_new_one(line: str, told: str, run: Run, capsys: pytest.CaptureFixture[str]):
    assert run(*line.split()) == 2
    assert told in capsys.readouterr().err


def test_an_option_that_became_several_may_still_be_set_as_a_whole(run: Run, capsys: pytest.CaptureFixture[str]):
    assert run("plan", "uncertainty={kind: epistemic, penalty: 2.0}", "uncertainty.kind=aleatoric", "--help") == 0
    page = capsys.readouterr().out
    assert "uncertainty.kind=aleatoric" in page
    assert "uncertainty.penalty=2.0" in page


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
    # Of the model that is chosen, which is not the default.
    assert run("train", "model=gru", "model.widht=3") == 1
    assert "did you mean model.width?" in capsys.readouterr().err
    assert run("train", "~trainin") == 1
    assert "did you mean training?" in capsys.readouterr().err


def test_long_values_and_words_are_wrapped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "72")
    assert max(map(len, help_page("imagine").splitlines())) <= 100
