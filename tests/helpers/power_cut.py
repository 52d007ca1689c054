"""Training that breaks off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def power_cut(monkeypatch: pytest.MonkeyPatch, step: int) -> Iterator[None]:
    """A training inside this context, and there must be one, breaks off after so many updates."""

    def stop(module: Any, *_: object) -> None:
        if module.global_step >= step:
            raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr("mbrl_mts3.training.WorldModelModule.on_train_batch_end", stop)
        with pytest.raises(RuntimeError, match="power cut"):
            yield
