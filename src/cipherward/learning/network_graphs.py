"""Torch modules as part of a graph: layer by layer where they are layers in a row, else as torch's own exporter traces them."""

from __future__ import annotations

import io
import warnings
from typing import Any, cast

import torch
from torch import nn

from cipherward.errors import StudyError, words_of
from cipherward.graph import OPSET, Graph, Node
from cipherward.learning.model_kind import Module
from cipherward.learning.networks import Thresholds

_ROWS = 2


def layers(graph: Graph, module: Module, features: str) -> str:
    """Linear layers, ReLU and thresholds in a row: float64[rows, outputs] from float32[rows, n_features].

    Raises:
        StudyError: another layer.
    """
    return graph.cast(_layer(graph, module, features), "float64")


def _layer(graph: Graph, module: Module, value: str) -> str:
    if isinstance(module, nn.Sequential):
        for child in module:
            value = _layer(graph, child, value)
        return value
    if isinstance(module, nn.Linear):
        product = graph.add("MatMul", value, graph.constant(module.weight.detach().cpu().numpy().T))
        if module.bias is None:
            return product
        return graph.add("Add", product, graph.constant(module.bias.detach().cpu().numpy()))
    if isinstance(module, nn.ReLU):
        return graph.add("Relu", value)
    if isinstance(module, Thresholds):
        return graph.add("Add", value, graph.constant(module.bias.detach().cpu().numpy()))
    raise StudyError(
        f"the layer {type(module).__name__} cannot be exported: it has no ONNX form",
        hint="predict with cipherward itself: cipherward predict",
    )


def traced(graph: Graph, module: Module, features: str, width: int) -> str:
    """A module as torch.onnx traces it on a few rows: float64[rows, outputs].

    What depends on the rows' values in Python itself (an `if`) is not traced; that the graph gives what the module gives is for
    the caller to check.

    Raises:
        StudyError: torch cannot trace it, or it is no torch module.
    """
    import onnx
    from onnx import compose

    if not isinstance(module, nn.Module):
        raise StudyError("a module of the user's own is a torch.nn.Module")
    module.eval()
    rows = torch.zeros(_ROWS, width)
    written = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter that needs no further package is torch's earlier one
            torch.onnx.export(
                module,
                (rows,),
                cast(Any, written),  # a file, too, whatever its type says
                dynamo=False,
                opset_version=OPSET,
                input_names=["rows"],
                output_names=["found"],
                dynamic_axes={"rows": {0: "n"}, "found": {0: "n"}},
            )
        found = onnx.load_from_string(written.getvalue())
    except Exception as error:  # torch's exporter raises what it likes
        raise StudyError(
            f"torch cannot export the module {type(module).__name__}: {words_of(error)}",
            hint="use layers that torch.onnx knows, without control flow that depends on the rows",
            logged=f"torch cannot export the module {type(module).__name__}: {type(error).__name__}",
        ) from None
    prefix = graph.new_name("module") + "/"
    compose.add_prefix(found, prefix, inplace=True)
    for tensor in found.graph.initializer:
        graph.constants[tensor.name] = onnx.numpy_helper.to_array(tensor)
    given, output = found.graph.input[0].name, found.graph.output[0].name
    graph.nodes.append(Node("Identity", (features,), (given,), "", {}))
    graph.nodes += [node.SerializeToString(deterministic=True) for node in found.graph.node]
    wide = output
    if len(found.graph.output[0].type.tensor_type.shape.dim) == 1:
        wide = graph.add("Unsqueeze", output, graph.constant([1], "int64"))
    return graph.cast(wide, "float64")
