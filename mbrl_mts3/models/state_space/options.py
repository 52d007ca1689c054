"""The options of MTS3, with all checks of their values and combinations."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.models.readout import TARGETS
from mbrl_mts3.networks import TRANSITIONS

CHOICES = {
    "transition": tuple(TRANSITIONS),
    "aggregation": ("causal", "window"),
    "conditioning": ("prior", "posterior"),
    "shared_latent": ("independent", "exact"),
    "target": TARGETS,
}


@dataclass(frozen=True)
class MTS3Options:
    """Arguments of `MTS3`, without the sizes and heads that every world model has; documented there."""

    time_scales: tuple[int, ...]
    latent_dim: int
    slow_latent_dim: int | None
    transition: str
    aggregation: str
    conditioning: str
    shared_latent: str
    target: str
    actuated: bool
    abstract_actions: bool
    encoder_hidden: tuple[int, ...]
    window_hidden: tuple[int, ...]
    action_hidden: tuple[int, ...]
    control_hidden: tuple[int, ...]
    gated: bool
    decoder_hidden: tuple[int, ...]
    variance_hidden: tuple[int, ...] | None
    heteroscedastic: bool
    initial_variance: float
    slow_initial_variance: float | None

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ConfigurationError(
                    f"{name}={getattr(self, name)!r} is unknown: choose one of {', '.join(allowed)}"
                )
        if self.latent_dim < 1 or not 0 < self.initial_variance < math.inf:
            raise ConfigurationError(
                "latent_dim and initial_variance must be positive and finite, got "
                f"{self.latent_dim} and {self.initial_variance}"
            )
        if self.slow_latent_dim is not None and self.slow_latent_dim < 1:
            raise ConfigurationError(
                f"slow_latent_dim={self.slow_latent_dim}: expected null for latent_dim, or at least 1"
            )
        if self.slow_initial_variance is not None and not 0 < self.slow_initial_variance < math.inf:
            raise ConfigurationError(
                f"slow_initial_variance={self.slow_initial_variance}: expected more than 0 and finite, or null"
            )
        self._check_time_scales()
        self._check_combinations()

    @property
    def slow_size(self) -> int:
        """n of the slow latents; 0 where there are none."""
        if not self.time_scales:
            return 0
        return self.latent_dim if self.slow_latent_dim is None else self.slow_latent_dim

    @property
    def slow_variance(self) -> float:
        """Variance of the slow latents before the first observation."""
        return self.initial_variance if self.slow_initial_variance is None else self.slow_initial_variance

    @property
    def aggregates_actions(self) -> bool:
        """Whether the slow levels get abstract actions."""
        return self.actuated and self.abstract_actions

    def as_dict(self) -> dict[str, object]:
        """The options as plain values, as `MTS3` takes them."""
        return asdict(self)

    def _check_time_scales(self) -> None:
        faster = 1
        for scale in self.time_scales:
            if scale <= faster or scale % faster:
                raise ConfigurationError(
                    f"time_scales={self.time_scales}: each must be a larger multiple of the one before, the first at "
                    "least 2; for example (), (15,) or (5, 15)"
                )
            faster = scale

    def _check_combinations(self) -> None:
        """Raise ConfigurationError for options that exclude each other, or that would have no effect."""
        if self.shared_latent == "exact" and "locally_linear" in self.transition:
            raise ConfigurationError(
                f"shared_latent='exact' and transition={self.transition!r} clash: exact treatment needs one transition "
                "matrix for all states; take a transition that is not locally linear, or shared_latent='independent'"
            )
        if self.shared_latent == "exact" and self.time_scales and self.slow_size != self.latent_dim:
            raise ConfigurationError(
                f"shared_latent='exact' and slow_latent_dim={self.slow_latent_dim} clash: exact treatment pairs each "
                "fast dimension with a slow one; leave slow_latent_dim out, or take shared_latent='independent'"
            )
        if not self.time_scales:
            for name, plain in _OF_SLOW_LEVELS.items():
                if getattr(self, name) != plain:
                    raise ConfigurationError(
                        f"{name}={getattr(self, name)!r} and time_scales=() clash: without a slow level it does "
                        f"nothing; add a time scale, or leave {name}={plain!r}"
                    )
        if self.gated and not self.time_scales and self.transition != "dense":
            raise ConfigurationError(
                f"gated=True, time_scales=() and transition={self.transition!r} clash: gates take the place of the "
                "fast level's transition, and there is no other; leave transition='dense'"
            )
        if self.aggregation == "window" and not self.aggregates_actions:
            off = "actuated" if not self.actuated else "abstract_actions"
            raise ConfigurationError(
                f"aggregation='window' and {off}=False clash: no actions are aggregated; leave aggregation='causal'"
            )


_OF_SLOW_LEVELS = {
    "aggregation": "causal",
    "conditioning": "prior",
    "shared_latent": "independent",
    "abstract_actions": True,
    "slow_latent_dim": None,
    "slow_initial_variance": None,
}
"""Options of the slow levels, each with the value that changes nothing."""
