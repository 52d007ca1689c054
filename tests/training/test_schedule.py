"""The learning rate follows steps or the clock, also over an interruption."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from mbrl_mts3.data import Normalizer
from mbrl_mts3.data.masking import MaskSampler
from mbrl_mts3.training import Schedule, WorldModelModule


@pytest.fixture
def clock(monkeypatch):
    now = Mock(return_value=1000.0)
    monkeypatch.setattr("mbrl_mts3.training.lightning_module.time.monotonic", now)
    return now


def test_whichever_is_further_counts(clock):
    schedule = Schedule(max_updates=100, max_seconds=50.0)
    assert schedule.progress(20) == 0.2
    schedule.start()
    clock.return_value += 10
    assert schedule.progress(10) == pytest.approx(0.2)
    assert schedule.progress(30) == 0.3
    clock.return_value += 100
    assert schedule.progress(30) == 1.0
    assert schedule.rate(30) == pytest.approx(schedule.learning_rate * schedule.final)


def test_the_clock_goes_on_after_an_interruption(clock, small_mts3):
    def module(schedule):
        masks = MaskSampler(5)
        return WorldModelModule(small_mts3(1, 1), Normalizer.identity(1, 1), masks, schedule, validation_context=5)

    before = Schedule(max_updates=100, max_seconds=50.0)
    before.start()
    clock.return_value += 30
    state: dict[str, float] = {}
    module(before).on_save_checkpoint(state)
    clock.return_value += 5000
    after = Schedule(max_updates=100, max_seconds=50.0)
    after.start()
    module(after).on_load_checkpoint(state)
    clock.return_value += 5
    assert after.elapsed == pytest.approx(35)
    assert after.progress(0) == pytest.approx(0.7)
    assert after.rate(0) < after.learning_rate / 2
