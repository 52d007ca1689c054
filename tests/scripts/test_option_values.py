"""Options are looked at before any work: words for numbers, fractions for counts, NaN, lists, null, out of range."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize
from omegaconf import OmegaConf

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.scripts.command_line.option_values import KINDS, check_groups, check_values
from mbrl_mts3.scripts.command_line.options import read_own_defaults, read_own_values

WORD = "a word (of digits alone: in two kinds of quotes)"
# Commands that need no checkpoint.
WITHOUT = ("train", "benchmark", "collect", "offline", "rollout", "audit")
CONFIGS = Path(__file__).parents[2] / "configs"
COMMANDS = sorted(path.stem for path in CONFIGS.glob("*.yaml"))


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        ("evaluate", "max_windows=many", "a whole number, at least 1"),
        ("evaluate", "max_windows=0", "a whole number, at least 1"),
        ("evaluate", "context=.nan", "a whole number"),
        ("evaluate", "batch_size=2.5", "a whole number, at least 1"),
        ("evaluate", "imputation_rate=half", "a finite number"),
        ("evaluate", "split=0", WORD),
        ("evaluate", "show=-1", f"a list, each of it {WORD}"),
        ("calibrate", "horizon=7.5", "a whole number"),
        ("rollout", "real.episodes=few", "a whole number, at least 0 and at most 1,000,000"),
        ("rollout", "uncertainty.penalty=.inf", "a finite number"),
        ("rollout", "record=perhaps", "true or false"),
        ("rollout", "films=-2", "a whole number, at least 0"),
        ("rollout", "environment_options=[1,2]", "names with values, such as {name: value}"),
        ("plan", "threads=0", "a whole number, at least 1 and at most 1,024"),
        ("plan", "discount=.nan", "a finite number"),
        ("plan", "episodes=1000000000000", "a whole number, at least 0 and at most 1,000,000"),
        ("plan", "environment_options=word", "names with values, such as {name: value}"),
        ("plan", "device=[cpu]", WORD),
        ("imagine", "rounds=3.5", "a whole number"),
        ("imagine", "resume=3", WORD),
        ("offline", "steps=true", "a whole number"),
        ("collect", "seed=first", "a whole number"),
        ("benchmark", "evaluation.sliding_window=wide", "a whole number"),
        ("audit", "horizons=[1,two]", "a list, each of it a whole number"),
        ("diagnose", "quantiles=half", "a list, each of it a finite number"),
        ("diagnose", "trust=[1]", f"{WORD} or a list, each of it {WORD}"),
        ("evaluate_policies", "noise={sac:much}", "names with values, such as {name: value}"),
        ("export", "threads=1000000000", "a whole number, at least 1 and at most 1,024"),
        # Options of groups.
        ("plan", "planner.horizon=word", "a whole number"),
        ("plan", "planner.candidates=4.5", "a whole number"),
        ("plan", "planner.candidates=null", "a whole number"),
        ("plan", "planner.elites=true", "a whole number"),
        ("plan", "planner.budget_ms=[1]", "a finite number or null"),
        ("plan", "task=half_cheetah task.forward_weight=nan", "a finite number"),
        ("plan", "task=fitted_reward task.hidden=1e30", "a whole number"),
        ("plan", "value=data_graph value.units=fine", "names with values, such as {name: value} or null"),
        ("plan", "proposal=policy proposal.scale=word", "a finite number"),
        ("collect", "behaviour.gain=strong", "a finite number"),
        ("collect", "behaviour.vary=1", "true or false"),
        ("offline", "data.dataset_id=3", f"{WORD} or a list, each of it {WORD}"),
        ("offline", "offline_algorithm.net_arch=7", "a list, each of it a whole number"),
        ("train", "model.time_scales=5", "a list, each of it a whole number"),
        ("train", "model.encoder_hidden=[8.5]", "a list, each of it a whole number"),
        ("train", "model.latent_dim=1000000000000000000000000000000", "a whole number"),
        ("train", "model.actuated=3", "true or false"),
        ("train", "training.split_fractions=[a,b,c]", "a list, each of it a finite number"),
        ("train", "training.loggers=csv", f"a list, each of it {WORD} or null"),
        ("train", "+training.loss_weights={reward:much}", "names with values, such as {name: value}"),
    ],
)
def test_a_wrong_value_is_refused_by_name(
    name: str,
    words: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    needed = [] if name in WITHOUT else ["checkpoint=nowhere"]
    run = ["hydra.mode=RUN", "model=gru"] if name == "benchmark" else []
    monkeypatch.setattr(sys, "argv", [f"mts3-{name}", *needed, *run, *words.split()])
    with pytest.raises(SystemExit) as stop:
        import_module(f"mbrl_mts3.scripts.{name}").main()
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"ConfigurationError: {words.split()[-1].partition('=')[0].lstrip('+')}=")
    assert said.endswith(f": expected {expected}\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [
        ("plan", ["+planner.elit=4"], "planner.elit is no option of ICEM (did you mean elites?)"),
        ("train", ["+model.latnt_dim=4"], "model.latnt_dim is no option of MTS3 (did you mean latent_dim?)"),
        ("train", ["+training.max_step=4"], "training.max_step is no option of WorldModelTrainer"),
        ("plan", ["planner._target_=nowhere.Planner"], "planner._target_=nowhere.Planner cannot be imported"),
        ("plan", ["uncertainty=word"], "uncertainty=word: it has parts, such as uncertainty.kind="),
        ("imagine", ["uncertainty=null"], "uncertainty=null: it has parts, such as uncertainty.kind="),
        ("plan", ["planner=null"], "planner=null: name a file of the group, or leave it out"),
        ("train", ["training=3"], "training=3: name a file of the group, or leave it out"),
    ],
)
def test_what_is_no_option_is_told_with_the_nearest(
    name: str,
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    needed = [] if name in WITHOUT else ["checkpoint=nowhere"]
    monkeypatch.setattr(sys, "argv", [f"mts3-{name}", *needed, *words])
    with pytest.raises(SystemExit) as stop:
        import_module(f"mbrl_mts3.scripts.{name}").main()
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith(f"ConfigurationError: {told}")


def leaves(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        inside = isinstance(value, dict) and value
        found |= leaves(value, f"{prefix}{name}.") if inside else {f"{prefix}{name}": value}
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_the_kind_of_every_option_of_a_command_is_known(name: str) -> None:
    groups = read_own_defaults(name)
    own = {
        option: value for option, value in leaves(read_own_values(name)).items() if option.split(".")[0] not in groups
    }
    unsaid = [option for option, value in own.items() if value in (None, "???", [])]
    assert {option.rpartition(".")[2] for option in unsaid} <= KINDS.keys()


GROUPS = sorted(
    (path.parent.relative_to(CONFIGS).as_posix(), path.stem)
    for path in CONFIGS.glob("*/*.yaml")
    if path.parent.name != "experiment"
)
# Where options go on to a library, which is asked when the policy is made.
PASSED_ON = {
    "make_algorithm",
    "from_dataset",
    "load_goal_values",
    "make_environment",
    "train_sac",
    "load_dataset",
    "load_mpc",
}
WRONG: dict[type, list[Any]] = {
    bool: ["perhaps", 3, [True], None],
    int: ["many", [1], float("nan"), 10**30],
    float: ["much", [0.5], float("inf"), 10**30, True],
    str: [5, ["a", 3], True],
    list: [7, "word"],
}
"""By the kind of an option's value in a YAML, values that it may not have."""


