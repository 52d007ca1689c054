"""Feed-forward networks: plain, with Gaussian outputs, encoders, decoders and prediction heads."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.gaussian import Evidence, FactorisedGaussian
from mbrl_mts3.memory import require_memory_for

MINIMUM_VARIANCE = 1e-4
"""Added to every predicted variance."""


def _require_layers(sizes: Sequence[int]) -> None:
    require_memory_for(sum(a * b for a, b in pairwise(sizes)), f"a network with layers of {list(sizes)} units")


class MLP(nn.Sequential):
    """Linear layers with ReLU between them, optionally LayerNorm before the last one.

    Args:
        inputs: size of the last dimension of the input.
        hidden: sizes of the hidden layers; empty for one linear layer.
        outputs: size of the last dimension of the output.
        layer_norm: normalise the last hidden layer, as the MTS3 paper does in its control network.

    Raises:
        ConfigurationError: a layer without units.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int, *, layer_norm: bool = False) -> None:
        if min(hidden, default=1) < 1:
            raise ConfigurationError(f"hidden layers of the sizes {list(hidden)}: expected at least 1 unit in each")
        _require_layers((inputs, *hidden, outputs))
        layers: list[nn.Module] = []
        width = inputs
        for size in hidden:
            # In place: a linear layer needs its input for the backward pass, never its output.
            layers += [nn.Linear(width, size), nn.ReLU(inplace=True)]
            width = size
        if layer_norm:
            layers.append(nn.LayerNorm(width))
        super().__init__(*layers, nn.Linear(width, outputs))

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (..., inputs) to (..., outputs), in the type of the inputs under autocast too."""
        # As one matrix: the result of a linear layer on more dimensions is a view, and changing that in place
        # makes autograd copy it in the backward pass.
        outputs: Tensor = super().forward(inputs.reshape(-1, inputs.shape[-1]))  # type: ignore[no-untyped-call]
        return outputs.to(inputs.dtype).view(*inputs.shape[:-1], outputs.shape[-1])


class MLPWithLinearPath(nn.Module):
    """An MLP plus a linear map of its inputs, which small numbers pass at full precision.

    Hidden layers learn late to hand on what is small, such as the change of an observation in one step.

    Args:
        inputs: size of the last dimension of the input.
        hidden: sizes of the hidden layers.
        outputs: size of the last dimension of the output.
        linear_outputs: how many of the first outputs have the linear path; None means all.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int, *, linear_outputs: int | None = None) -> None:
        super().__init__()
        self.hidden_path = MLP(inputs, hidden, outputs)
        self.linear_path = nn.Linear(inputs, outputs if linear_outputs is None else linear_outputs, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (..., inputs) to (..., outputs)."""
        hidden: Tensor = self.hidden_path(inputs)
        linear: Tensor = self.linear_path(inputs).to(hidden.dtype)
        return hidden + nn.functional.pad(linear, (0, hidden.shape[-1] - linear.shape[-1]))


class GaussianMLP(nn.Module):
    """SiLU layers with two linear heads, one of means and one of variances.

    `features` and the heads are separate, so that rollouts can skip the variances.

    Args:
        inputs: size of the last dimension of the input.
        outputs: how many means.
        variances: how many variances, of the first outputs.
        hidden: sizes of the hidden layers.
    """

    def __init__(self, inputs: int, outputs: int, variances: int, hidden: Sequence[int]) -> None:
        super().__init__()
        widths = (inputs, *hidden)
        _require_layers(widths)
        layers: list[nn.Module] = []
        for i, size in enumerate(hidden):
            layers += [nn.Linear(widths[i], size), nn.SiLU()]
        self.trunk = nn.Sequential(*layers)
        self.mean_head = nn.Linear(widths[-1], outputs)
        self.variance_head = nn.Linear(widths[-1], variances)

    def features(self, inputs: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch hidden"]:
        """The last hidden layer."""
        found: Tensor = self.trunk(inputs)
        return found

    def mean(self, features: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch outputs"]:
        """Means, from the features."""
        found: Tensor = self.mean_head(features)
        return found

    def variance(self, features: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch variances"]:
        """Variances > 1e-4, from the features."""
        return torch.nn.functional.softplus(self.variance_head(features)) + MINIMUM_VARIANCE


class GaussianEncoder(nn.Module):
    """An MLP from inputs to latent observations w with variances v > 1e-4.

    Args:
        inputs: size of the input.
        outputs: size of the latent observation.
        hidden: sizes of the hidden layers.
        linear_path: see `MLPWithLinearPath`.
    """

    def __init__(self, inputs: int, outputs: int, hidden: Sequence[int], *, linear_path: bool = False) -> None:
        super().__init__()
        self.network = (MLPWithLinearPath if linear_path else MLP)(inputs, hidden, 2 * outputs)

    def forward(self, inputs: Float[Tensor, "*batch inputs"], mask: Bool[Tensor, "*batch"] | None = None) -> Evidence:
        """The evidence of each input; masked inputs may hold any value and give none."""
        if mask is not None:
            # Zero times NaN is NaN in the backward pass too, so masked inputs never reach the network.
            inputs = torch.where(mask.unsqueeze(-1), inputs, torch.zeros((), dtype=inputs.dtype, device=inputs.device))
        # Halves of rows are strided; copied once, all that follows runs several times faster.
        value, raw = (half.contiguous() for half in self.network(inputs).chunk(2, dim=-1))
        return Evidence.from_observation(value, torch.nn.functional.softplus(raw) + MINIMUM_VARIANCE, mask)


def make_mean_head(
    inputs: int, hidden: Sequence[int], outputs: int, linear_outputs: int | None
) -> MLP | MLPWithLinearPath:
    """An MLP, with a linear path for the first outputs if `linear_outputs` says how many."""
    if linear_outputs is None:
        return MLP(inputs, hidden, outputs)
    return MLPWithLinearPath(inputs, hidden, outputs, linear_outputs=linear_outputs)


class GaussianHeads(nn.Module):
    """Two networks on the same features, one of means and one of variances.

    Args:
        features: size of the input.
        outputs: how many means.
        variances: how many variances, of the first outputs.
        hidden: sizes of the hidden layers of the means' head.
        variance_hidden: of the variances' head; None means `hidden`.
        linear_path: let the means' head have one for the outputs with a variance, see `MLPWithLinearPath`. Changes are
            not among them: with one, models learn even a linear system far worse (docs/experiments.md).
    """

    def __init__(
        self,
        features: int,
        outputs: int,
        variances: int,
        hidden: Sequence[int],
        *,
        variance_hidden: Sequence[int] | None = None,
        linear_path: bool = False,
    ) -> None:
        super().__init__()
        self.mean = make_mean_head(features, hidden, outputs, variances if linear_path else None)
        self.variance_network = MLP(features, hidden if variance_hidden is None else variance_hidden, variances)

    def variance(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch variances"]:
        """Variances (..., variances) > 1e-4."""
        return nn.functional.softplus(self.variance_network(features)) + MINIMUM_VARIANCE


class GaussianDecoder(nn.Module):
    """Two heads: means from the belief's mean, variances from its covariance (MTS3, arXiv 2310.18534).

    The covariance of a belief hardly depends on the state, noise and model errors do: with `heteroscedastic`,
    variances depend on the whole belief. The other arguments are those of `GaussianHeads`.

    Args:
        latent_dim: n of the belief.
        heteroscedastic: let the variances' head see the belief's mean, too.
        linear_path: see `GaussianHeads`.
    """

    def __init__(
        self,
        latent_dim: int,
        outputs: int,
        variances: int,
        hidden: Sequence[int],
        *,
        variance_hidden: Sequence[int] | None = None,
        heteroscedastic: bool = False,
        linear_path: bool = False,
    ) -> None:
        super().__init__()
        self.heteroscedastic = heteroscedastic
        features = (5 if heteroscedastic else 3) * latent_dim
        self.mean = make_mean_head(2 * latent_dim, hidden, outputs, variances if linear_path else None)
        self.variance = MLP(features, hidden if variance_hidden is None else variance_hidden, variances)

    def forward(
        self, belief: FactorisedGaussian
    ) -> tuple[Float[Tensor, "*batch outputs"], Float[Tensor, "*batch variances"]]:
        """Means (..., outputs) and variances (..., variances) > 1e-4."""
        features = covariance_features(belief)
        if self.heteroscedastic:
            features = torch.cat([features, belief.mean], dim=-1)
        raw = self.variance(features)
        return self.mean(belief.mean), torch.nn.functional.softplus(raw) + MINIMUM_VARIANCE


def covariance_features(belief: FactorisedGaussian) -> Float[Tensor, "*batch three_n"]:
    """Features of a covariance: [log s_u; log s_l; correlation].

    In logarithms, because variances span decades, from observed states to states that were not observed for long.
    """
    # Parts of rows are strided; copied once, all that follows runs several times faster.
    upper, lower, side = (part.contiguous() for part in belief.parts)
    correlation = side * torch.rsqrt(upper * lower)
    return torch.cat([upper.log(), lower.log(), correlation], dim=-1)
