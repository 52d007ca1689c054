"""What plans promised, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mbrl_mts3.agents.evaluation import EvaluatedEpisode
from mbrl_mts3.agents.planning.mpc import MPCAgent, MPCState
from mbrl_mts3.array_types import Array
from mbrl_mts3.data.observations import index_observation
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics.planned_values import PlannedValues
from mbrl_mts3.predictions import MeanPrediction

# Decisions of an episode that are looked at together: a value from a graph asks all of its nodes for each.
_AT_ONCE = 32


class PlanRecorder:
    """Keeps what each decision of an evaluation promised: give it to `evaluate_agent` as `on_decision`.

    Args:
        agent: that decides.
        imagine_first: of so many episodes also the observations that plans led to are kept,
        imagine_every: of every so many decisions.
    """

    def __init__(self, agent: MPCAgent, *, imagine_first: int = 0, imagine_every: int = 1) -> None:
        self.agent = agent
        self.imagine_first = imagine_first
        self.imagine_every = imagine_every
        self.values: dict[int, list[float]] = {}
        """By the place of an episode: the value of each plan."""
        self.spreads: dict[int, list[float]] = {}
        """Likewise, `Plan.spread`."""
        self.milliseconds: list[float] = []
        """Of each search, for all of its environments."""
        self.imagined: dict[int, dict[int, Array]] = {}
        """By the place of an episode and by decision: imagined observations (L, obs) of the plan."""

    def __call__(self, places: Sequence[int | None], observation: Any, state: MPCState) -> None:
        assert state.plan is not None
        self.milliseconds.append(float(state.plan.milliseconds[0]))
        for row, place in enumerate(places):
            if place is None:
                continue
            values = self.values.setdefault(place, [])
            if place < self.imagine_first and len(values) % self.imagine_every == 0:
                self.imagined.setdefault(place, {})[len(values)] = self._imagine(
                    index_observation(observation, [row]), state[[row]]
                )
            values.append(float(state.plan.value[row]))
            self.spreads.setdefault(place, []).append(float(state.plan.spread[row]))

    def summary(self) -> dict[str, float]:
        """Times of the searches in milliseconds, and the mean spread of their candidates' values."""
        spreads = np.concatenate([np.array(spreads) for spreads in self.spreads.values()])
        median, high = np.quantile(self.milliseconds, [0.5, 0.95])
        return {
            "ms_per_search_median": float(median),
            "ms_per_search_p95": float(high),
            "mean_spread": float(spreads.mean()),
        }

    @torch.no_grad()
    def _imagine(self, raw: Any, state: MPCState) -> Array:
        assert state.plan is not None
        objective = self.agent.objective(raw, state.seen, state.belief)
        path: Array = objective.imagine(state.plan.actions[:, None])[1].mean[0, 0].cpu().numpy()
        return path


def compare_values(
    agent: MPCAgent, episodes: Sequence[EvaluatedEpisode], planned: Sequence[Sequence[float]], stride: int | None = None
) -> PlannedValues:
    """Compare the values of plans with those of what really came in the same number of steps.

    What came is valued as the plan was, with the real observations in place of the imagined ones: by the same reward
    function, discount and value behind the horizon; by the environment's rewards where the model's reward head was
    planned with. A penalty of uncertainty is left out, nothing is uncertain about what came. Plans whose horizon
    reaches beyond the end of their episode are left out.

    Args:
        agent: that acted.
        episodes: E of them, as recorded.
        planned: for each episode the values of its decisions.
        stride: of the decisions of an episode that are compared; None takes a third of the horizon, so that horizons
            overlap little.

    Raises:
        ConfigurationError: another number of episodes than of planned ones.
    """
    if len(episodes) != len(planned):
        raise ConfigurationError(f"{len(episodes)} episodes, but plans of {len(planned)}: give those of each")
    horizon = agent.planner.horizon
    stride = stride or max(1, horizon // 3)
    promised, realised = [], []
    for episode, values in zip(episodes, planned, strict=True):
        decisions = np.arange(0, len(episode) - horizon + 1, stride)
        promised += [values[decision] for decision in decisions.tolist()]
        for begin in range(0, len(decisions), _AT_ONCE):
            realised += _realised(agent, episode, decisions[begin : begin + _AT_ONCE])
    total = sum(map(len, episodes))
    return PlannedValues(horizon, stride, total, np.array(promised), np.array(realised))


@torch.no_grad()
def _realised(agent: MPCAgent, episode: EvaluatedEpisode, decisions: Array) -> list[float]:
    """The values of what came after some decisions of an episode."""
    steps = torch.as_tensor(decisions)[:, None] + torch.arange(agent.planner.horizon)
    seen = agent.see(episode.observations)
    after, now = seen[steps + 1][:, None], seen[decisions]
    rewards = torch.as_tensor(episode.rewards, dtype=torch.float32)[steps][:, None].to(seen)
    actions = torch.as_tensor(episode.actions, dtype=torch.float32)[steps][:, None].to(seen)
    raw = index_observation(episode.observations, decisions)
    objective = agent.objective(raw, now, agent.model.initial_belief(len(now)))
    values: list[float] = objective.score(actions, MeanPrediction(after, rewards))[:, 0].tolist()
    return values
