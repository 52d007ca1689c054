"""The annotations of shapes are checked while the tests run."""

import os

import pytest
import torch
from jaxtyping import TypeCheckError

from mbrl_mts3.gaussian import negative_log_likelihood


@pytest.fixture
def checked(pytestconfig: pytest.Config) -> None:
    named = pytestconfig.getoption("jaxtyping_packages")
    if not named and "MTS3_TEST_SITE" not in os.environ:
        pytest.skip("shapes are checked by make test: --jaxtyping-packages=mbrl_mts3,beartype.beartype")


@pytest.mark.usefixtures("checked")
def test_a_wrong_shape_raises_where_broadcasting_would_hide_it() -> None:
    with pytest.raises(TypeCheckError):
        negative_log_likelihood(torch.zeros(2, 3), torch.ones(2, 1), torch.zeros(2, 3))


@pytest.mark.usefixtures("checked")
def test_a_wrong_type_raises() -> None:
    with pytest.raises(TypeCheckError):
        negative_log_likelihood(torch.zeros(2, dtype=torch.int64), torch.ones(2), torch.zeros(2))


def test_the_right_shape_passes() -> None:
    assert negative_log_likelihood(torch.zeros(2, 3), torch.ones(2, 3), torch.zeros(2, 3)).shape == (2, 3)
