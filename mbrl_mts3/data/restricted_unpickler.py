"""Pickles of arrays, read without running what they name."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mbrl_mts3.errors import DataError

_DTYPE = re.compile(r"[<>|=]?([biufc])(1|2|4|8|16)")
# NumPy 2 renamed numpy.core; files of both are around.
_CORES = ("numpy.core", "numpy._core")


class RestrictedUnpickler(pickle.Unpickler):
    """Admits NumPy arrays and scalars of numbers, and dict, list, tuple, set, text and numbers; nothing else.

    A pickle is a program that may call anything. Here every name that it asks for is looked up in a short list, and
    what stands there is code of this file: not even NumPy's own functions are reached, whose __setstate__ trusts its
    input. A name that is not on the list is refused before anything is called.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="latin1")
        # Anew for each file, so that no file can change what the next one gets.
        self._admitted = _admitted()

    @classmethod
    def read(cls, path: str | Path) -> Any:
        """The content of a file.

        Raises:
            DataError: no such file, it is cut off or no pickle, or it asks for something that is not admitted; the
                message names it.
        """
        path = Path(path)
        if not path.is_file():
            raise DataError(f"there is no file {path}")
        try:
            with path.open("rb") as file:
                return _plain(cls(file).load(), {})
        except DataError as error:
            raise DataError(f"{path} is refused: {error}") from error
        except RecursionError as error:
            raise DataError(f"{path} is refused: its content is nested too deeply") from error
        except Exception as error:  # a damaged pickle can fail in any way
            raise DataError(f"{path} is no pickle of arrays, or cut off ({type(error).__name__}: {error})") from error

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle gets for a name that it asks for."""
        if (module, name) not in self._admitted:
            raise DataError(
                f"it asks for {module}.{name}, and only arrays and plain containers are admitted. A pickle can run any "
                "code: if you trust the file, load it yourself and save its arrays with numpy.savez"
            )
        return self._admitted[module, name]

    def persistent_load(self, pid: Any) -> Any:
        """No object is fetched from elsewhere."""
        raise DataError(f"it refers to an object outside of the file ({pid!r})")


class _DType:
    """A dtype that is still to learn its byte order."""

    def __init__(self, code: Any) -> None:
        matched = _DTYPE.fullmatch(code) if isinstance(code, str) else None
        if matched is None:
            raise DataError(f"it holds an array of the type {code!r}, and only numbers are admitted")
        self.dtype = np.dtype(matched[1] + matched[2])

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 5 or any(part is not None for part in state[2:5]):
            raise DataError("it holds an array of a compound type, and only numbers are admitted")
        if state[1] not in ("<", ">", "|", "="):
            raise DataError(f"it holds an array of the byte order {state[1]!r}")
        self.dtype = self.dtype.newbyteorder(state[1])

    def array(self, raw: Any, shape: Any, order: Any) -> np.ndarray[Any, np.dtype[Any]]:
        """Numbers out of bytes, checked by NumPy to be as many as the shape needs."""
        content = raw.encode("latin1") if isinstance(raw, str) else raw
        flat = np.frombuffer(content, self.dtype)
        if not isinstance(shape, tuple) or not all(isinstance(size, int) and size >= 0 for size in shape):
            raise DataError(f"it holds an array of the shape {shape!r}")
        return flat.reshape(shape, order="F" if order == "F" else "C").copy()


class _Array:
    """An array that is still to learn its content."""

    value: np.ndarray[Any, np.dtype[Any]] | None = None

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], _DType):
            raise DataError("it holds an array in a form that is not known")
        _, shape, dtype, fortran, raw = state
        self.value = dtype.array(raw, shape, "F" if fortran else "C")


def _admitted() -> Mapping[tuple[str, str], Callable[..., Any]]:
    """By module and name: functions, made anew, that build what is admitted."""
    admitted: dict[tuple[str, str], Callable[..., Any]] = {
        ("numpy", "ndarray"): lambda *_: _Array(),
        ("numpy", "dtype"): lambda code, *_: _DType(code),
        ("collections", "OrderedDict"): lambda items=(): dict(items),
        ("_codecs", "encode"): _encode,
    }
    for module in ("builtins", "__builtin__"):
        admitted[module, "set"] = lambda items=(): set(items)
        admitted[module, "bytes"] = lambda: b""  # how old protocols write no bytes at all
        admitted[module, "frozenset"] = lambda items=(): frozenset(items)
    for core in _CORES:
        admitted[f"{core}.multiarray", "_reconstruct"] = lambda *_: _Array()
        admitted[f"{core}.multiarray", "scalar"] = _scalar
        admitted[f"{core}.numeric", "_frombuffer"] = _from_buffer
    return admitted


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    """How bytes stand in files of old protocols."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise DataError(f"it asks for the encoding {encoding!r}")
    return text.encode("latin1")


def _scalar(dtype: Any, raw: Any) -> Any:
    if not isinstance(dtype, _DType):
        raise DataError("it holds a number of a type that is not known")
    return dtype.array(raw, (1,), "C")[0]


def _from_buffer(raw: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray[Any, np.dtype[Any]]:
    if not isinstance(dtype, _DType):
        raise DataError("it holds an array of a type that is not known")
    return dtype.array(raw, shape, order)


def _plain(value: Any, done: dict[int, Any]) -> Any:
    """The content with arrays in place of what stood for them; containers are made anew."""
    if id(value) in done:
        return done[id(value)]
    if isinstance(value, _Array):
        if value.value is None:
            raise DataError("it holds an array without content")
        return value.value
    if isinstance(value, _DType):
        return value.dtype
    if isinstance(value, dict):
        made: Any = {}
        done[id(value)] = made
        made.update({key: _plain(part, done) for key, part in value.items()})
        return made
    if isinstance(value, list):
        made = []
        done[id(value)] = made
        made.extend(_plain(part, done) for part in value)
        return made
    if isinstance(value, tuple):
        return tuple(_plain(part, done) for part in value)
    if callable(value):
        raise DataError("it holds a function")
    return value
