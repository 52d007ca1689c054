"""The parameters of MTS3, and the matrices that are built from them once per call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from mbrl_mts3.gaussian import SharedLatentMaps, noise_belief
from mbrl_mts3.models.state_space.fast_level import FastLevelModel
from mbrl_mts3.models.state_space.options import MTS3Options
from mbrl_mts3.models.state_space.scan import FastLevelMaps, GateSequence
from mbrl_mts3.models.state_space.time_scale import SlowLevel, SlowLevelMaps
from mbrl_mts3.networks import Gates


class MTS3Network(FastLevelModel):
    """The networks of MTS3. `MTS3` documents the options; the inference is in `inference.py`."""

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        time_scales: Sequence[int] = (15,),
        *,
        latent_dim: int = 30,
        slow_latent_dim: int | None = None,
        transition: str = "dense",
        aggregation: str = "causal",
        conditioning: str = "prior",
        shared_latent: str = "independent",
        target: str = "absolute",
        actuated: bool = True,
        abstract_actions: bool = True,
        predict_reward: bool = True,
        predict_termination: bool = False,
        encoder_hidden: Sequence[int] = (120,),
        window_hidden: Sequence[int] = (240,),
        action_hidden: Sequence[int] = (240,),
        control_hidden: Sequence[int] = (120,),
        gated: bool = False,
        decoder_hidden: Sequence[int] = (240,),
        variance_hidden: Sequence[int] | None = None,
        heteroscedastic: bool = False,
        initial_variance: float = 10.0,
        slow_initial_variance: float | None = None,
    ) -> None:
        super().__init__(
            observation_dim, action_dim, predict_reward=predict_reward, predict_termination=predict_termination
        )
        self.options = MTS3Options(
            time_scales=tuple(time_scales),
            latent_dim=latent_dim,
            slow_latent_dim=slow_latent_dim,
            transition=transition,
            aggregation=aggregation,
            conditioning=conditioning,
            shared_latent=shared_latent,
            target=target,
            actuated=actuated,
            abstract_actions=abstract_actions,
            encoder_hidden=tuple(encoder_hidden),
            window_hidden=tuple(window_hidden),
            action_hidden=tuple(action_hidden),
            control_hidden=tuple(control_hidden),
            gated=gated,
            decoder_hidden=tuple(decoder_hidden),
            variance_hidden=None if variance_hidden is None else tuple(variance_hidden),
            heteroscedastic=heteroscedastic,
            initial_variance=initial_variance,
            slow_initial_variance=slow_initial_variance,
        )
        self.levels = nn.ModuleList(self._level(i) for i in range(len(self.options.time_scales)))
        driven = actuated and action_dim > 0
        self.build_fast_level(
            latent_dim,
            "diagonal" if gated else transition,
            control_hidden,
            driven=driven and not gated,
            caused=len(self.levels) > 0,
            cause_dim=slow_latent_dim,
        )
        self.gates = Gates(latent_dim, action_dim if driven else 0, self.options.slow_size) if gated else None
        self.observation_encoder = self.build_encoder(target, latent_dim, encoder_hidden)
        self.build_readout(latent_dim, target, decoder_hidden, variance_hidden, heteroscedastic)

    @property
    def slow_levels(self) -> list[SlowLevel]:
        """The slow levels, the fastest of them first."""
        return [level for level in self.levels if isinstance(level, SlowLevel)]

    def gates_along(self, actions: Tensor, cause: Tensor | None) -> GateSequence | None:
        """The gates under actions (B, T, act) and means of the first slow latent (B, T, 2n); None without gates."""
        return None if self.gates is None else GateSequence(self.gates.weight, self.gates.inputs(actions, cause))

    def _level(self, index: int) -> SlowLevel:
        options = self.options
        return SlowLevel(
            options.time_scales[index],
            self.encoder_size(options.target),
            self.action_dim if options.aggregates_actions else 0,
            options.slow_size,
            has_parent=index + 1 < len(options.time_scales),
            transition=options.transition,
            window_hidden=options.window_hidden,
            action_hidden=options.action_hidden,
            causal=options.aggregation == "causal",
            smoothing=options.conditioning == "posterior",
        )


@dataclass(frozen=True)
class MTS3Maps(FastLevelMaps):
    """The matrices of the fast level and of the slow levels."""

    levels: tuple[SlowLevelMaps, ...]
    shared: SharedLatentMaps | None


def build_maps(model: MTS3Network) -> MTS3Maps:
    """Build all matrices of one forward pass."""
    transition = model.transition()
    cause = model.cause_map() if model.cause_map is not None else None
    exact = model.options.shared_latent == "exact" and cause is not None
    shared = SharedLatentMaps(transition.to_dense(), cause.to_dense()) if exact and cause is not None else None
    return MTS3Maps(
        transition,
        cause,
        noise_belief(model.noise()),
        tuple(level.maps() for level in model.slow_levels),
        shared,
    )
