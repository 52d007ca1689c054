"""Every command ends in one of our errors where the system refuses a write, and leaves nothing half-written."""

from __future__ import annotations

import errno
import json
import random
import resource
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import pytest
from forked_commands import Ended, run_forked, run_forked_apart
from refused_writes import refuse_writes
from small_runs import COMMANDS, WRITERS, prepare, words_of

from mbrl_mts3.files import PREFIX

REFUSALS = (errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES)
# What a sweep and an experiment leave with where a run of theirs failed.
MANY = ("benchmark", "experiment")


@pytest.fixture(scope="module")
def paths(work: Path) -> dict[str, str]:
    found = prepare(work)
    return {**found, "copy": found["model"]}


def check_refused(name: str, ended: Ended, folder: Path, work: Path) -> None:
    assert ended.status == 2 or (ended.status == 1 and name in MANY), ended.err
    assert "Traceback" not in ended.err
    assert "Exception ignored" not in ended.err
    told = [line for line in (ended.err + ended.out).splitlines() if "StorageError: " in line]
    assert told, ended.err
    named = (str(work), "out.hdf5")
    assert all("MiB are free" in line and any(path in line for path in named) for line in told), told
    assert not [*(work / "minari").rglob(f"{PREFIX}*"), *folder.rglob(f"{PREFIX}*")]
    check_whole(folder)


def check_whole(folder: Path) -> None:
    """Each file that has its name can be read to its end."""
    for path in folder.rglob("*.*"):
        if ".hydra" in path.parts or not path.is_file():
            continue
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix in (".zip", ".npz", ".ckpt", ".pt"):
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
        elif path.suffix == ".png":
            assert path.read_bytes()[-8:-4] == b"IEND"
        elif path.suffix == ".html":
            assert path.read_text().rstrip().endswith("</html>")
        elif path.suffix == ".hdf5":
            h5py.File(path).close()


def run(name: str, paths: dict[str, str], folder: Path, before: Callable[[], None]) -> Ended:
    return run_forked(name, words_of(name, paths), folder, before=before)


@pytest.mark.parametrize("name", WRITERS)
def test_a_write_that_is_refused_ends_in_one_line(name: str, paths: dict[str, str], work: Path) -> None:
    number = REFUSALS[WRITERS.index(name) % len(REFUSALS)]
    folder = work / f"{name}-some"
    # A report is one file.
    after = 0 if name == "report" else 10
    check_refused(name, run(name, paths, folder, lambda: refuse_writes(work, number, after)), folder, work)


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_any_write_may_be_refused(name: str, paths: dict[str, str], work: Path) -> None:
    moments = random.Random(name)
    for place in range(12):
        after, number = (place if place < 4 else moments.randrange(4, 90)), REFUSALS[place % len(REFUSALS)]
        folder = work / f"{name}-{place}"
        ended = run(name, paths, folder, lambda after=after, number=number: refuse_writes(work, number, after))
        if ended.status != 0:
            check_refused(name, ended, folder, work)


@pytest.mark.parametrize("name", ["convert", "export"])
def test_a_limit_of_the_size_of_files_ends_in_one_line(name: str, paths: dict[str, str], work: Path) -> None:
    folder = work / f"{name}-limited"
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, -1))  # noqa: E731
    check_refused(name, run(name, paths, folder, limit), folder, work)


def _few_files(more: int) -> Callable[[], None]:
    def limit() -> None:
        most = max(int(path.name) for path in Path("/proc/self/fd").iterdir()) + more
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    return limit


@pytest.mark.parametrize("name", COMMANDS)
def test_too_many_open_files_end_in_one_line(name: str, paths: dict[str, str], work: Path) -> None:
    for more in (1, 3):
        ended = run(name, paths, work / f"{name}-files-{more}", _few_files(more))
        assert "Traceback" not in ended.err
        assert "Exception ignored" not in ended.err
        assert ended.status == 0 or "Too many open files" in ended.err + ended.out


@pytest.mark.parametrize("number", REFUSALS)
def test_a_film_that_cannot_be_written_is_told(number: int, paths: dict[str, str], work: Path) -> None:
    words = ["environment=half_cheetah", "agent=random", "real.episodes=1", "max_episode_steps=2", "films=1"]
    films = work / f"films-{number}" / "runs"
    # What is written before them is Hydra's and the numbers.
    refuse = partial(refuse_writes, films, number, 8)
    ended = run_forked_apart("rollout", [*words, "film_steps=2", f"hydra.run.dir={films}"], films.parent, refuse)
    check_refused("rollout", ended, films, work)
