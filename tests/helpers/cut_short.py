"""Work in a process of its own, that runs out of disk or is killed."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable

# Forked: the child has everything imported already.
_CONTEXT = multiprocessing.get_context("fork")


def error_with_small_files(nbytes: int, work: Callable[[], object]) -> BaseException | None:
    """What `work` raises where no file may grow beyond `nbytes`, as on a disk that fills up.

    SystemError where the process died of it.
    """
    receiver, sender = _CONTEXT.Pipe(duplex=False)

    def child() -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        found = None
        resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, hard))
        try:
            work()
        except Exception as error:
            found = type(error), str(error)
        # What pytest captures goes to a file as well.
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        sender.send(found)
        os._exit(0)

    process = _CONTEXT.Process(target=child)
    process.start()
    sender.close()
    try:
        found = receiver.recv()
    except EOFError:
        found = SystemError, "died"
    process.join()
    return None if found is None else found[0](found[1])


def kill_while(work: Callable[[], object], ready: Callable[[], bool], timeout: float = 60) -> None:
    """Run `work`, which would go on for ever, and kill it, without a chance to tidy up, once `ready`."""
    process = _CONTEXT.Process(target=work)
    process.start()
    assert process.pid is not None
    try:
        end = time.monotonic() + timeout
        while not ready():
            assert process.is_alive(), "the work ended by itself"
            assert time.monotonic() < end, "the work did not come so far"
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.join()
