"""The matrices of MTS3, built once per call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mbrl_mts3.gaussian import SharedMaps, noise_belief
from mbrl_mts3.models.fast_maps import FastMaps
from mbrl_mts3.models.interaction import Interaction
from mbrl_mts3.models.time_scale import SlowMaps

if TYPE_CHECKING:
    from mbrl_mts3.models.mts3 import MTS3


@dataclass(frozen=True)
class MTS3Maps(FastMaps):
    """The matrices of the fast level and of the slow ones."""

    levels: tuple[SlowMaps, ...]
    shared: SharedMaps | None
    interaction: Interaction | None


def build_maps(model: MTS3) -> MTS3Maps:
    """All matrices of one forward pass."""
    transition = model.transition()
    cause = model.cause_map() if model.cause_map is not None else None
    exact = model.options.shared_latent == "exact" and cause is not None
    shared = SharedMaps(transition.to_dense(), cause.to_dense()) if exact and cause is not None else None
    together = model.interaction
    return MTS3Maps(
        transition,
        cause,
        noise_belief(model.noise()),
        tuple(level.maps() for level in model.slow_levels),
        shared,
        None if together is None else Interaction(together.state_weight, together.out_weight),
    )
