"""ONNX files of the streaming step and of rollouts of any length."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mbrl_mts3.array_types import Array
from mbrl_mts3.errors import ConfigurationError, ExportError
from mbrl_mts3.export.graphs import NEXT, Advance, StreamingStep, Update
from mbrl_mts3.models import PhysicalModel

_TALKATIVE = ("torch.onnx", "onnxscript", "onnx_ir")


def require_onnx() -> None:
    """Raise ConfigurationError unless the libraries are installed that write ONNX files and run them."""
    for name in ("onnx", "onnxscript", "onnxruntime"):
        try:
            import_module(name)
        except ImportError as error:
            raise ConfigurationError(f"format=onnx needs {name}: pip install 'mbrl_mts3[export]'") from error


def write_onnx_step(
    path: Path, physical: PhysicalModel, belief: dict[str, Tensor], inputs: dict[str, Tensor], outputs: Sequence[str]
) -> None:
    """Write the streaming step.

    Args:
        belief: its tensors by name, at the batch size of the file.
        inputs: observation, mask and action.
        outputs: names of what is predicted.

    Raises:
        ExportError: an operation of the model does not exist in ONNX.
    """
    names = [*(f"{NEXT}{name}" for name in belief), *outputs]
    model = _convert(StreamingStep(physical), (tuple(belief.values()), *inputs.values()), [*belief, *inputs], names)
    _save(model, path)


def write_onnx_rollout(
    path: Path,
    physical: PhysicalModel,
    belief: dict[str, Tensor],
    inputs: dict[str, Tensor],
    outputs: Sequence[str],
    candidates: int,
) -> None:
    """Write a rollout as the update with an observation and a loop (Scan) over the steps of the plans.

    Unrolled, the file and the time to write it would grow with the number of steps, and that number would be fixed.

    Args:
        belief, inputs, outputs: as of `write_onnx_step`; the action is of one step.
        candidates: plans for each belief.

    Raises:
        ExportError: an operation of the model does not exist in ONNX.
    """
    helper = import_module("onnx.helper")
    batch, size = inputs["action"].shape
    seen = {name: inputs[name] for name in ("observation", "mask")}
    started, moved = [f"start_{name}" for name in belief], [f"{NEXT}{name}" for name in belief]
    update = _convert(Update(physical, candidates), (tuple(belief.values()), *seen.values()), [*belief, *seen], started)
    rows = [tensor.repeat_interleave(candidates, 0) for tensor in belief.values()]
    action = inputs["action"].repeat_interleave(candidates, 0)
    body = _convert(Advance(physical), (tuple(rows), action), [*belief, "action"], [*moved, *outputs])
    onnx = import_module("onnx")
    body_graph = onnx.compose.add_prefix_graph(body.graph, "step_")
    nodes = [
        *update.graph.node,
        helper.make_node("Reshape", ["actions", "rows_shape"], ["row_actions"]),
        helper.make_node("Transpose", ["row_actions"], ["step_actions"], perm=[1, 0, 2]),
        helper.make_node(
            "Scan",
            [*started, "step_actions"],
            [*(f"end_{name}" for name in belief), *(f"stacked_{name}" for name in outputs)],
            body=body_graph,
            num_scan_inputs=1,
        ),
    ]
    constants = {"rows_shape": [batch * candidates, -1, size]}
    results = []
    shapes = [[item.dim_value for item in value.type.tensor_type.shape.dim[1:]] for value in body.graph.output]
    for name, rest in zip(outputs, shapes[len(belief) :], strict=True):
        constants[f"shape_{name}"] = [batch, candidates, -1, *rest]
        perm = [1, 0, *range(2, 2 + len(rest))]
        nodes.append(helper.make_node("Transpose", [f"stacked_{name}"], [f"rows_{name}"], perm=perm))
        nodes.append(helper.make_node("Reshape", [f"rows_{name}", f"shape_{name}"], [name]))
        results.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [batch, candidates, "steps", *rest]))
    plans = helper.make_tensor_value_info("actions", onnx.TensorProto.FLOAT, [batch, candidates, "steps", size])
    shapes_of_reshapes = [
        onnx.numpy_helper.from_array(np.array(shape, np.int64), name) for name, shape in constants.items()
    ]
    graph = helper.make_graph(
        nodes,
        "rollout",
        [*update.graph.input, plans],
        results,
        initializer=[*update.graph.initializer, *shapes_of_reshapes],
    )
    model = helper.make_model(graph, opset_imports=update.opset_import, ir_version=update.ir_version)
    _save(model, path)


def load_onnx(path: Path) -> Callable[[Mapping[str, Array]], dict[str, Array]]:
    """The function of a file, from named inputs to named outputs, by ONNX Runtime on one thread of the processor."""
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, dict(inputs)), strict=True))


def _convert(graph: nn.Module, arguments: tuple[Any, ...], inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """The model of ONNX (a ModelProto) of a graph."""
    try:
        with torch.no_grad(), _quiet():
            program = torch.export.export(graph, arguments, strict=False).run_decompositions(_decompositions())
            converted = torch.onnx.export(
                program, dynamo=True, input_names=list(inputs), output_names=list(outputs), verbose=False
            )
    except Exception as error:  # Tracing and conversion fail in many ways.
        raise ExportError(
            f"{type(graph.model).__name__} cannot be written as ONNX ({_reason(error)}): try format=aoti, or "
            "export another model"
        ) from error
    if converted is None:
        raise ExportError("torch.onnx.export gave no model back: try format=aoti")
    return converted.model_proto


def _decompositions() -> dict[Any, Any]:
    """Those of PyTorch, and one for the running maximum along a single step, which ONNX does not have."""
    table = dict(torch.export.default_decompositions())

    def cummax(values: Tensor, dim: int) -> Any:
        if values.shape[dim] != 1:
            return NotImplemented
        return values.clone(), torch.zeros_like(values, dtype=torch.int64)

    table[torch.ops.aten.cummax.default] = cummax
    return table


def _reason(error: BaseException) -> str:
    """The sentence that says which operation is missing, out of a page of advice."""
    cause: BaseException | None = error
    while cause is not None:
        for line in str(cause).splitlines():
            if "No ONNX function found" in line:
                return line.split(">: ")[-1].partition(". Failure")[0]
        cause = cause.__cause__
    return type(error).__name__


def _save(model: Any, path: Path) -> None:
    onnx = import_module("onnx")
    onnx.checker.check_model(model)
    onnx.save_model(model, str(path))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what these libraries tell their developers."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
