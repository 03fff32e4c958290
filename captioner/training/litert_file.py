"""Changes to a LiteRT file that the converter cannot make: one more signature, one copy of each embedding.

They work on the file's own object model (``tensorflow.lite.tools.flatbuffer_utils``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

Model = Any  # schema.ModelT
Subgraph = Any  # schema.SubGraphT
Operators = schema.BuiltinOperator


def add_signatures(model: bytes, addition: bytes) -> bytes:
    """The model with the signatures of another file; a signature of the same name is replaced.

    Both are LiteRT files with one subgraph a signature.
    """
    target, source = _read(model), _read(addition)
    names = {signature.signatureKey for signature in source.signatureDefs}
    _remove_signatures(target, names)
    buffers = {index: _append_buffer(target, buffer) for index, buffer in enumerate(source.buffers)}
    codes = [_operator_code(target, _builtin(code), code.version) for code in source.operatorCodes]
    first = len(target.subgraphs)
    for subgraph in source.subgraphs:
        for tensor in subgraph.tensors:
            tensor.buffer = buffers[tensor.buffer]
        for operator in subgraph.operators:
            operator.opcodeIndex = codes[operator.opcodeIndex]
        target.subgraphs.append(subgraph)
    for signature in source.signatureDefs:
        signature.subgraphIndex += first
        target.signatureDefs.append(signature)
    return _write(target)


def share_embeddings(model: bytes) -> bytes:
    """The model with one copy of each embedding that is tied to an output layer.

    The converter quantises the looked-up embedding with one scale for the whole matrix and the output layer,
    its transpose, with one a word: two copies of the same weights. Here the lookup reads the output layer's
    copy and multiplies a row by its scale, which is also the more exact of the two.
    """
    target = _read(model)
    for subgraph in target.subgraphs:
        for lookup in [op for op in subgraph.operators if _is(target, op, Operators.GATHER)]:
            if (output_layer := _same_weights(target, subgraph, lookup)) is not None:
                _look_up_in(target, subgraph, lookup, output_layer)
    return _write(target)


def _same_weights(model: Model, subgraph: Subgraph, lookup: Any) -> int | None:
    """The tensor of an output layer that holds the weights of a lookup, but for their rounding."""
    looked_up = _dequantised(model, subgraph.tensors[lookup.inputs[0]])
    if looked_up is None:
        return None
    for operator in subgraph.operators:
        if _is(model, operator, Operators.FULLY_CONNECTED):
            weights = _dequantised(model, subgraph.tensors[operator.inputs[1]])
            if weights is None or weights.shape != looked_up.shape:
                continue
            rounding = 0.51 * subgraph.tensors[lookup.inputs[0]].quantization.scale[0]
            rounding += 0.51 * max(subgraph.tensors[operator.inputs[1]].quantization.scale)
            if np.abs(weights - looked_up).max() <= rounding:
                return int(operator.inputs[1])
    return None


def _look_up_in(model: Model, subgraph: Subgraph, lookup: Any, output_layer: int) -> None:
    """Let a lookup read the rows of an output layer: gather → cast → multiply by the rows' scales."""
    old, weights = (subgraph.tensors[index] for index in (lookup.inputs[0], output_layer))
    rows = subgraph.tensors[lookup.outputs[0]]
    dequantise = next(op for op in subgraph.operators if lookup.outputs[0] in op.inputs)
    if not _is(model, dequantise, Operators.DEQUANTIZE):
        raise ValueError(f"a lookup is followed by an operator other than DEQUANTIZE: {rows.name!r}")
    scales = np.asarray(weights.quantization.scale, np.float32)[:, None]
    model.buffers[old.buffer].data = None
    integers = _add_tensor(subgraph, f"{old.name.decode()}/rows", weights.shape, weights.type, weights.buffer)
    buffer = _append_buffer(model, schema.BufferT(data=np.frombuffer(scales.tobytes(), np.uint8)))
    float32 = schema.TensorType.FLOAT32
    scale = _add_tensor(subgraph, f"{old.name.decode()}/scales", scales.shape, float32, buffer)
    rows_shape, rows.quantization = [int(n) for n in rows.shape], None
    gathered, cast = (
        _add_tensor(subgraph, f"{rows.name.decode()}/{name}", shape, float32, 0)
        for name, shape in (("scales", [*rows_shape[:-1], 1]), ("cast", rows_shape))
    )
    for index, tensor in ((gathered, rows), (cast, rows)):
        signature = tensor.shapeSignature
        if signature is not None:
            last = 1 if index == gathered else int(signature[-1])
            subgraph.tensors[index].shapeSignature = np.asarray([*signature[:-1], last], np.int32)
    lookup.inputs = np.asarray([integers, *lookup.inputs[1:]], np.int32)
    gather_scales = _operator(lookup.opcodeIndex, [scale, *lookup.inputs[1:]], [gathered])
    gather_scales.builtinOptionsType, gather_scales.builtinOptions = (
        lookup.builtinOptionsType, lookup.builtinOptions,
    )  # fmt: skip
    cast_rows = _operator(_operator_code(model, Operators.CAST, 1), [lookup.outputs[0]], [cast])
    multiply = _operator(_operator_code(model, Operators.MUL, 1), [cast, gathered], list(dequantise.outputs))
    multiply.builtinOptionsType, multiply.builtinOptions = (
        schema.BuiltinOptions.MulOptions,
        schema.MulOptionsT(),
    )
    at = subgraph.operators.index(dequantise)
    subgraph.operators[at : at + 1] = [gather_scales, cast_rows, multiply]


