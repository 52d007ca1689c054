"""Packages of AOTInductor: compiled code of the streaming step and of rollouts of a fixed length."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mbrl_mts3.array_types import Array
from mbrl_mts3.errors import ConfigurationError, ExportError


def require_compiler() -> None:
    """Raise ConfigurationError unless there is a C++ compiler."""
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        raise ConfigurationError(
            "format=aoti compiles C++ and found no compiler: install g++, or choose format=onnx, which needs none"
        )


def write_aoti(path: Path, graph: nn.Module, arguments: tuple[Any, ...]) -> None:
    """Compile a graph for the shapes of `arguments` and for the processor of this machine.

    Raises:
        ExportError: the graph cannot be traced or compiled.
    """
    logger = logging.getLogger("torch._inductor")
    level = logger.level
    try:
        logger.setLevel(logging.ERROR)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.export(graph, arguments, strict=False)
            torch._inductor.aoti_compile_and_package(program, package_path=str(path))
    except Exception as error:  # Compilers fail in many ways.
        reason = next((line for line in str(error).splitlines() if line.strip()), "")
        raise ExportError(
            f"AOTInductor could not compile the model ({type(error).__name__}: {reason[:200]}): try format=onnx, or "
            "another model"
        ) from error
    finally:
        logger.setLevel(level)


def load_aoti(path: Path, names: Sequence[str]) -> Callable[[Mapping[str, Array]], dict[str, Array]]:
    """The function of a package, from named inputs in their order to outputs, which get the names given here.

    A package takes the tensors of the belief as one tuple, then the others.
    """
    package = torch._inductor.aoti_load_package(str(path))

    def run(inputs: Mapping[str, Array]) -> dict[str, Array]:
        *belief, observation, mask, actions = (torch.as_tensor(value) for value in inputs.values())
        found: list[Tensor] = package(tuple(belief), observation, mask, actions)
        return dict(zip(names, (tensor.numpy() for tensor in found), strict=True))

    return run
