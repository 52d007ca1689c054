"""What a diagnosis says, in sentences that are written from its numbers."""

from __future__ import annotations

import numpy as np

from mbrl_mts3.metrics.diagnosis.model_diagnosis import BEHAVIOUR, ModelDiagnosis, Suggestion

REPLAY_TOLERANCE = 0.01
"""Error of the simulator against the recording after one step, in standard deviations, above which all is doubtful."""


def describe_findings(diagnosis: ModelDiagnosis) -> list[str]:
    """The findings, the most important ones first."""
    said = [_state_errors(diagnosis), *_lengths(diagnosis), *_returns(diagnosis), *_ranking(diagnosis)]
    return [*said, *(describe_suggestion(diagnosis, kind) for kind in diagnosis.kinds)]


def describe_replay(diagnosis: ModelDiagnosis) -> str:
    """Whether the simulator does again what was recorded."""
    first, last = float(diagnosis.replay_error[0]), float(diagnosis.replay_error[-1])
    if is_replayed(diagnosis):
        return (
            "The simulator, set to the recorded states, does again what was recorded: under the data's actions half "
            "of "
            f"the rollouts differ by less than {first:.2g} standard deviations after one step and {last:.2g} after "
            f"{diagnosis.horizon}."
        )
    return (
        f"Attention: the simulator does not do again what was recorded. Under the data's actions it is {first:.2g} "
        f"standard deviations off after one step, more than {REPLAY_TOLERANCE:g}: the data are of another "
        "environment or "
        "version, or its state is not all in the observation. What is called true below is this simulator's truth."
    )


def is_replayed(diagnosis: ModelDiagnosis) -> bool:
    """Whether the simulator is near the recording after one step."""
    return bool(diagnosis.replay_error[0] <= REPLAY_TOLERANCE)


def describe_suggestion(diagnosis: ModelDiagnosis, kind: str) -> str:
    """Where rollouts should stop by one kind of uncertainty."""
    found = diagnosis.suggest(kind)
    if found is None:
        return f"{kind}: no stop is suggested without a policy or random actions to compare with the data's."
    who = " and ".join(diagnosis.policies)
    if found.needless:
        return f"{kind}: no stop is needed, {who} err as little as the data's actions without one."
    if found.quantile is None:
        lowest = diagnosis.quantiles[0]
        return (
            f"{kind}: no threshold is good enough. Even where rollouts stop at the {lowest:g} quantile, what is left "
            "of "
            f"{who} errs more than all of the data's."
        )
    return _threshold(diagnosis, found, who)


def _threshold(diagnosis: ModelDiagnosis, found: Suggestion, who: str) -> str:
    left = diagnosis.cuts(found.kind)[found.quantile or 1.0]
    shares = [left[name].kept for name in diagnosis.policies]
    return (
        f"{found.kind}: stop rollouts where a step exceeds {found.threshold:.3g}, the {found.quantile:g} quantile on "
        "the "
        f"data. What is left of {who} (at least {min(shares):.0%} of the steps) errs as little as all of the data's, "
        "and "
        f"{left[BEHAVIOUR].kept:.0%} of the data's steps are left."
    )


def _state_errors(diagnosis: ModelDiagnosis) -> str:
    last = {name: float(errors.by_step().state_mean[-1]) for name, errors in diagnosis.sources.items()}
    unchanged = float(diagnosis.sources[BEHAVIOUR].by_step().state_unchanged[-1])
    text = (
        f"After {diagnosis.horizon} steps the state is {last[BEHAVIOUR]:.2g} standard deviations off under the data's "
        f"actions (a model in which nothing moves: {unchanged:.2g})"
    )
    others = [f"{last[name]:.2g} under those of {name}" for name in diagnosis.sources if name != BEHAVIOUR]
    return f"{text}{', ' if others else ''}{', '.join(others)}."


def _lengths(diagnosis: ModelDiagnosis) -> list[str]:
    """How long rollouts of policies are no worse than the data's own anywhere."""
    if not diagnosis.policies:
        return []
    steps = min(diagnosis.usable_steps(name) for name in diagnosis.policies)
    who, limit = " and ".join(diagnosis.policies), f"the data's actions do anywhere in {diagnosis.horizon} steps"
    if not steps:
        return [f"Already at the first step {who} err more than {limit}."]
    rest = "" if steps == diagnosis.horizon else "; in longer rollouts they err more"
    return [f"Up to step {steps} {who} err no more than {limit}{rest}."]


def _returns(diagnosis: ModelDiagnosis) -> list[str]:
    """The policy of which the model promises most beyond the truth."""
    gaps = {}
    for name in diagnosis.policies:
        imagined, true = (float(np.mean(returns)) for returns in diagnosis.sources[name].returns())
        gaps[name] = (imagined - true, imagined, true)
    if not gaps:
        return []
    worst = max(gaps, key=lambda name: gaps[name][0])
    gap, imagined, true = gaps[worst]
    there = diagnosis.sources[worst].closed_loop_return
    return [
        f"Over {diagnosis.horizon} steps {worst} earns {imagined:.3g} in the model and {true:.3g} in the simulator "
        f"under the same actions: {abs(gap):.2g} too {'much' if gap > 0 else 'little'}"
        f"{', of all policies the most' if len(gaps) > 1 else ''}. "
        + (f"Where it acts on what the simulator shows it earns {there:.3g}." if there is not None else "")
    ]


def _ranking(diagnosis: ModelDiagnosis) -> list[str]:
    ranks = {
        kind: [sources[name]["state"].within_steps for name in diagnosis.policies]
        for kind, sources in diagnosis.rank_correlations().items()
    }
    means = {
        kind: float(np.mean([rank for rank in found if rank is not None]))
        for kind, found in ranks.items()
        if any(rank is not None for rank in found)
    }
    if not means:
        return []
    best = max(means, key=lambda kind: means[kind])
    others = ", ".join(f"{kind} {mean:.2f}" for kind, mean in means.items() if kind != best)
    return [
        f"Of several rollouts at the same step, {best} uncertainty tells best which one is wrong: rank correlation "
        f"{means[best]:.2f} with the error of states{f' ({others})' if others else ''}, mean over "
        f"{' and '.join(diagnosis.policies)}."
    ]
