"""A graph as an ONNX file. The package onnx is in the extra "onnx" and imported here, when a file is made."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from cipherward.errors import StudyError
from cipherward.graph import ML, ML_OPSET, OPSET, Graph, Node, Port

if TYPE_CHECKING:
    from onnx import NodeProto, ValueInfoProto

_IR_VERSION = 8
"""What ONNX 1.12 and later read, of the same time as the operators."""


def need(package: str) -> None:
    """Raise StudyError unless a package of the extra is installed."""
    if find_spec(package) is None:
        raise StudyError(
            f"the package {package} is not installed: it comes with the extra onnx",
            hint='install it: pip install "cipherward[onnx]"',
        )


def to_bytes(graph: Graph, name: str, words: str, facts: Mapping[str, str]) -> bytes:
    """The file's content, the same for the same graph.

    Args:
        name: of the graph; words: its doc string; facts: the file's metadata.

    Raises:
        StudyError: onnx is not installed.
    """
    need("onnx")
    import onnx
    from onnx import helper, numpy_helper

    nodes = [_node(each) for each in graph.nodes]
    made = helper.make_graph(
        nodes,
        name,
        [_port(port) for port in graph.inputs],
        [_port(port) for port in graph.outputs],
        [numpy_helper.from_array(values, name=key) for key, values in graph.constants.items()],
        doc_string=words,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="cipherward")
    helper.set_model_props(model, dict(facts))
    onnx.checker.check_model(model)
    found: bytes = model.SerializeToString(deterministic=True)
    return found


def _node(each: Node | bytes) -> NodeProto:
    from onnx import NodeProto, helper

    if isinstance(each, bytes):
        node: NodeProto = NodeProto.FromString(each)
        return node
    return helper.make_node(each.op, each.inputs, each.outputs, domain=each.domain or None, **each.attributes)


def _port(port: Port) -> ValueInfoProto:
    from onnx import TensorProto, helper

    kind = TensorProto.STRING if port.dtype == "string" else helper.np_dtype_to_tensor_dtype(np.dtype(port.dtype))
    return helper.make_tensor_value_info(port.name, kind, ["rows", port.width], doc_string=port.words)
