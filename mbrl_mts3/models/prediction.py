"""What a world model says about the future."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class Prediction(TensorRecord):
    """Gaussian predictions along a sequence; entry t speaks of the step that action t leads to.

    Shapes: `...` are batch dimensions (B) or (B, N candidates), L is the number of steps.
    Units are normalised when a `WorldModel` returns it, physical when a `PhysicalModel` does.
    """

    mean: Tensor
    """(..., L, obs): expected next observation o_{t+1}."""
    variance: Tensor
    """(..., L, obs): its variance, observation noise included."""
    reward_mean: Tensor | None = None
    """(..., L): expected reward r_t of the transition o_t, a_t -> o_{t+1}."""
    reward_variance: Tensor | None = None
    """(..., L)."""
    termination_logit: Tensor | None = None
    """(..., L): logit of the probability that the episode terminates at o_{t+1}."""
    epistemic_variance: Tensor | None = None
    """(..., L, obs): the part of `variance` that comes from an ensemble's disagreement; None for a single model."""


@dataclass(frozen=True, repr=False)
class MeanPrediction(TensorRecord):
    """The means of a `Prediction` alone, for those who ask for no uncertainty; shapes and units as there."""

    mean: Tensor
    """(..., L, obs)."""
    reward_mean: Tensor | None = None
    """(..., L)."""
    termination_logit: Tensor | None = None
    """(..., L)."""


@dataclass(frozen=True, repr=False)
class Trajectories(TensorRecord):
    """Sampled futures, one draw of every latent and of the observation noise each.

    Shapes: B beliefs, S samples, L steps. Units as in `Prediction`.
    """

    observations: Tensor
    """(B, S, L, obs): sampled next observations."""
    rewards: Tensor | None = None
    """(B, S, L)."""
    terminations: Tensor | None = None
    """(B, S, L): bool, drawn from the termination probability."""
