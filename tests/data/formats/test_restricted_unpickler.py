"""Arrays pass, whatever NumPy and protocol wrote them; code does not run, whatever it hides behind."""

import builtins
import collections
import copyreg
import functools
import operator
import os
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbrl_mts3.data.formats.mts3_pickle import RestrictedUnpickler
from mbrl_mts3.errors import DataError

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def read(content: bytes, folder: Path) -> Any:
    path = folder / "data.pkl"
    path.write_bytes(content)
    return RestrictedUnpickler.read(path)


def arrays() -> dict[str, Any]:
    generator = np.random.default_rng(0)
    return {
        "float64": generator.normal(size=(3, 4, 2)),
        "float32": generator.normal(size=(5,)).astype(np.float32),
        "float16": np.float16([1.5, 2.5]),
        "fortran": np.asfortranarray(generator.normal(size=(3, 4))),
        "strided": generator.normal(size=(6, 4))[::2, ::-1],
        "big endian": np.arange(5, dtype=">i4"),
        "bool": np.array([True, False]),
        "empty": np.zeros((0, 7), np.float32),
        "no dimension": np.array(3.0),
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_and_containers_come_back(tmp_path: Path, protocol: int) -> None:
    stored = {
        **arrays(),
        "normalizer": {"observations": [np.ones(3, np.float32), (np.zeros(3), 1.5)]},
        "scalars": (np.float64(2.5), np.int64(-3), np.float32(0.25)),
        "plain": [1, 2.5, "text", b"bytes", None, True, {1, 2}, frozenset({3})],
        "ordered": collections.OrderedDict(a=1, b=np.arange(2)),
        "dtype": np.dtype(">f8"),
    }
    found = read(pickle.dumps(stored, protocol), tmp_path)
    assert list(found) == list(stored)
    for name, array in arrays().items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype, name
        assert found[name].flags.writeable
    np.testing.assert_array_equal(found["normalizer"]["observations"][1][0], np.zeros(3))
    assert found["scalars"] == stored["scalars"]
    assert [type(value) for value in found["scalars"]] == [np.float64, np.int64, np.float32]
    assert found["plain"] == stored["plain"]
    assert list(found["ordered"]) == ["a", "b"]
    assert found["dtype"] == np.dtype(">f8")


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_names_of_older_numpy(tmp_path: Path, protocol: int) -> None:
    content = pickle.dumps({"a": np.arange(6.0).reshape(2, 3), "b": np.float64(3)}, protocol)
    assert b"numpy._core" in content
    old = content.replace(b"numpy._core", b"numpy.core")
    if protocol == 4:
        # Each text's length stands before it; frames, which have lengths as well, may be left out.
        assert old[2:3] == b"\x95"
        old = old[:2] + old[11:].replace(b"\x8c\x16numpy.core.multiarray", b"\x8c\x15numpy.core.multiarray")
    assert b"numpy.core" in old
    assert b"numpy._core" not in old
    found = read(old, tmp_path)
    np.testing.assert_array_equal(found["a"], np.arange(6.0).reshape(2, 3))
    assert found["b"] == 3.0


def test_a_container_that_holds_itself(tmp_path: Path) -> None:
    stored: list[Any] = [np.arange(2)]
    stored.append(stored)
    found = read(pickle.dumps(stored), tmp_path)
    assert found[1] is found


class Call:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def touch(folder: Path) -> str:
    return f"touch {folder / 'harm'}"


PAYLOADS: dict[str, Callable[[Path], Any]] = {
    "posix.system": lambda folder: Call(os.system, touch(folder)),
    "builtins.eval": lambda folder: Call(eval, f"open({str(folder / 'harm')!r}, 'w')"),
    "builtins.exec": lambda folder: Call(exec, f"open({str(folder / 'harm')!r}, 'w')"),
    "io.open": lambda folder: Call(open, str(folder / "harm"), "w"),
    "builtins.getattr": lambda folder: Call(getattr, "text", "upper"),
    "builtins.__import__": lambda folder: Call(builtins.__import__, "antigravity"),
    "functools.partial": lambda folder: functools.partial(os.system, touch(folder)),
    "functools.reduce": lambda folder: Call(functools.reduce, operator.add, [1, 2]),
    "operator.attrgetter": lambda folder: operator.attrgetter("system"),
    "copyreg._reconstructor": lambda folder: Call(copyreg._reconstructor, Call, object, None),
    "numpy.load": lambda folder: Call(np.load, "file.npy", None, True),
    "numpy.save": lambda folder: Call(np.save, str(folder / "harm"), np.zeros(1)),
    "collections.defaultdict": lambda folder: collections.defaultdict(list),
}


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("name", PAYLOADS)
def test_what_is_not_admitted_is_refused_by_name(tmp_path: Path, name: str, protocol: int) -> None:
    content = pickle.dumps({"train_obs": np.zeros(3), "hidden": [PAYLOADS[name](tmp_path)]}, protocol)
    module, _, function = name.rpartition(".")
    # Old protocols write the names of Python 2; some functions live in a module of C.
    modules = f"_?{module}|__builtin__|copy_reg|os|nt"
    with pytest.raises(DataError, match=rf"asks for ({modules})\.{function}, .*numpy\.savez"):
        read(content, tmp_path)
    assert not (tmp_path / "harm").exists()


def stack_global(module: str, name: str) -> bytes:
    def text(value: str) -> bytes:
        return b"\x8c" + bytes([len(value)]) + value.encode()

    return text(module) + text(name) + b"\x93"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("numpy", "core.multiarray._reconstruct"),
        ("numpy._core.multiarray", "_reconstruct.__globals__"),
        ("builtins", "set.__class__"),
        ("numpy", "f2py.os.system"),
        ("numpy.testing._private.utils", "runstring"),
        ("", ""),
    ],
)
def test_dotted_names_lead_nowhere(tmp_path: Path, module: str, name: str) -> None:
    with pytest.raises(DataError, match="asks for"):
        read(b"\x80\x04" + stack_global(module, name) + b".", tmp_path)


