"""Selected observations find their way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from mbrl_mts3.data import ObservationSelector
from mbrl_mts3.envs.world_model.raw_observations import RawObservationBuilder
from mbrl_mts3.errors import SpaceMismatchError

BOX = spaces.Box(-1.0, 1.0, (3,), np.float64)
NESTED = spaces.Dict(
    {"observation": BOX, "goals": spaces.Dict({"near": spaces.Box(-np.inf, np.inf, (2,), np.float32)})}
)


def names(*indices: int) -> list[str]:
    return [f"observation/{index}" for index in indices]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_a_box_comes_back_as_it_was(order: tuple[int, ...]) -> None:
    selector = ObservationSelector.from_space(BOX, select=names(*order))
    raw = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    layout = RawObservationBuilder(BOX, selector, {})
    back = layout.to_numpy(layout(torch.tensor(selector(raw)), {}))
    assert back.dtype == np.float64
    np.testing.assert_allclose(back, raw, atol=1e-7)


def test_nested_dicts_take_what_the_task_gives() -> None:
    selector = ObservationSelector.from_space(NESTED)
    layout = RawObservationBuilder(NESTED, selector, {"goals/near": 2})
    raw = layout.to_numpy(layout(torch.zeros(4, 3), {"goals/near": torch.ones(4, 2)}))
    assert raw.keys() == {"observation", "goals"}
    assert raw["goals"]["near"].tolist() == [[1.0, 1.0]] * 4
    assert all(
        {"observation": o, "goals": {"near": n}} in NESTED
        for o, n in zip(raw["observation"], raw["goals"]["near"], strict=True)
    )


def test_what_the_model_sees_counts_more_than_what_the_task_gives() -> None:
    selector = ObservationSelector.from_space(NESTED, select=[*names(0, 1, 2), "goals/near/0", "goals/near/1"])
    layout = RawObservationBuilder(NESTED, selector, {"goals/near": 2})
    raw = layout(torch.arange(5.0)[None], {"goals/near": torch.ones(1, 2)})
    assert raw["goals"]["near"].tolist() == [[3.0, 4.0]]


def test_values_are_moved_inside_the_bounds_of_the_space() -> None:
    layout = RawObservationBuilder(BOX, ObservationSelector.from_space(BOX), {})
    raw = layout.to_numpy(layout(torch.tensor([[-3.0, 0.5, 1.0000001]]), {}))
    assert raw[0] in BOX
    assert raw.tolist() == [[-1.0, 0.5, 1.0]]


@pytest.mark.parametrize(
    ("space", "select", "given", "message"),
    [
        (BOX, names(0, 2), {}, r"does not observe entries \[1\].*observation='selected'"),
        (NESTED, names(0, 1, 2), {}, "'goals/near' with 2 entries"),
        (NESTED, names(0, 1, 2), {"goals/near": 3}, "'goals/near' with 2 entries"),
        (spaces.Dict({"a": BOX, "b": spaces.Box(0, 1, (2, 2))}), "a/0", {}, "entries"),
        (
            spaces.Dict({"a": spaces.Box(-1, 1, (1,)), "b": spaces.Box(0, 1, (2, 2))}),
            "a/0",
            {},
            "only Boxes of one dimension",
        ),
    ],
)
def test_gaps_are_refused(space: Any, select: Any, given: dict[str, int], message: str) -> None:
    with pytest.raises(SpaceMismatchError, match=message):
        RawObservationBuilder(space, ObservationSelector.from_space(space, select=select), given)
