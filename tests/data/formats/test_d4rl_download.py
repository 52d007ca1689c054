"""Downloads from a real HTTP server on this machine: whole, broken off, missing, wrong, and not what was asked for."""

import hashlib
import os
import resource
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from d4rl_files import maze_rows, write_rows

from mbrl_mts3.data import find_d4rl_info, load_d4rl, load_dataset
from mbrl_mts3.data.formats.d4rl_download import d4rl_file, download_d4rl
from mbrl_mts3.errors import DataError

MAZE = find_d4rl_info("maze2d-umaze-v1")
PATH = "/maze2d/maze2d-umaze-sparse-v1.hdf5"


class Server(ThreadingHTTPServer):
    """Sends `content` to whom asks for `PATH`; breaks the first `broken` answers off half way."""

    content = b""
    broken = 0
    status = 200
    asked: list[str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path != PATH or self.server.status != 200:
            self.send_error(404 if self.server.status == 200 else self.server.status)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        whole = len(self.server.asked) > self.server.broken
        self.wfile.write(self.server.content if whole else self.server.content[: len(self.server.content) // 2])

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.asked = []
    made.content = write_rows(tmp_path / "original.hdf5", maze_rows()).read_bytes()
    monkeypatch.setenv("D4RL_MIRROR", f"{made.address}/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("D4RL_DATASET_DIR", str(tmp_path / "new" / "d4rl"))
    return tmp_path / "new" / "d4rl"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_data_set_is_fetched_once(server: Server, folder: Path) -> None:
    first = load_dataset("d4rl/maze2d-umaze-v1", download=True)
    assert first.total_steps == 182
    assert (folder / MAZE.file_name).read_bytes() == server.content
    assert load_d4rl("maze2d-umaze-v1", download=True).content_hash == first.content_hash
    assert server.asked == [PATH]


def test_the_hash_of_the_first_download_is_noted_and_holds(server: Server, folder: Path) -> None:
    path = download_d4rl(MAZE, folder, progress=False)
    digest = hashlib.sha256(server.content).hexdigest()
    # In the form that the command sha256sum checks.
    assert (folder / f"{MAZE.file_name}.sha256").read_text() == f"{digest}  {MAZE.file_name}\n"
    assert names(folder) == [MAZE.file_name, f"{MAZE.file_name}.sha256"]
    path.unlink()
    server.content += b"more"
    with pytest.raises(DataError, match=r"the one noted in .*sha256 at the first download.*delete"):
        download_d4rl(MAZE, folder, retries=0, progress=False)
    assert names(folder) == [f"{MAZE.file_name}.sha256"]


def test_a_download_that_breaks_off_is_begun_anew(server: Server, folder: Path) -> None:
    server.broken = 1
    path = download_d4rl(MAZE, folder, retries=1, progress=False)
    assert path.read_bytes() == server.content
    assert len(server.asked) == 2


def test_a_download_that_keeps_breaking_off_leaves_nothing(server: Server, folder: Path) -> None:
    server.broken = 9
    with pytest.raises(DataError, match=r"IncompleteRead.*put the file maze2d-umaze-sparse-v1.hdf5.*D4RL_MIRROR"):
        download_d4rl(MAZE, folder, retries=0, progress=False)
    assert names(folder) == []


@pytest.mark.parametrize("status", [404, 503])
def test_what_the_server_does_not_give(server: Server, folder: Path, status: int) -> None:
    server.status = status
    with pytest.raises(DataError, match=rf"{status}.*down for weeks.*local file by its path"):
        download_d4rl(MAZE, folder, retries=0, progress=False)
    assert names(folder) == []


def test_a_known_checksum_is_checked(server: Server, folder: Path) -> None:
    right = replace(MAZE, sha256=hashlib.sha256(server.content).hexdigest())
    assert download_d4rl(right, folder, retries=0, progress=False).is_file()
    assert names(folder) == [MAZE.file_name]
    (folder / MAZE.file_name).unlink()
    with pytest.raises(DataError, match="another SHA-256 than the known one"):
        download_d4rl(replace(MAZE, sha256="0" * 64), folder, retries=0, progress=False)
    assert names(folder) == []


def test_a_page_in_place_of_the_file(server: Server, folder: Path) -> None:
    server.content = b"<html>Down for maintenance</html>"
    with pytest.raises(DataError, match="no HDF5 file"):
        download_d4rl(MAZE, folder, retries=0, progress=False)
    assert names(folder) == []


def test_nobody_answers(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("D4RL_MIRROR", "http://127.0.0.1:9")
    with pytest.raises(DataError, match=r"ConnectionError.*down for weeks"):
        download_d4rl(MAZE, folder, retries=0, progress=False)
    assert names(folder) == []


def test_an_interrupt_leaves_nothing(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mbrl_mts3.data.formats.d4rl_download._check_signature", interrupt)
    with pytest.raises(KeyboardInterrupt):
        download_d4rl(MAZE, folder, retries=0, progress=False)
    assert names(folder) == []


def test_what_a_killed_process_left_is_removed_in_time(server: Server, folder: Path) -> None:
    old, new = folder / ".incomplete-old", folder / ".incomplete-new"
    for left in (old, new):
        left.mkdir(parents=True)
        (left / MAZE.file_name).write_text("half")
    os.utime(old, (0, 0))
    download_d4rl(MAZE, folder, retries=0, progress=False)
    assert [path.name for path in folder.glob(".*")] == [new.name]


def test_a_disk_that_takes_no_more(server: Server, folder: Path) -> None:
    allowed = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, allowed[1]))
    try:
        with pytest.raises(DataError, match=r"too large.*make room"):
            download_d4rl(MAZE, folder, retries=0, progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, allowed)
    assert names(folder) == []


def test_a_folder_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(DataError, match=r"cannot be written.*D4RL_DATASET_DIR"):
        download_d4rl(MAZE, tmp_path / "taken", retries=0, progress=False)


def test_what_is_there_is_used_without_asking(server: Server, folder: Path) -> None:
    write_rows(folder / MAZE.file_name, maze_rows(lengths=(5, 5, 5)))
    assert d4rl_file(MAZE, download=True) == folder / MAZE.file_name
    assert load_d4rl("maze2d-umaze-v1", download=True).total_steps == 12
    assert server.asked == []


def test_a_bar_shows_the_progress(server: Server, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    download_d4rl(MAZE, folder, retries=0)
    assert "100%" in capsys.readouterr().err
