"""The PyTorch peers as ONNX graphs of fixed shape, run by onnxruntime on the CPU with every optimisation it has."""

import os

import onnxruntime
import torch

OPSET = 20  # the first with Gelu as one operator


def export(model, inputs, path, opset=OPSET):
    """Writes `model` at exactly these input shapes; weights go beside the graph, in PATH.data."""
    with torch.inference_mode():
        torch.onnx.export(model, inputs, path, dynamo=True, opset_version=opset, external_data=True, verbose=False)


def session(path, threads, profile_prefix=None):
    """An inference session. Its threads stop spinning when a run ends, or they would slow the next contender."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 3
    if profile_prefix:
        options.enable_profiling = True
        options.profile_file_prefix = os.fspath(profile_prefix)
    return onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])


def feed(session_, inputs):
    """Inputs of `export`, in order, as the session wants them."""
    return {wanted.name: tensor.numpy() for wanted, tensor in zip(session_.get_inputs(), inputs, strict=True)}
