"""What a run found in one short line, out of its result file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mbrl_mts3.scripts.runs.catalogue import Run
from mbrl_mts3.wording import counted

Result = Mapping[str, Any]


def describe_result(run: Run) -> str:
    """The model or the agents with what they were scored by; a run that has not finished says so."""
    if not run.result:
        kept = f"; keeps {', '.join(path.name for path in run.checkpoints)}" if run.checkpoints else ""
        return f"not finished{kept}"
    try:
        told = _LINES[run.command](run.result)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError):
        # Of another version.
        told = "finished; its numbers have a form that is not known here"
    return told if run.finished else f"not finished: {told}"


def number(value: Any) -> str:
    """A number as it is shown in lines and tables; nothing where there is none."""
    return "" if value is None else f"{float(value):.4g}"


def _train(result: Result) -> str:
    metrics = result["metrics"]
    scores = {name.rpartition("/")[2].upper(): value for name, value in metrics.items() if name in _VALIDATED}
    shown = ", ".join(f"{name} {number(value)}" for name, value in scores.items())
    return (
        f"{_model(result)}: validation {shown} after {counted(int(metrics['step']), 'update')}, "
        f"{number(metrics['seconds'])} s"
    )


_VALIDATED = ("validation/rmse", "validation/crps", "validation/nll")


def _evaluate(result: Result) -> str:
    curve = result["predictors"]["model"]["nrmse"]
    return (
        f"{_model(result)}, {result['split']} episodes: NRMSE {number(curve[0])} one step ahead, {number(curve[-1])} "
        f"at {counted(int(result['horizon']), 'step')}"
    )


def _calibrate(result: Result) -> str:
    before, after = (result[name]["calibration_error"] for name in ("before", "after"))
    return (
        f"intervals of {result['checkpoint']}: off by {_mean(before):.1%} before, {_mean(after):.1%} with the factors, "
        f"on {counted(result['test_episodes'], 'test episode')}"
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _audit(result: Result) -> str:
    errors = result.get("analytic")
    told = "no reward of the task" if errors is None else f"the task's reward errs by {number(errors['rmse'])} (RMSE)"
    return f"{result['task']} on {result['dataset_id']}: {told}"


def _diagnose(result: Result) -> str:
    starts = counted(result["start_states"], "start state")
    return f"{_model(result)} against the simulator of {result['environment']}, from {starts}: see its report"


def _benchmark(result: Result) -> str:
    return f"{counted(result['runs'], 'finished run')} of models"


def _plan(result: Result) -> str:
    return f"MPC in {result['environment']['id']}: {_episodes(result['result'])}"


def _rollout(result: Result) -> str:
    return "; ".join(f"{one['agent']}, {one['place']}: {_episodes(one)}" for one in result["rollouts"])


def _episodes(result: Result) -> str:
    rate = result.get("success_rate")
    success = "" if rate is None else f", success {rate:.0%}"
    return f"return {number(result['mean_return'])}{success} in {counted(len(result['seeds']), 'episode')}"


def _policies(result: Result) -> str:
    values = (
        f"{one['policy']} {number(one['estimate'])}"
        + ("" if one["value"] is None else f" (real {number(one['value'])})")
        for one in result["policies"]
    )
    return f"values in {_model(result)}: {', '.join(values)}"


def _imagine(result: Result) -> str:
    found = result.get("real_evaluation")
    told = "no real evaluation" if found is None else _episodes(found)
    rounds = counted(len(result["learning_curve"]), "round")
    return f"{result['algorithm']} in {_model(result)}: {told} after {rounds}"


def _offline(result: Result) -> str:
    curve: Sequence[Result] = result["curve"]
    last = curve[-1]
    found = "" if last.get("mean_return") is None else f", return {number(last['mean_return'])}"
    return (
        f"{result['options']['algorithm']} of {result['dataset_id']}: {counted(int(last['updates']), 'update')}{found}"
    )


def _experiment(result: Result) -> str:
    return f"{result['experiment']}, {counted(len(result['stages']), 'stage')}: {result['title']}"


def _model(result: Result) -> str:
    return f"{result['model']} of {result['dataset_id']}"


_LINES: Mapping[str, Callable[[Result], str]] = {
    "train": _train,
    "evaluate": _evaluate,
    "calibrate": _calibrate,
    "plan": _plan,
    "rollout": _rollout,
    "evaluate_policies": _policies,
    "imagine": _imagine,
    "offline": _offline,
    "audit": _audit,
    "benchmark": _benchmark,
    "diagnose": _diagnose,
    "experiment": _experiment,
}
