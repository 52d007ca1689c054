"""Models that do not fit into memory are refused before anything of their size is asked for."""

from __future__ import annotations

import pytest

from mbrl_mts3 import memory
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.models import GRU, MTS3, AcRKN, Ensemble, HiPRSSM, MultiStepTransformer, ProbabilisticMLP

HUGE = 300_000


@pytest.mark.parametrize(
    "make",
    [
        lambda: MTS3(3, 2, latent_dim=HUGE),
        lambda: MTS3(3, 2, latent_dim=HUGE, transition="locally_linear"),
        lambda: MTS3(3, 2, encoder_hidden=(HUGE, HUGE)),
        lambda: MTS3(3, 2, decoder_hidden=(100, HUGE, HUGE)),
        lambda: AcRKN(3, 2, latent_dim=HUGE),
        lambda: HiPRSSM(3, 2, task_hidden=(HUGE, HUGE)),
        lambda: GRU(3, 2, width=HUGE),
        lambda: MultiStepTransformer(3, 2, width=HUGE),
        lambda: ProbabilisticMLP(3, 2, hidden=(HUGE, HUGE)),
        lambda: Ensemble(3, 2, "MTS3", 2, {"latent_dim": HUGE}),
    ],
)
def test_they_are_refused_with_sizes_and_advice(make) -> None:
    """Each would take more than a terabyte; an attempt would fail in another way, or not return."""
    with pytest.raises(ConfigurationError, match=r"GiB in training, of which .* available: choose smaller sizes"):
        make()


def test_what_fits_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    largest = (2 * 30) ** 2 * 16
    monkeypatch.setattr(memory, "available_memory", lambda: 10 * largest)
    MTS3(3, 2, latent_dim=30, encoder_hidden=(8,), window_hidden=(8,), action_hidden=(8,), control_hidden=(8,))
    monkeypatch.setattr(memory, "available_memory", lambda: largest - 1)
    with pytest.raises(ConfigurationError, match="latent_dim=30"):
        MTS3(3, 2, latent_dim=30, encoder_hidden=(8,), window_hidden=(8,), action_hidden=(8,), control_hidden=(8,))
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    MTS3(3, 2, latent_dim=30)
