"""MTS3 written out step by step in dense NumPy algebra, from the equations; the oracle of the fast implementation.

Only the learned functions (encoders, control, decoder, matrices) are the model's own; conditioning, marginalisation,
the order of levels and the aggregation of actions are written anew, with full covariance matrices and inverses.
"""

from __future__ import annotations

import numpy as np
import torch

from mbrl_mts3.models import MTS3


class DenseMTS3:
    """One sequence at a time, float64."""

    def __init__(self, model: MTS3) -> None:
        self.model = model
        self.n = model.options.latent_dim
        with torch.no_grad():
            self.a = matrix(model.transition())
            self.q = np.diag(model.noise().numpy())
            self.c = matrix(model.cause_map()) if model.cause_map is not None else None
            self.slow = [
                {
                    "x": matrix(level.transition()),
                    "y": matrix(level.action_map()) if level.action_map is not None else None,
                    "c": matrix(level.parent_map()) if level.parent_map is not None else None,
                    "q": np.diag(level.noise().numpy()),
                }
                for level in model.slow_levels
            ]

    def predict(
        self, observations: np.ndarray, actions: np.ndarray, mask: np.ndarray
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Mean and covariance of z_{t+1}, before o_{t+1}, for each t."""
        options = self.model.options
        z = self.initial(self.n)
        states = [self.slow_initial(len(maps["x"])) for maps in self.slow]
        out = []
        for t in range(len(observations)):
            z = self.update(z, *self.encode(self.model.observation_encoder, observations[t]), mask[t])
            causes = self.causes(states, observations, actions, mask, t)
            prior = causes[0] if causes else None
            mean, cov = self.a @ z[0], pi(self.a @ z[1] @ self.a.T) + self.q
            if prior is not None:
                mean, cov = mean + self.c @ prior[0], cov + pi(self.c @ prior[1] @ self.c.T)
            if self.model.control is not None:
                mean = mean + call(self.model.control, actions[t])
            z = (mean if self.model.gates is None else self.gated_mean(z[0], actions[t], prior), cov)
            out.append(z)
            ended = [i for i, scale in enumerate(options.time_scales) if (t + 1) % scale == 0]
            smoothed = options.conditioning == "posterior"
            for i in ended:
                states[i] = causes[i] if smoothed else self.posterior(i, causes[i], observations, mask, t)
        return out

    def gated_mean(self, mean, action, prior):
        """The next mean by `torch.nn.GRUCell` in double precision, whose update gate is 1 - g."""
        module, size = self.model.gates, 2 * self.n
        known = np.concatenate([action[: module.action_dim], *([] if prior is None else [prior[0]])])
        cell = torch.nn.GRUCell(len(known), size).double()
        keep = torch.ones(3 * size, 1).double()
        keep[size : 2 * size] = -1
        with torch.no_grad():
            cell.weight_hh.copy_(keep * module.weight)
            cell.weight_ih.copy_(keep * module.entry.weight if module.entry is not None else torch.zeros(3 * size, 0))
            cell.bias_ih.copy_(keep[:, 0] * module.bias)
            cell.bias_hh.zero_()
            return cell(torch.tensor(known)[None], torch.tensor(mean)[None])[0].numpy()

    def causes(self, states, observations, actions, mask, t):
        """What the faster levels are conditioned on at step t; index 0 is the fast level's cause."""
        if self.model.options.conditioning == "prior":
            return self.priors(states, actions, t)
        causes = [None] * len(self.slow)
        for i in reversed(range(len(self.slow))):
            parent = causes[i + 1] if i + 1 < len(self.slow) else None
            last = min((t // self.scale(i) + 1) * self.scale(i), len(actions)) - 1
            causes[i] = self.posterior(i, self.prior(i, states[i], actions, last, parent), observations, mask, last)
        return causes

    def priors(self, states, actions, t):
        found = [None] * len(self.slow)
        for i in reversed(range(len(self.slow))):
            parent = found[i + 1] if i + 1 < len(self.slow) else None
            found[i] = self.prior(i, states[i], actions, t, parent)
        return found

    def prior(self, i, state, actions, t, parent):
        maps, scale = self.slow[i], self.scale(i)
        begin = t // scale * scale
        end = t + 1 if self.model.options.aggregation == "causal" else min(begin + scale, len(actions))
        mean, cov = maps["x"] @ state[0], pi(maps["x"] @ state[1] @ maps["x"].T) + maps["q"]
        if maps["y"] is not None:
            precision, information = np.eye(len(mean)), np.zeros(len(mean))
            for s in range(begin, end):
                value, variance = self.encode(
                    self.model.slow_levels[i].action_encoder, np.append(actions[s], (s % scale) / scale)
                )
                precision, information = precision + np.diag(1 / variance), information + value / variance
            abstract = np.linalg.inv(precision)
            mean = mean + maps["y"] @ abstract @ information
            cov = cov + pi(maps["y"] @ abstract @ maps["y"].T)
        if parent is not None:
            mean, cov = mean + maps["c"] @ parent[0], cov + pi(maps["c"] @ parent[1] @ maps["c"].T)
        return mean, cov

    def posterior(self, i, prior, observations, mask, t):
        scale = self.scale(i)
        for s in range(t // scale * scale, t + 1):
            seen = np.append(observations[s], (s % scale) / scale)
            prior = self.update(prior, *self.encode(self.model.slow_levels[i].observation_encoder, seen), mask[s])
        return prior

    def update(self, belief, value, variance, shown):
        if not shown:
            return belief
        mean, cov = belief
        n = len(mean) // 2
        observe = np.hstack([np.eye(n), np.zeros((n, n))])
        gain = cov @ observe.T @ np.linalg.inv(observe @ cov @ observe.T + np.diag(variance))
        return mean + gain @ (value - observe @ mean), (np.eye(2 * n) - gain @ observe) @ cov

    def encode(self, encoder, inputs):
        value, raw = np.split(call(encoder.network, inputs), 2)
        return value, np.logaddexp(0, raw) + 1e-4

    def initial(self, n):
        return np.zeros(2 * n), self.model.options.initial_variance * np.eye(2 * n)

    def slow_initial(self, size):
        own = self.model.options.slow_initial_variance
        return np.zeros(size), (self.model.options.initial_variance if own is None else own) * np.eye(size)

    def scale(self, i):
        return self.model.options.time_scales[i]


def pi(cov: np.ndarray) -> np.ndarray:
    """Keep the diagonals of the four blocks."""
    n = len(cov) // 2
    return cov * np.tile(np.eye(n), (2, 2))


def matrix(linear_map) -> np.ndarray:
    return linear_map.to_dense().detach().numpy()


def call(network, inputs: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network(torch.tensor(inputs)).numpy()
