"""Changes of observations, against plain loops in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mbrl_mts3.models import GRU, MTS3
from mbrl_mts3.models.changes import ChangeScale, LastObservation, complementary_means, features_along, set_change_scale

SIZE = (0.02, 0.5, 1.0)


@pytest.fixture
def scale() -> ChangeScale:
    scale = ChangeScale(len(SIZE)).double()
    set_change_scale(scale, torch.tensor(SIZE))
    return scale


def features_by_hand(observations: np.ndarray, mask: np.ndarray, last: np.ndarray, steps: float) -> list[np.ndarray]:
    found, time = [], -steps
    for t, (observation, shown) in enumerate(zip(observations, mask, strict=True)):
        if not shown:
            found.append(np.zeros(2 * len(SIZE) + 1))
            continue
        rate = 0.0 if np.isinf(time) else 1 / (t - time)
        found.append(np.concatenate([observation, (observation - last) * rate / np.array(SIZE), [rate]]))
        last, time = observation, t
    return found


@pytest.mark.parametrize("known", [False, True])
def test_features_equal_a_loop_and_single_steps(scale: ChangeScale, known: bool) -> None:
    observations = torch.randn(4, 11, 3, dtype=torch.float64)
    mask = torch.rand(4, 11) < 0.5
    mask[0], mask[1] = False, True
    start = LastObservation.none(4, 3, observations)
    if known:
        start = LastObservation(torch.randn(4, 3, dtype=torch.float64), torch.tensor([1.0, 3, 2, 7]).double())
    hidden = torch.where(mask.unsqueeze(-1), observations, torch.nan)
    found, after = features_along(start, hidden, mask, scale)
    for row in range(4):
        begin = (start.value[row].numpy(), float(start.steps[row]))
        expected = features_by_hand(observations[row].numpy(), mask[row].numpy(), *begin)
        np.testing.assert_allclose(found[row], expected, rtol=1e-6)  # the scale is a float32 number
    last = start
    for t in range(11):
        single = last.features(observations[:, t], scale)
        torch.testing.assert_close(single[mask[:, t]], found[mask[:, t], t])
        last = last.update(observations[:, t], mask[:, t]).advance()
    torch.testing.assert_close(after.value, last.value)
    torch.testing.assert_close(after.steps, last.steps)


def test_an_observation_given_twice_is_no_change(scale: ChangeScale) -> None:
    observation = torch.randn(2, 3, dtype=torch.float64)
    last = LastObservation.none(2, 3, observation).update(observation, None)
    assert torch.equal(last.features(observation, scale)[:, 3:], torch.zeros(2, 4, dtype=torch.float64))


@pytest.mark.parametrize("shown", ["all", "some", "none"])
def test_the_complementary_filter_equals_its_recursion(scale: ChangeScale, shown: str) -> None:
    absolute, changes, observations = (torch.randn(3, 9, 3, dtype=torch.float64) for _ in range(3))
    start, gain = torch.randn(3, 3, dtype=torch.float64), torch.tensor(SIZE).double()
    mask = {"all": None, "some": torch.rand(3, 9) < 0.4, "none": None}[shown]
    seen = None if shown == "none" else observations
    reference, expected = start, []
    for t in range(9):
        if shown == "all":
            reference = observations[:, t]
        elif mask is not None:
            reference = torch.where(mask[:, t, None], observations[:, t], reference)
        moved = reference + gain * changes[:, t]
        reference = moved + gain * (absolute[:, t] - moved)
        expected.append(reference)
    found = complementary_means(absolute, changes, start, seen, mask, scale)
    # The gain is a float32 number.
    torch.testing.assert_close(found, torch.stack(expected, 1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("model_class", [MTS3, GRU])
def test_where_everything_changes_as_much_as_it_varies_the_target_is_absolute(model_class: type) -> None:
    """With a scale of 1, which a model has before it is told another, decoded changes do nothing."""
    model = model_class(3, 2, target="complementary").eval()
    observations, actions = torch.randn(2, 20, 3), torch.randn(2, 20, 2)
    before = model(observations, actions).mean
    decoder = model.readout.decoder.mean if model_class is MTS3 else model.heads.mean
    with torch.no_grad():
        decoder.hidden_path[-1].bias[-3:] += 100
    torch.testing.assert_close(model(observations, actions).mean, before)
    set_change_scale(model, torch.full((3,), 0.1))
    assert (model(observations, actions).mean - before).abs().max() > 5


def test_slow_entries_are_held_and_their_motion_is_seen() -> None:
    """An untrained model predicts an entry that hardly moves within its typical change, whatever it decodes."""
    model = MTS3(3, 2, target="complementary").eval()
    set_change_scale(model, torch.tensor([0.001, 0.001, 1.0]))
    observations, actions = 5 + torch.randn(2, 1, 3).expand(2, 20, 3), torch.randn(2, 20, 2)
    error = (model(observations, actions).mean - observations).abs()
    assert error[..., :2].max() < 0.02 < error[..., 2].min()
