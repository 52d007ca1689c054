"""Which step a data set's rewards belong to, and what they stand for."""

from __future__ import annotations

from collections import Counter

from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.kitchen_rewards import reward_meaning
from mbrl_mts3.data.traps.maze_view import MazeView
from mbrl_mts3.data.traps.reward_timing import timing_votes


def reward_facts(survey: Survey) -> dict[str, str]:
    """In words, by what they are about; empty where nothing is known of the environment's rewards."""
    env_id = (survey.dataset.env_id or "").lower()
    if "kitchen" in env_id:
        return _kitchen(survey)
    return _maze(survey) if "maze" in env_id else {}


def _kitchen(survey: Survey) -> dict[str, str]:
    found = Counter(reward_meaning(episode.rewards) for episode in survey.dataset.read())
    names = {
        "increments": "+1 once for each newly finished task",
        "counts": "number of tasks that are done at each step",
        "unclear": "no task finished before the last step",
        "neither": "no numbers of tasks",
    }
    return {"meaning": "; ".join(f"{names[name]}: {count} episodes" for name, count in found.most_common())}


def _maze(survey: Survey) -> dict[str, str]:
    early = right = 0
    kinds = set()
    for episode in survey.dataset.read():
        view = MazeView.of(episode, survey)
        if view is not None:
            votes = timing_votes(view)
            early, right = early + votes[0], right + votes[1]
            kinds.add(f"{'0 or 1, within' if view.sparse else 'exp(-distance); success within'} {view.radius} m")
    if not kinds:
        return {"timing": "not known: the data does not tell the goals"}
    verdict = "r[t] belongs to o[t+1]" if right > early else "r[t] belongs to o[t]"
    timing = f"{verdict} ({right} steps say o[t+1], {early} say o[t])" if early + right else "no step decides"
    return {"timing": timing, "meaning": ", ".join(sorted(kinds))}
