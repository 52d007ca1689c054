"""HiP-RSSM written out step by step in dense NumPy algebra, from the equations; the oracle of the fast implementation.

Only the learned functions (encoders, control, gate, matrices) are the model's own.
"""

from __future__ import annotations

import numpy as np
from dense_mts3 import call, matrix, pi

from mbrl_mts3.models import HiPRSSM


class DenseHiPRSSM:
    """One sequence at a time, float64."""

    def __init__(self, model: HiPRSSM, context: int) -> None:
        self.model = model
        self.context = context
        self.n = model.latent_dim
        self.q = np.diag(model.noise().detach().numpy())
        self.c = matrix(model.cause_map())

    def predict(self, observations: np.ndarray, actions: np.ndarray, mask: np.ndarray):
        """For each t: mean and covariance of z_{t+1} before o_{t+1}, and of the task that moved it."""
        z, out = (np.zeros(2 * self.n), self.model.initial_variance * np.eye(2 * self.n)), []
        for t in range(len(observations)):
            if mask[t]:
                z = self.update(z, *self.encode(self.model.observation_encoder, observations[t]))
            task = self.task(observations, actions, mask, t)
            a = self.transition(z[0])
            mean = a @ z[0] + self.c @ task[0] + call(self.model.control, actions[t])
            z = (mean, pi(a @ z[1] @ a.T) + pi(self.c @ task[1] @ self.c.T) + self.q)
            out.append((z, task))
        return out

    def task(self, observations, actions, mask, t):
        """The belief of l at step t, from all triples of the context that are complete by then."""
        precision, information = np.eye(2 * self.n), np.zeros(2 * self.n)
        for s in range(min(t, self.context)):
            if mask[s] and mask[s + 1]:
                triple = np.concatenate([observations[s], actions[s], observations[s + 1]])
                value, variance = self.encode(self.model.context.encoder, triple)
                precision, information = precision + np.diag(1 / variance), information + value / variance
        covariance = np.linalg.inv(precision)
        return covariance @ information, covariance

    def transition(self, mean):
        linear_map = self.model.transition()
        if not hasattr(linear_map, "bases"):
            return matrix(linear_map)
        raw = np.exp(call(self.model.transition.gate, mean[None])[0])
        return np.einsum("k,kij->ij", raw / raw.sum(), linear_map.bases.detach().numpy())

    def update(self, belief, value, variance):
        mean, cov = belief
        observe = np.hstack([np.eye(self.n), np.zeros((self.n, self.n))])
        gain = cov @ observe.T @ np.linalg.inv(observe @ cov @ observe.T + np.diag(variance))
        return mean + gain @ (value - observe @ mean), (np.eye(2 * self.n) - gain @ observe) @ cov

    def encode(self, encoder, inputs):
        value, raw = np.split(call(encoder.network, inputs), 2)
        return value, np.logaddexp(0, raw) + 1e-4
