"""Ensembles: members of one kind, whose disagreement is the epistemic uncertainty."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor

from mbrl_mts3.argument_kinds import check_arguments
from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.memory import require_memory_for
from mbrl_mts3.models.base import WorldModel
from mbrl_mts3.models.batching import in_chunks
from mbrl_mts3.models.probabilistic_mlp import ProbabilisticMLP
from mbrl_mts3.models.recurrent import GRU, LSTM
from mbrl_mts3.models.state_space.hip_rssm import HiPRSSM
from mbrl_mts3.models.state_space.mts3 import MTS3
from mbrl_mts3.models.state_space.rkn import RKN, AcRKN
from mbrl_mts3.models.transformers import AutoregressiveTransformer, MultiStepTransformer
from mbrl_mts3.models.wrappers.stacking import StackedModels
from mbrl_mts3.predictions import MeanPrediction, Prediction, SampledStep, Trajectories, mix_means, mix_predictions
from mbrl_mts3.tensor_record import TensorRecord

ResultT = TypeVar("ResultT", bound=TensorRecord)

STEPS_AT_ONCE = 100_000
"""Steps, summed over rows and members, whose predictions lie in memory before they are mixed, without gradients.
Members split them further, to fit the processor's caches."""


class Ensemble(WorldModel):
    """E independently initialised models as one equally weighted mixture (deep ensembles, arXiv 1612.01474).

    The variance of a prediction is the mean of the members' variances plus the variance of their means, which is
    also given alone as `epistemic_variance`: it is large where the data does not determine what happens. With
    `member="ProbabilisticMLP"` this is the model of PETS (arXiv 1805.12114).

    In training mode `forward` distributes the sequences of a batch, sequence i to member i mod E, and each is predicted
    by its member alone: so members learn from different windows, at the cost of one model. All other methods use all
    members. A sample follows one member from beginning to end (TS-infinity of PETS). torch.func.vmap computes all
    members at once; only for attention of Transformers on a CPU PyTorch falls back to one member after the other.

    Args:
        member: name of a model, see `SINGLE_MODELS`.
        members: how many, at least 2.
        options: the member's own arguments, without sizes and heads.

    Raises:
        ConfigurationError: no such member or option, or too few members.
    """

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        member: str,
        members: int = 5,
        options: Mapping[str, Any] | None = None,
        *,
        predict_reward: bool = True,
        predict_termination: bool = False,
    ) -> None:
        super().__init__(
            observation_dim, action_dim, predict_reward=predict_reward, predict_termination=predict_termination
        )
        options = dict(options or {})
        _check(member, members, options)
        self.member = member
        heads = {"predict_reward": predict_reward, "predict_termination": predict_termination}
        make = partial(SINGLE_MODELS[member], observation_dim, action_dim, **heads, **options)
        first = make()
        weights = sum(parameter.numel() for parameter in first.parameters())
        require_memory_for(members * weights, f"an ensemble of members={members}")
        self.stack = StackedModels([first, *(make() for _ in range(members - 1))])

    # --- the contract ---------------------------------------------------------------------------------------------

    @property
    def causal(self) -> bool:
        return self.stack.skeleton.causal

    @property
    def period(self) -> int:
        return self.stack.skeleton.period

    @property
    def trains_in_segments(self) -> bool:
        return False

    def arguments(self) -> dict[str, object]:
        own = super().arguments()
        options = {name: value for name, value in self.stack.skeleton.arguments().items() if name not in own}
        return {**own, "member": self.member, "members": self.stack.count, "options": options}

    def initial_belief(self, batch_size: int) -> EnsembleBelief:
        return self._belief(lambda member: (member.initial_belief(batch_size), None))

    def observe(
        self, belief: TensorRecord, observation: Tensor, action: Tensor | None = None, mask: Tensor | None = None
    ) -> EnsembleBelief:
        return self._belief(
            lambda member, known: (member.observe(known, observation, action, mask), None), self._checked(belief)
        )

    def filter(
        self, observations: Tensor, actions: Tensor, mask: Tensor | None = None, belief: TensorRecord | None = None
    ) -> tuple[EnsembleBelief, Prediction]:
        self.check_sequence(observations, actions, mask)
        known = None if belief is None else self._checked(belief)
        if known is not None:
            self.check_rows(len(known.members.tensors()[0]), observations)

        def run(rows: _Given, executed: Tensor) -> _Filtered:
            after, parts = self.stack.run(
                lambda member, *start: member.filter(rows.observations, executed, rows.mask, *start),
                *(() if rows.belief is None else (rows.belief.members,)),
            )
            return _Filtered(EnsembleBelief(after), mix_predictions(parts, dim=0))

        found = in_chunks(run, _Given(observations, mask, known), actions, steps=self._steps_at_once)
        return found.belief, found.prediction

    def imagine(self, belief: TensorRecord, actions: Tensor) -> Prediction:
        def rollout(start: EnsembleBelief, plans: Tensor) -> Prediction:
            _, parts = self.stack.run(lambda member, known: (None, member.imagine(known, plans)), start.members)
            return mix_predictions(parts, dim=0)

        return self._imagine(rollout, belief, actions)

    def imagine_mean(self, belief: TensorRecord, actions: Tensor) -> MeanPrediction:
        def rollout(start: EnsembleBelief, plans: Tensor) -> MeanPrediction:
            _, parts = self.stack.run(lambda member, known: (None, member.imagine_mean(known, plans)), start.members)
            return mix_means(parts, dim=0)

        return self._imagine(rollout, belief, actions)

    def step(self, belief: TensorRecord, action: Tensor) -> tuple[EnsembleBelief, Prediction]:
        known = self._checked(belief)
        after, parts = self.stack.run(lambda member, start: member.step(start, action), known.members)
        return EnsembleBelief(after), mix_predictions(parts, dim=0)

    def start_sampling(self, belief: TensorRecord, generator: torch.Generator | None = None) -> EnsembleSampling:
        known = self._checked(belief)
        like = known.tensors()[0]
        chosen = torch.randint(self.stack.count, (len(like),), device=like.device, generator=generator)
        return EnsembleSampling(known, chosen)

    def sample_step(
        self, state: TensorRecord, action: Tensor, generator: torch.Generator | None = None
    ) -> tuple[EnsembleSampling, SampledStep]:
        if not isinstance(state, EnsembleSampling):
            raise ShapeError(f"expected a state of this model (see start_sampling), got {state!r}")
        after, parts = self.stack.run(lambda member, start: member.step(start, action), state.belief.members)
        rows = torch.arange(len(state.member), device=state.member.device)
        sampled = SampledStep.sample(parts[state.member, rows], generator)
        belief = self.observe_sample(EnsembleBelief(after), sampled.observation)
        return EnsembleSampling(belief, state.member), replace(sampled, prediction=mix_predictions(parts, dim=0)[:, 0])

    def observe_sample(self, belief: TensorRecord, observation: Tensor) -> EnsembleBelief:
        return self._belief(
            lambda member, known: (member.observe_sample(known, observation), None), self._checked(belief)
        )

    def sample(
        self, belief: TensorRecord, actions: Tensor, num_samples: int, generator: torch.Generator | None = None
    ) -> Trajectories:
        known, each = self._checked(belief), -(-num_samples // self.stack.count)
        sampled: Trajectories
        _, sampled = self.stack.run(
            lambda member, start: (None, member.sample(start, actions, each, generator)), known.members, dim=2
        )
        # (B, each, E, ...): sample s is of member s mod E, so that no member has two more than another.
        return sampled.map(lambda tensor: tensor.flatten(1, 2)[:, :num_samples])

    def forward(self, observations: Tensor, actions: Tensor, mask: Tensor | None = None) -> Prediction:
        if not self.training:
            return super().forward(observations, actions, mask)
        self.check_sequence(observations, actions, mask)
        batch, count = len(actions), self.stack.count
        each = -(-batch // count)
        # vmap needs the same number of rows for each member: the first rows are used again, their results are dropped.
        filled = torch.arange(each * count, device=actions.device) % batch

        def distributed(rows: Tensor | None) -> Tensor | None:
            return None if rows is None else rows[filled].unflatten(0, (each, count))

        parts: Prediction
        _, parts = self.stack.run(
            lambda member, *own: (None, member(*own)),
            distributed(observations),
            distributed(actions),
            distributed(mask),
            dim=1,
        )
        return parts.map(lambda tensor: tensor.flatten(0, 1)[:batch])

    # --- parts ----------------------------------------------------------------------------------------------------

    def _belief(self, call: Callable[..., tuple[TensorRecord, None]], *known: EnsembleBelief) -> EnsembleBelief:
        belief, _ = self.stack.run(call, *(record.members for record in known))
        return EnsembleBelief(belief)

    def _imagine(
        self, rollout: Callable[[EnsembleBelief, Tensor], ResultT], belief: TensorRecord, actions: Tensor
    ) -> ResultT:
        start, shape = self._checked(belief), tuple(actions.shape[:-2])
        self.check_actions(actions, len(start.tensors()[0]))
        if actions.ndim == 4:
            start, actions = start.repeat_interleave(shape[1]), actions.flatten(0, 1)
        return in_chunks(rollout, start, actions, steps=self._steps_at_once).reshape_batch(shape)

    @property
    def _steps_at_once(self) -> int:
        return STEPS_AT_ONCE // self.stack.count

    def _checked(self, belief: TensorRecord) -> EnsembleBelief:
        if not isinstance(belief, EnsembleBelief):
            raise ShapeError(f"expected a belief of this model (see initial_belief), got {belief!r}")
        return belief


@dataclass(frozen=True, repr=False)
class _Given(TensorRecord):
    """Inputs of `filter` other than the actions."""

    observations: Tensor
    mask: Tensor | None
    belief: EnsembleBelief | None


@dataclass(frozen=True, repr=False)
class _Filtered(TensorRecord):
    belief: EnsembleBelief
    prediction: Prediction


def _check(member: str, members: int, options: Mapping[str, Any]) -> None:
    if member == Ensemble.__name__:
        raise ConfigurationError("an ensemble of ensembles is one larger ensemble: raise `members` instead")
    if member not in SINGLE_MODELS:
        raise ConfigurationError(
            f"there is no model {member!r} to make an ensemble of: choose one of {', '.join(SINGLE_MODELS)}"
        )
    if members < 2:
        raise ConfigurationError(
            f"members={members}: an ensemble needs at least 2; for a single one, use {member} itself"
        )
    given = set(inspect.signature(WorldModel).parameters)
    allowed = [name for name in inspect.signature(SINGLE_MODELS[member]).parameters if name not in given]
    unknown = [name for name in options if name not in allowed]
    if unknown:
        raise ConfigurationError(f"{member} has no option {', '.join(unknown)} here: choose among {', '.join(allowed)}")
    check_arguments(SINGLE_MODELS[member], options, "options.")


@dataclass(frozen=True, repr=False)
class EnsembleBelief(TensorRecord):
    """The beliefs of E members, of batch size B."""

    members: TensorRecord
    """A member's belief with a dimension more: floating point tensors are (B, E, ...). Integers and flags stay
    (B, ...): they count steps and mark what was shown, which is the same for all members."""


@dataclass(frozen=True, repr=False)
class EnsembleSampling(TensorRecord):
    """Sampling state of B futures: the beliefs of all members, and the member that samples each future."""

    belief: EnsembleBelief
    """Of all members, updated with what was sampled."""
    member: Tensor
    """(B,) int64: the member that samples, the same from beginning to end."""


SINGLE_MODELS: dict[str, type[WorldModel]] = {
    "AcRKN": AcRKN,
    "AutoregressiveTransformer": AutoregressiveTransformer,
    "GRU": GRU,
    "HiPRSSM": HiPRSSM,
    "LSTM": LSTM,
    "MTS3": MTS3,
    "MultiStepTransformer": MultiStepTransformer,
    "RKN": RKN,
    "ProbabilisticMLP": ProbabilisticMLP,
}
"""Single models by name. Add a new model here; it then is one of `MODELS`, too."""


MODELS: dict[str, type[WorldModel]] = {**SINGLE_MODELS, "Ensemble": Ensemble}
"""The models that a checkpoint may name: single models and their ensembles."""