def _dequantised(model: Model, tensor: Any) -> NDArray[np.float32] | None:
    """Values of a constant 8-bit matrix [V, U], or None if it is none."""
    data, quantization = model.buffers[tensor.buffer].data, tensor.quantization
    if (
        data is None
        or tensor.type != schema.TensorType.INT8
        or len(tensor.shape) != 2
        or quantization is None
    ):
        return None
    if quantization.scale is None or (len(quantization.scale) > 1 and quantization.quantizedDimension != 0):
        return None
    values = np.frombuffer(bytes(data), np.int8).reshape(tensor.shape)
    return values * np.asarray(quantization.scale, np.float32).reshape(-1, 1)


def _remove_signatures(model: Model, names: set[bytes]) -> None:
    """Remove signatures that ``add_signatures`` has added: their subgraphs are the last ones."""
    removed = [signature for signature in model.signatureDefs if signature.signatureKey in names]
    for signature in sorted(removed, key=lambda signature: -signature.subgraphIndex):
        if signature.subgraphIndex != len(model.subgraphs) - 1:
            raise ValueError(
                f"the signature {signature.signatureKey!r} cannot be replaced: it is not the last"
            )
        for tensor in model.subgraphs.pop().tensors:
            model.buffers[tensor.buffer].data = None
        model.signatureDefs.remove(signature)


def _add_tensor(subgraph: Subgraph, name: str, shape: Any, type: int, buffer: int) -> int:
    tensor = schema.TensorT(
        name=name.encode(), shape=np.asarray(shape, np.int32), type=type, buffer=buffer, hasRank=True
    )
    subgraph.tensors.append(tensor)
    return len(subgraph.tensors) - 1


def _append_buffer(model: Model, buffer: Any) -> int:
    """The buffer's index in the model; 0, which is empty by definition, for an empty one."""
    if buffer.data is None or not len(buffer.data):
        return 0
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def _operator(code: int, inputs: list[int], outputs: list[int]) -> Any:
    return schema.OperatorT(
        opcodeIndex=code, inputs=np.asarray(inputs, np.int32), outputs=np.asarray(outputs, np.int32)
    )


def _operator_code(model: Model, builtin: int, version: int) -> int:
    """Index of an operator among those that the model names, which it joins if it is new."""
    for index, code in enumerate(model.operatorCodes):
        if _builtin(code) == builtin and code.version >= version:
            return index
    model.operatorCodes.append(
        schema.OperatorCodeT(deprecatedBuiltinCode=min(builtin, 127), builtinCode=builtin, version=version)
    )
    return len(model.operatorCodes) - 1


def _builtin(code: Any) -> int:
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))


def _is(model: Model, operator: Any, builtin: int) -> bool:
    return _builtin(model.operatorCodes[operator.opcodeIndex]) == builtin


def _read(model: bytes) -> Model:
    return flatbuffer_utils.read_model_from_bytearray(bytearray(model))


def _write(model: Model) -> bytes:
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
