"""Full disks and killed processes: a clear error, and nothing half-written under a final name."""

import errno
import itertools
import os
from pathlib import Path
from types import SimpleNamespace

import minari
import numpy as np
import pytest
from cut_short import error_with_small_files, kill_while
from random_walks import write_walks

from mbrl_mts3.data import convert_dataset, load_minari, read_dataset
from mbrl_mts3.data.formats import minari_reader
from mbrl_mts3.errors import DataError, StorageError
from mbrl_mts3.files import PREFIX, remove_stale_staging, staging_folder, storage_errors, write_atomically

ID = "mine/walk-v0"
LARGE = (4000,) * 6


def hidden(folder: Path) -> list[Path]:
    return sorted(folder.glob(".*"))


class TestFullDisk:
    @pytest.mark.parametrize(
        ("number", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "the quota is used up")]
    )
    def test_room_for_an_episode_is_had_before_hdf5_writes(
        self, minari_root: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
    ) -> None:
        write_walks(ID, lengths=(9, 9))
        before = load_minari(ID).content_hash
        allocate, left = os.posix_fallocate, iter(range(20))

        def refuse(handle: int, offset: int, length: int) -> None:
            if next(left) == 12:
                raise OSError(number, os.strerror(number))
            allocate(handle, offset, length)

        monkeypatch.setattr(os, "posix_fallocate", refuse)
        with pytest.raises(StorageError, match=rf"walk-v0 could not be written: {words}\. [\d.]+ MiB are needed, and "):
            write_walks(ID, lengths=(400,) * 40)
        assert next(left) == 13
        assert load_minari(ID).content_hash == before
        assert list(minari.list_local_datasets()) == [ID]
        assert not hidden(minari_root)

    def test_where_no_room_can_be_reserved_what_is_free_counts(
        self, minari_root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: int) -> None:
            raise OSError(errno.EOPNOTSUPP, "no")

        left = iter(range(40 * 2**20, 0, -(2**20)))
        monkeypatch.setattr(os, "posix_fallocate", refuse)
        monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=next(left)))
        with pytest.raises(StorageError, match=r"the disk is full\. .* MiB are free there"):
            write_walks(ID, lengths=(400,) * 40)
        assert 1 < next(left) / 2**20 < 20
        assert not list(minari_root.rglob("*.hdf5"))
        assert not hidden(minari_root)

    def test_room_that_was_not_needed_is_given_back(self, minari_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        sizes = []
        for reserve in (os.posix_fallocate, lambda *_: None):
            monkeypatch.setattr(os, "posix_fallocate", reserve)
            write_walks(ID, lengths=(30,) * 5)
            file = next(minari_root.rglob("*.hdf5"))
            sizes.append((file.stat().st_size, len(load_minari(ID).episodes)))
        assert sizes[0] == sizes[1]

    @pytest.mark.parametrize("limit", [0, 100, 900, 5_000, 100_000, 300_000, 1_100_000, 1_500_000])
    def test_no_limit_of_a_file_takes_the_process_with_it(self, minari_root: Path, limit: int) -> None:
        write_walks(ID, lengths=(9, 9))
        before = load_minari(ID).content_hash
        error = error_with_small_files(limit, lambda: write_walks(ID, lengths=LARGE))
        assert isinstance(error, StorageError), error
        assert load_minari(ID).content_hash == before
        assert not hidden(minari_root)

    @pytest.mark.parametrize("name", ["out.h5", "out.npz"])
    def test_converting(self, minari_root: Path, tmp_path: Path, name: str) -> None:
        write_walks(ID, lengths=LARGE)
        dataset = read_dataset(ID)
        error = error_with_small_files(60_000, lambda: convert_dataset(dataset, str(tmp_path / "new" / name)))
        assert isinstance(error, StorageError)
        assert "the file is too large" in str(error)
        assert not list((tmp_path / "new").iterdir())

    def test_mapping(self, minari_root: Path, tmp_path: Path) -> None:
        write_walks(ID, lengths=LARGE)
        cache = tmp_path / "cache"
        error = error_with_small_files(50_000, lambda: load_minari(ID, memory_map=True, cache=cache))
        assert isinstance(error, StorageError)
        assert "the file is too large" in str(error)
        assert not list(cache.iterdir())

    def test_results(self, tmp_path: Path) -> None:
        target = write_atomically(tmp_path / "result.json", b"old")
        error = error_with_small_files(10, lambda: write_atomically(target, b"x" * 99))
        assert isinstance(error, StorageError)
        assert target.read_bytes() == b"old"
        assert [path.name for path in tmp_path.iterdir()] == ["result.json"]

    def test_a_place_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(StorageError, match="could not be written"):
            write_atomically(tmp_path / "file" / "result.json", b"")
        with pytest.raises(StorageError, match="could not be written"), staging_folder(tmp_path / "file"):
            pass

    def test_the_reason_is_told(self, tmp_path: Path) -> None:
        full = r"the disk is full\. [\d,.]+ MiB are free there"
        with pytest.raises(StorageError, match=full), storage_errors(tmp_path):
            raise OSError(28, "No space left on device")
        with pytest.raises(StorageError, match=full), storage_errors(tmp_path, RuntimeError):
            raise RuntimeError("Unable to flush file's cached information (file write failed: errno = 28, error ...)")
        with pytest.raises(DataError), storage_errors(tmp_path):
            raise DataError("of ours")


class TestKill:
    def test_while_collecting(self, minari_root: Path) -> None:
        def started() -> bool:
            return any(path.stat().st_size > 500_000 for path in minari_root.glob(f"{PREFIX}*/data/*.hdf5"))

        kill_while(lambda: write_walks(ID, lengths=(400,) * 100_000), started)
        assert not list(minari.list_local_datasets())
        assert any(path.is_dir() for path in hidden(minari_root))
        with pytest.warns(UserWarning, match="an interrupted run had left it incomplete"):
            write_walks(ID, lengths=(5,))
        assert not hidden(minari_root)
        assert list(minari.list_local_datasets()) == [ID]

    def test_while_mapping(self, minari_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_walks(ID, lengths=(50,) * 4)
        cache, read = tmp_path / "cache", minari_reader._read

        def started() -> bool:
            return any(path.stat().st_size > 20_000 for path in cache.glob(f"{PREFIX}*/observations.npy"))

        with monkeypatch.context() as patch:
            endless = lambda source: itertools.chain.from_iterable(read(source) for _ in itertools.count())  # noqa: E731
            patch.setattr(minari_reader, "_read", endless)
            kill_while(lambda: load_minari(ID, memory_map=True, cache=cache), started)
        assert all(path.name.startswith(PREFIX) for path in cache.iterdir())
        with pytest.warns(UserWarning, match="left it incomplete"):
            mapped = load_minari(ID, memory_map=True, cache=cache)
        assert not hidden(cache)
        np.testing.assert_array_equal(mapped.episodes[3].observations, load_minari(ID).episodes[3].observations)


def test_what_somebody_writes_to_is_left_alone(tmp_path: Path) -> None:
    with staging_folder(tmp_path) as folder:
        (folder / "file").write_text("words")
        assert remove_stale_staging(tmp_path) == []
        with staging_folder(tmp_path) as other:
            assert other != folder
        assert (folder / "file").read_text() == "words"
    assert not list(tmp_path.iterdir())
