"""Freed memory stays with the process, where the C library lets one choose."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys, torch
from mbrl_mts3.training import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def use():
    for _ in range(3):
        a = torch.ones(16_000_000); b = torch.ones(16_000_000); del a, b
use()
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_pages_are_not_mapped_anew():
    faults = {}
    for choice in ("keep", "leave"):
        done = subprocess.run([sys.executable, "-c", PROGRAM, choice], check=True, capture_output=True, text=True)
        faults[choice] = int(done.stdout)
    # Where the heap happens to lie, one of the six tensors may still be mapped anew.
    assert faults["keep"] < faults["leave"] / 2
