"""World models as files for use without Python: ONNX for ONNX Runtime, packages of AOTInductor for C++."""

from mbrl_mts3.export.folder import FORMATS, ExportedModel, export_model
from mbrl_mts3.export.graphs import OutputNames, belief_tensors

__all__ = ["FORMATS", "ExportedModel", "OutputNames", "belief_tensors", "export_model"]
