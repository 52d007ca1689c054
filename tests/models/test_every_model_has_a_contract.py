"""A model of `MODELS` that no subclass of `WorldModelContract` builds is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbrl_mts3.models import MODELS

HERE = Path(__file__).parent
ONE_TEST = "Contract and test_shapes_and_positive_variances"


class Recorder:
    """A plugin of pytest that keeps the classes of all models that the contract was set up with."""

    def __init__(self) -> None:
        self.built: set[type] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef, request: pytest.FixtureRequest) -> object:
        value = yield
        if fixturedef.argname == "model":
            self.built.add(type(value))
        return value


def test_every_model_has_a_contract(capsys: pytest.CaptureFixture[str]) -> None:
    recorder = Recorder()
    options = ["--setup-only", "-k", ONE_TEST, "--import-mode=importlib", "-p", "no:cacheprovider", "-n0"]
    status = pytest.main([str(HERE), f"--rootdir={HERE.parents[1]}", *options], plugins=[recorder])
    assert status == pytest.ExitCode.OK, capsys.readouterr().out
    missing = [name for name, model in MODELS.items() if model not in recorder.built]
    assert not missing, "write a subclass of WorldModelContract that builds it"
