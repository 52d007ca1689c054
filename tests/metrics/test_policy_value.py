"""What is said of a policy's value."""

import json

import numpy as np

from mbrl_mts3.metrics import PolicyValue, bootstrap_interval


def test_means_and_intervals_are_those_of_the_returns() -> None:
    imagined, real, whole = np.array([1.0, 2.0, 6.0]), np.array([4.0, 8.0]), np.array([40.0, 80.0])
    value = PolicyValue("one", imagined, real, whole)
    assert (value.estimate, value.value, value.whole_value) == (3.0, 6.0, 60.0)
    assert value.interval == bootstrap_interval(imagined)
    written = json.loads(json.dumps(value.to_json()))
    assert written["imagined_returns"] == [1.0, 2.0, 6.0]
    assert written["value_interval"] == list(bootstrap_interval(real))
    assert "one" in repr(value)


def test_without_real_episodes_there_is_no_value() -> None:
    value = PolicyValue("one", np.array([1.0, 2.0]))
    assert value.value is value.value_interval is value.whole_value is None
    assert value.to_json()["real_returns"] is None
