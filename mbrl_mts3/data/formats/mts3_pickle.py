"""Reader of the pickled data files of the MTS3 paper, which runs no code from the pickle."""

from __future__ import annotations

import hashlib
import pickle
import pickletools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from gymnasium import spaces

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.dataset import OfflineDataset
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.formats.damage import damage_errors
from mbrl_mts3.data.raw_dataset import RawDataset
from mbrl_mts3.errors import ConfigurationError, DataError
from mbrl_mts3.files import split_path_and_tag

PARTS = ("train", "test")
SUFFIXES = (".pkl", ".pickle")
# The authors divide by std + 1e-10 (utils/dataProcess.py of github.com/ALRhub/MTS3).
_EPSILON = 1e-10
_NOTE = (
    "There are no rewards in the paper's files: they are zeros, so reward heads and plans mean nothing.",
    "Episodes are windows sampled at random from longer ones and overlap: only the file's own test part is separate "
    "from training data.",
)


def load_mts3_pickle(path: str | Path, observation: str | Sequence[str] = "all") -> OfflineDataset:
    """Read one part of a file with {train,test}_{obs,act,targets} and normalizer, and undo its normalisation.

    The file is read without running any of its code, see `RestrictedUnpickler`. Each window becomes an episode: T
    observations and, from the targets, the one that follows. Targets may be next observations or differences to them;
    the data shows which. The files hold no rewards: they are zeros, and `notes` says so.

    Args:
        path: of the file; followed by "@test" for the test windows, by "@train" or nothing for those of training.
        observation: what the model sees; entries are "observation/0", "observation/1", ...

    Raises:
        DataError: no such file, code in it, keys missing, or shapes and values that do not fit.
        ConfigurationError: another part than train or test.
        UnknownObservationError: a selected name that the data does not have.
        NonFiniteDataError: NaN or infinity in the selected data.
    """
    return read_mts3_pickle(path).select(observation)


def read_mts3_pickle(path: str | Path) -> RawDataset:
    """Read a pickle file before entries are selected; arguments and errors as in `load_mts3_pickle`."""
    file, part = _split(path)
    with damage_errors(file):
        return _dataset(RestrictedUnpickler.read(file), part, file)


def _dataset(content: Any, part: str, file: Path) -> RawDataset:
    normalized = _arrays(content, part, file)
    observations, actions, following = _physical(normalized, content["normalizer"], file)
    digest = hashlib.blake2b(digest_size=16)
    for array in (observations, actions, following):
        digest.update(np.ascontiguousarray(array).tobytes())
    steps = actions.shape[1]
    end = np.arange(steps) == steps - 1
    episodes = tuple(
        RawEpisode(np.concatenate([seen, after[-1:]]), action, np.zeros(steps), np.zeros(steps, np.bool_), end)
        for seen, action, after in zip(observations, actions, following, strict=True)
    )
    largest = np.abs(actions).max(axis=(0, 1)).astype(np.float32)
    bound = np.nextafter(np.maximum(largest, 1.0), np.float32(np.inf))
    return RawDataset(
        episodes=episodes,
        dataset_id=f"{file.resolve()}@{part}",
        content_hash=digest.hexdigest(),
        observation_space=spaces.Box(-np.inf, np.inf, observations.shape[2:], np.float64),
        action_space=spaces.Box(-bound, bound, dtype=np.float32),
        notes=_NOTE,
    )


def is_mts3_pickle(name: str | Path) -> bool:
    """Whether this is the path of a pickle file, with or without "@" and a part after it."""
    return split_path_and_tag(name, SUFFIXES) is not None


def _split(path: str | Path) -> tuple[Path, str]:
    file, part = split_path_and_tag(path, SUFFIXES) or (Path(path), "")
    if part and part not in PARTS:
        raise ConfigurationError(f"{path} names the part {part!r}: choose {file}@train or {file}@test")
    return file, part or "train"


