"""Changes of observations: what encoders see of motion, and predictions that add changes to what was observed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mbrl_mts3.tensor_record import TensorRecord


class ChangeScale(nn.Module):
    """The typical size of a change in one step, for each entry of an observation, in units of its deviation.

    Args:
        observation_dim: size of an observation.
    """

    size: Tensor
    """(obs,): `Normalizer.change_scale` of the training data; 1 before `set_change_scale`."""

    def __init__(self, observation_dim: int) -> None:
        super().__init__()
        self.register_buffer("size", torch.ones(observation_dim))


def set_change_scale(model: nn.Module, scale: Tensor | None) -> None:
    """Give `scale` (obs,) to every part of a model that works with changes; None leaves the model as it is."""
    for part in model.modules():
        if isinstance(part, ChangeScale) and scale is not None:
            part.size.copy_(scale)


@dataclass(frozen=True, repr=False)
class LastObservation(TensorRecord):
    """The last observation of each sequence before step t, of batch size B."""

    value: Tensor
    """(B, obs); zero where there was none."""
    steps: Tensor
    """(B,) float: steps from it to t; infinity where there was none."""

    @classmethod
    def none(cls, batch_size: int, observation_dim: int, like: Tensor) -> LastObservation:
        """Of sequences without any observation, with the device and dtype of `like`."""
        return cls(like.new_zeros(batch_size, observation_dim), like.new_full((batch_size,), torch.inf))

    def advance(self, steps: int = 1) -> LastObservation:
        """The same, `steps` later."""
        return LastObservation(self.value, self.steps + steps)

    def update(self, observation: Float[Tensor, "batch obs"], mask: Bool[Tensor, " batch"] | None) -> LastObservation:
        """With o_t where the mask shows it."""
        now = LastObservation(observation, torch.zeros_like(self.steps))
        return now if mask is None else now.where(mask, self)

    def features(self, observation: Float[Tensor, "batch obs"], scale: ChangeScale) -> Float[Tensor, "batch inputs"]:
        """What encoders see of o_t: see `features_along`."""
        return _features(observation, self.value, self.steps, scale.size)


def features_along(
    start: LastObservation,
    observations: Float[Tensor, "batch time obs"],
    mask: Bool[Tensor, "batch time"] | None,
    scale: ChangeScale,
) -> tuple[Float[Tensor, "batch time inputs"], LastObservation]:
    """What encoders see of o_0..o_{T-1}: [o; change per step since the last observation / scale; 1 / steps since then].

    From positions alone a network would have to subtract large numbers to see how fast they change. Where nothing was
    observed before, the change and the last number are 0; what the mask hides is 0 as well.

    Args:
        start: the last observation before o_0.

    Returns:
        Features (B, T, 2 obs + 1), and the last observation before o_T.
    """
    batch, length = observations.shape[:2]
    device = observations.device
    shown = torch.ones(batch, length, dtype=torch.bool, device=device) if mask is None else mask
    clean = torch.where(shown.unsqueeze(-1), observations, torch.zeros_like(observations))
    # Place 0 is the start, place t + 1 is o_t; `latest` is the last place before each step that holds an observation.
    values = torch.cat([start.value[:, None], clean], dim=1)
    places = torch.arange(1, length + 1, device=device).expand(batch, length)
    reached = torch.where(shown, places, torch.zeros_like(places)).cummax(dim=1).values
    latest = torch.cat([torch.zeros_like(reached[:, :1]), reached], dim=1)
    steps = (torch.arange(1, length + 2, device=device) - latest).to(clean.dtype)
    steps = torch.where(latest == 0, start.steps[:, None] + steps - 1, steps)
    last = values.gather(1, latest.unsqueeze(-1).expand(-1, -1, clean.shape[-1]))
    features = _features(clean, last[:, :-1], steps[:, :-1], scale.size)
    return torch.where(shown.unsqueeze(-1), features, torch.zeros_like(features)), LastObservation(
        last[:, -1], steps[:, -1]
    )


def _features(observation: Tensor, last: Tensor, steps: Tensor, size: Tensor) -> Tensor:
    # An observation that is given again at the same step is no change.
    rate = torch.where(steps > 0, steps.reciprocal(), torch.zeros_like(steps)).unsqueeze(-1)
    return torch.cat([observation, (observation - last) * rate / size, rate], dim=-1)


def complementary_means(
    absolute: Float[Tensor, "batch time obs"],
    changes: Float[Tensor, "batch time obs"],
    start: Float[Tensor, "batch obs"],
    observations: Float[Tensor, "batch time obs"] | None,
    mask: Bool[Tensor, "batch time"] | None,
    scale: ChangeScale,
    noise: Float[Tensor, "batch time obs"] | None = None,
) -> Float[Tensor, "batch time obs"]:
    """A complementary filter: changes near an observation, the absolute prediction far from it.

        m_{t+1} = (1 - g) (r_t + g d_t) + g a_t,    g = scale

    with the reference r_t = o_t where it was observed, else m_t. The gain g of an entry is what it typically changes in
    a step: an entry that hardly moves is held for 1 / g steps, one that changes as fast as noise is predicted outright.

    Args:
        absolute: a_t, predictions of o_{t+1}.
        changes: d_t, predictions of o_{t+1} - o_t, in units of `scale`.
        start: r_0, where o_0 is not observed.
        observations, mask: o_0..o_{T-1} where they were observed; None for an open loop.
        noise: added to each m, and carried on by the references.
    """
    gain = scale.size
    if observations is not None and mask is not None:
        # Errors that have added up over a long open loop say little of a single change, which has a loss of its own.
        changes = torch.where(mask.unsqueeze(-1), changes, changes.detach())
    shares = changes * (gain * (1 - gain)) + absolute * gain
    if observations is not None and mask is None:
        return observations * (1 - gain) + shares
    kept = (1 - gain).expand_as(start)
    reference, means = start, []
    for t, share in enumerate(shares.unbind(1)):
        if observations is not None and mask is not None:
            reference = torch.where(mask[:, t, None], observations[:, t], reference)
        reference = torch.addcmul(share, reference, kept)
        if noise is not None:
            reference = reference + noise[:, t]
        means.append(reference)
    return torch.stack(means, dim=1)
