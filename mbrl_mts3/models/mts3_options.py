"""The options of MTS3, checked in one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.networks import TRANSITIONS

CHOICES = {
    "transition": tuple(TRANSITIONS),
    "aggregation": ("causal", "window"),
    "conditioning": ("prior", "posterior"),
    "shared_latent": ("independent", "exact"),
    "target": ("delta", "absolute"),
}


@dataclass(frozen=True)
class MTS3Options:
    """Arguments of `MTS3` beside the sizes and heads that every world model has; see there."""

    time_scales: tuple[int, ...]
    latent_dim: int
    transition: str
    aggregation: str
    conditioning: str
    shared_latent: str
    target: str
    encoder_hidden: tuple[int, ...]
    window_hidden: tuple[int, ...]
    action_hidden: tuple[int, ...]
    control_hidden: tuple[int, ...]
    decoder_hidden: tuple[int, ...]
    initial_variance: float

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ConfigurationError(
                    f"{name}={getattr(self, name)!r} is unknown: choose one of {', '.join(allowed)}"
                )
        if self.latent_dim < 1 or self.initial_variance <= 0:
            raise ConfigurationError(
                f"latent_dim and initial_variance must be positive, got {self.latent_dim} and {self.initial_variance}"
            )
        self._check_time_scales()
        if self.shared_latent == "exact" and self.transition == "locally_linear":
            raise ConfigurationError(
                "shared_latent='exact' needs one transition matrix for all states: take another transition than "
                "'locally_linear'"
            )

    def as_dict(self) -> dict[str, object]:
        """Plain values, as `MTS3` takes them."""
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