def _arrays(content: Any, part: str, file: Path) -> dict[str, Array]:
    """The three arrays of a part, (windows, steps, entries)."""
    needed = [f"{part}_{name}" for name in ("obs", "act", "targets")]
    keys = list(content) if isinstance(content, Mapping) else []
    missing = [name for name in (*needed, "normalizer") if name not in keys]
    if missing:
        has = ", ".join(map(str, keys)) or f"a {type(content).__name__}"
        raise DataError(f"{file} lacks {', '.join(missing)}; it has {has}")
    found = {}
    for name in needed:
        array = content[name]
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf" or array.ndim not in (3, 4):
            got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            raise DataError(f"{file}: {name} is {got}, expected numbers of the shape (windows, steps, entries)")
        if 0 in array.shape:
            raise DataError(f"{file}: {name} is empty, its shape is {array.shape}")
        # Four dimensions are windows of windows, which are joined.
        found[name.removeprefix(f"{part}_")] = array.reshape(len(array), -1, array.shape[-1]).astype(np.float64)
    shapes = {name: array.shape for name, array in found.items()}
    if len({shape[:2] for shape in shapes.values()}) > 1 or shapes["obs"] != shapes["targets"]:
        raise DataError(f"{file}: the shapes of {part} do not fit each other: {shapes}")
    return found


def _physical(normalized: Mapping[str, Array], normalizer: Any, file: Path) -> tuple[Array, Array, Array]:
    """Observations, actions and following observations in physical units."""
    observations = _undo(normalized["obs"], normalizer, "observations", file)
    actions = _undo(normalized["act"], normalizer, "actions", file)
    tried = [_undo(normalized["targets"], normalizer, "observations", file)]
    if isinstance(normalizer, Mapping) and "diff" in normalizer:
        tried.append(observations + _undo(normalized["targets"], normalizer, "diff", file))
    scale = observations.std(axis=(0, 1)) + _EPSILON
    if observations.shape[1] == 1:
        return observations, actions, tried[0]
    errors = [float((np.abs(after[:, :-1] - observations[:, 1:]) / scale).max()) for after in tried]
    best = int(np.nanargmin(errors)) if not np.isnan(errors).all() else 0
    if not errors[best] < 1e-3:
        raise DataError(
            f"{file}: targets are neither the observations that follow nor differences to them (off by "
            f"{errors[best]:.3g} standard deviations): the file is of another kind"
        )
    return observations, actions, tried[best]


def _undo(array: Array, normalizer: Any, name: str, file: Path) -> Array:
    """Denormalise: x * (std + 1e-10) + mean, of the entries that the array has."""
    try:
        mean, std = (np.asarray(part, np.float64).reshape(-1) for part in normalizer[name])
        physical: Array = array * (std[: array.shape[-1]] + _EPSILON) + mean[: array.shape[-1]]
    except (TypeError, KeyError, ValueError) as error:
        raise DataError(
            f"{file}: the normalizer holds no mean and standard deviation of {name} with {array.shape[-1]} entries "
            f"({type(error).__name__}: {error})"
        ) from error
    return physical


_DTYPE = re.compile(r"[<>|=]?([biufc])(1|2|4|8|16)")
# NumPy 2 renamed numpy.core; files of both are around.
_CORES = ("numpy.core", "numpy._core")


