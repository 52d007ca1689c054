"""Numbers of planned and realised values, by hand."""

import json

import numpy as np
import pytest

from mbrl_mts3.files import to_jsonable
from mbrl_mts3.metrics import PlannedValues


def test_numbers_by_hand() -> None:
    values = PlannedValues(10, 3, 20, np.array([1.0, 2.0, 3.0, 7.0]), np.array([0.0, 2.0, 5.0, 4.0]))
    assert values.share_too_high == 0.5
    # Ranks 1 2 3 4 against 1 2 4 3: 1 - 6 * 2 / (4 * 15).
    assert values.rank_correlation == pytest.approx(0.8)
    written = json.loads(json.dumps(to_jsonable(values.to_json()), allow_nan=False))
    assert written["mean_planned"] == 3.25
    assert written["mean_realised"] == 2.75
    assert written["compared"] == 4
    assert (written["horizon"], written["stride"], written["decisions"]) == (10, 3, 20)
    assert written["planned"] == [1.0, 2.0, 3.0, 7.0]
    assert written["realised"] == [0.0, 2.0, 5.0, 4.0]


@pytest.mark.parametrize("planned", [[], [1.0, 2.0], [1.0, 1.0, 1.0]])
def test_what_is_not_defined_is_none(planned: list[float]) -> None:
    values = PlannedValues(10, 3, 5, np.array(planned), np.arange(len(planned), dtype=float))
    assert values.rank_correlation is None
    if not planned:
        assert values.share_too_high is None
        assert values.to_json()["mean_planned"] is None