def test_a_registered_extension_is_no_way_round(tmp_path: Path) -> None:
    copyreg.add_extension("posix", "system", 0x7F)
    try:
        content = pickle.dumps({"a": os.system}, 2)
        assert "EXT1" in [operation.name for operation, _, _ in pickletools.genops(content)]
        with pytest.raises(DataError, match=r"asks for posix\.system"):
            read(content, tmp_path)
    finally:
        copyreg.remove_extension("posix", "system", 0x7F)


def test_an_object_from_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="outside of the file"):
        read(b"\x80\x04\x8c\x03abcQ.", tmp_path)


@pytest.mark.parametrize(
    "value",
    [
        np.array([None, {}], object),
        np.array([("a", 1)], [("name", "U3"), ("number", "i4")]),
        np.array(["2020-01-01"], "M8[D]"),
        np.array(["text"]),
        np.ma.masked_array([1, 2], [0, 1]),
    ],
)
def test_arrays_of_more_than_numbers(tmp_path: Path, value: Any) -> None:
    with pytest.raises(DataError, match=r"only numbers are admitted|asks for"):
        read(pickle.dumps({"a": value}), tmp_path)


def test_an_admitted_function_is_no_value(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="function"):
        read(b"\x80\x04" + stack_global("_codecs", "encode") + b".", tmp_path)


def test_a_state_set_on_an_admitted_function_does_not_stay(tmp_path: Path) -> None:
    # BUILD with a dict of attributes: what one file sets, the next must not see.
    set_state = b"\x80\x04" + stack_global("numpy", "dtype") + b"}\x8c\x01xK\x01sb."
    with pytest.raises(DataError, match="function"):
        read(set_state, tmp_path)
    assert read(pickle.dumps({"a": np.arange(2)}), tmp_path)["a"].tolist() == [0, 1]


def test_a_shape_that_does_not_fit_its_bytes(tmp_path: Path) -> None:
    content = pickle.dumps(np.arange(6.0), 2)
    assert content.count(b"K\x06\x85") == 1
    with pytest.raises(DataError):
        read(content.replace(b"K\x06\x85", b"K\x60\x85"), tmp_path)


@pytest.mark.parametrize("keep", [0, 1, 20, 0.5, 0.99])
def test_a_file_that_is_cut_off(tmp_path: Path, keep: float) -> None:
    content = pickle.dumps(arrays())
    with pytest.raises(DataError, match="cut off"):
        read(content[: keep if isinstance(keep, int) else int(keep * len(content))], tmp_path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        RestrictedUnpickler.read(tmp_path / "none.pkl")