class RestrictedUnpickler(pickle.Unpickler):
    """A pickle reader that admits NumPy arrays, plain containers, text and numbers only.

    Containers are dict, list, tuple and set. A pickle is a program that may call any function. Here every name that it
    asks for is looked up in a short list of functions of this module: not even NumPy's own are called, whose
    __setstate__ trusts its input. A name that is not on the list is refused before anything is called.

    Args:
        file: at its start.
        records: further names, as (module, name), of classes and their makers: none of them is imported or called, and
            each of their objects becomes a dict of its state, empty where that is no dict.
    """

    def __init__(self, file: BinaryIO, records: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(file, encoding="latin1")
        # New for each file, so that no file can change what the next one gets.
        self._admitted = {**dict.fromkeys(records, type("_Own", (_Record,), {})), **_admitted()}

    @classmethod
    def read(cls, path: str | Path, records: Iterable[tuple[str, str]] = ()) -> Any:
        """The content of a file.

        Args:
            path: of the file.
            records: see the class.

        Raises:
            DataError: no such file, it is cut off or no pickle, or it asks for something that is not admitted; the
                message names it.
        """
        path = Path(path)
        if not path.is_file():
            raise DataError(f"there is no file {path}")
        try:
            with path.open("rb") as file:
                _check_memo(file, path.stat().st_size)
                return _plain(cls(file, records).load(), {})
        except DataError as error:
            raise DataError(f"{path} is refused: {error}") from error
        except RecursionError as error:
            raise DataError(f"{path} is refused: its content is nested too deeply") from error
        except Exception as error:  # a damaged pickle can fail in any way
            raise DataError(f"{path} is no pickle of arrays, or cut off ({type(error).__name__}: {error})") from error

    def find_class(self, module: str, name: str) -> Any:
        """The admitted function for a name that the pickle asks for; DataError for any other name."""
        if (module, name) not in self._admitted:
            raise DataError(
                f"it asks for {module}.{name}, and only arrays and plain containers are admitted. A pickle can run any "
                "code: if you trust the file, load it yourself and save its arrays with numpy.savez"
            )
        return self._admitted[module, name]

    def persistent_load(self, pid: Any) -> Any:
        """Raise DataError: objects outside of the file are not read."""
        raise DataError(f"it refers to an object outside of the file ({pid!r})")


def _check_memo(file: BinaryIO, size: int) -> None:
    """Refuse places of the memo that a file of this size cannot fill: pickle reserves memory up to the highest."""
    for opcode, place, _ in pickletools.genops(file):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and isinstance(place, int) and place > size:
            raise DataError(f"it asks for {place:,} places in memory, and has {size:,} bytes")
    file.seek(0)


class _DType:
    """A dtype whose byte order the pickle sets later."""

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
        """An array of the numbers in `raw`; NumPy checks that they are as many as the shape needs."""
        content = raw.encode("latin1") if isinstance(raw, str) else raw
        flat = np.frombuffer(content, self.dtype)
        if not isinstance(shape, tuple) or not all(isinstance(size, int) and size >= 0 for size in shape):
            raise DataError(f"it holds an array of the shape {shape!r}")
        return flat.reshape(shape, order="F" if order == "F" else "C").copy()


class _Array:
    """An array whose content the pickle sets later."""

    value: np.ndarray[Any, np.dtype[Any]] | None = None

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], _DType):
            raise DataError("it holds an array in a form that is not known")
        _, shape, dtype, fortran, raw = state
        self.value = dtype.array(raw, shape, "F" if fortran else "C")


class _Record:
    """What stands in the place of an object of a class that is not loaded: its state, as far as it is a dict."""

    def __new__(cls, *given: Any) -> _Record:
        return super().__new__(cls)

    def __init__(self, *given: Any) -> None:
        self.state: dict[Any, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}


def _admitted() -> Mapping[tuple[str, str], Callable[..., Any]]:
    """The functions that build what is admitted, by module and name, created at each call."""
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
    """Bytes, as files of old protocols store them."""
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
    """The content with its placeholders replaced by arrays, in new containers."""
    if id(value) in done:
        return done[id(value)]
    if isinstance(value, _Array):
        if value.value is None:
            raise DataError("it holds an array without content")
        return value.value
    if isinstance(value, _DType):
        return value.dtype
    if isinstance(value, type) and issubclass(value, _Record):
        return {}
    if isinstance(value, _Record):
        # One that was made without its __init__ has no state yet.
        value = vars(value).get("state", {})
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
        done[id(value)] = made = tuple(_plain(part, done) for part in value)
        return made
    if callable(value):
        raise DataError("it holds a function")
    return value