@pytest.mark.parametrize(("group", "choice"), GROUPS, ids=lambda part: str(part))
def test_every_option_of_every_group_has_a_kind(group: str, choice: str) -> None:
    with initialize(version_base="1.3", config_path="pkg://mbrl_mts3.configs"):
        config = compose(overrides=[f"+{group}@whole={choice}", "+behaviour=random", "+trust_pickle=false"])
    check_groups(config)
    target = str(config.whole.get("_target_"))
    if target == "???" or target.rpartition(".")[2] in PASSED_ON:
        return
    for option, value in config.whole.items_ex(resolve=False):
        for wrong in WRONG.get(list if OmegaConf.is_list(value) else type(value), []):
            if str(option).startswith("_") or OmegaConf.is_interpolation(config.whole, option):
                continue
            if wrong is None and value is None:
                continue
            changed = config.copy()
            OmegaConf.set_struct(changed, False)
            changed.whole[option] = wrong
            with pytest.raises(ConfigurationError, match=rf"^whole\.{option}="):
                check_groups(changed)


def test_an_experiment_of_a_stage_is_checked_as_its_command() -> None:
    config = OmegaConf.create({"episodes": "few", "planner": None})
    with pytest.raises(ConfigurationError, match="planner=null: the command needs one, such as planner=icem"):
        check_values("plan", config)
