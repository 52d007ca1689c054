"""Compares plain values, as they come from a file or a command line, with the annotations of what will take them."""

from __future__ import annotations

import inspect
import math
import os
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, TypeGuard, Union, get_args, get_origin, get_type_hints

from mbrl_mts3.errors import ConfigurationError, close_match

_LARGEST = 2**63 - 1
"""The largest whole number that a tensor holds."""
_TARGET = "_target_"
_PLAIN_VALUES = (type(None), bool, int, float, str, list, tuple, Mapping)


def check_arguments(function: Callable[..., Any], values: Mapping[str, Any], prefix: str = "") -> None:
    """Compare keyword arguments with a signature, before the call.

    What an annotation says beyond numbers, words, lists and dicts of them, such as a class, is left to the call, and so
    are values that are missing and values that a dict with `_target_` stands for.

    Args:
        function: what will be called with them: a function, a class or a method of one.
        values: plain ones, by name.
        prefix: goes before names in messages, such as "model.".

    Raises:
        ConfigurationError: a name that is not taken (the message has the nearest one), or a value of another kind.
    """
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:
        # Some classes in C tell none.
        return
    hints = _hints(function)
    taken = [name for name, parameter in parameters.items() if parameter.kind not in _MANY and name != "self"]
    takes_others = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    for name, value in values.items():
        if name.startswith("_"):
            continue
        if name not in taken and not takes_others:
            called = getattr(function, "__qualname__", str(function)).removesuffix(".__init__")
            raise ConfigurationError(
                f"{prefix}{name} is no option of {called}{close_match(name, taken)}: it takes {', '.join(taken)}"
            )
        if name in taken and name in hints:
            check_kind(f"{prefix}{name}", value, hints[name])


_MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def check_kind(name: str, value: Any, hint: Any) -> None:
    """Raise ConfigurationError, with what was expected, where a value does not fit an annotation."""
    expected = expected_kind(value, hint)
    if expected is not None:
        hint_of_name = close_match(value, _choices(hint)) if isinstance(value, str) else ""
        raise ConfigurationError(f"{name}={_told(value)}{hint_of_name}: expected {expected}")


def expected_kind(value: Any, hint: Any) -> str | None:
    """What an annotation wants in words; None where the value fits, or where the annotation is none of plain values."""
    return None if _fits(value, hint) else _words(hint)


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if not isinstance(value, _PLAIN_VALUES) or (isinstance(value, Mapping) and _TARGET in value):
        # It is an object, or becomes one.
        return True
    if hint is None or hint is type(None):
        return value is None
    if origin in (Union, types.UnionType):
        known = [one for one in inner if _is_known(one)]
        return not known or any(_fits(value, one) for one in known)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if hint in _PLAIN:
        return _PLAIN[hint][0](value)
    if origin is tuple:
        return _is_list(value) and _fits_tuple(value, inner)
    if _is_subclass(origin or hint, Mapping):
        return isinstance(value, Mapping) and all(_fits(one, inner[1]) for one in value.values() if len(inner) == 2)
    if (origin or hint) in (list, Sequence):
        return _is_list(value) and all(_fits(one, inner[0]) for one in value if inner)
    # Of other annotations nothing plain is known, but that null needs an annotation that says so.
    return True


def _is_known(hint: Any) -> bool:
    """Whether an annotation says something about plain values, or admits all of them."""
    whole = get_origin(hint) or hint
    plain = whole in (None, type(None), Any, object, Literal, Union, types.UnionType, tuple, list, Sequence)
    return plain or hint in _PLAIN or _is_subclass(whole, Mapping)


def _fits_tuple(value: Sequence[Any], inner: tuple[Any, ...]) -> bool:
    if len(inner) == 2 and inner[1] is Ellipsis:
        return all(_fits(one, inner[0]) for one in value)
    return len(value) == len(inner) and all(map(_fits, value, inner))


def _words(hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if hint is None or hint is type(None):
        return "null"
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_words(one) for one in inner if _is_known(one)))
    if origin is Literal:
        return f"one of {', '.join(str(one) for one in inner)}"
    if hint in _PLAIN:
        return _PLAIN[hint][1]
    if origin is tuple and not (len(inner) == 2 and inner[1] is Ellipsis):
        return f"a list of {len(inner)}: {', '.join(_words(one) for one in inner)}"
    if _is_subclass(origin or hint, Mapping):
        return "names with values, such as {name: value}"
    if (origin or hint) in (list, tuple, Sequence):
        element = _words(inner[0]).partition(" or ")[0] if inner else ""
        return f"a list, each of it {element}" if element else "a list"
    return f"a {getattr(hint, '__name__', 'value of another kind')}"


def _is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _is_number(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) <= _LARGEST if isinstance(value, int) else math.isfinite(value)


_PLAIN: dict[Any, tuple[Callable[[Any], bool], str]] = {
    bool: (lambda value: isinstance(value, bool), "true or false"),
    int: (_is_whole, "a whole number"),
    float: (_is_number, "a finite number"),
    str: (lambda value: isinstance(value, str), "a word (of digits alone: in two kinds of quotes)"),
}
for _path in (Path, os.PathLike, os.PathLike[str]):
    _PLAIN[_path] = _PLAIN[str]


def _is_subclass(hint: Any, kind: type) -> bool:
    return isinstance(hint, type) and issubclass(hint, kind)


def _choices(hint: Any) -> list[str]:
    inner = get_args(hint)
    if get_origin(hint) is Literal:
        return [one for one in inner if isinstance(one, str)]
    return [choice for one in inner for choice in _choices(one)]


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Annotations by name, without those that name what exists for type checkers alone."""
    called: Any = function
    if isinstance(called, type) and not is_dataclass(called):
        called = called.__init__  # type: ignore[misc]
    try:
        return get_type_hints(called)
    except (NameError, TypeError, AttributeError):
        found: dict[str, Any] = {}
    # One that cannot be resolved, as of SB3's classes, says nothing against the others.
    for name, annotation in getattr(called, "__annotations__", {}).items():
        try:
            found |= get_type_hints(
                SimpleNamespace(__annotations__={name: annotation}), getattr(called, "__globals__", {})
            )
        except (NameError, TypeError, AttributeError):
            continue
    return found


def _told(value: Any) -> str:
    """As it is written on a command line, and short."""
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


_LONGEST = 80
"""Characters of a value in a message."""
