"""What Keras's layers became in TensorFlow, put together again: dense layers, layer normalization, GELU."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmzoo.exporters.onnx.weights import constant

_ROOT_HALF, _CUBIC, _ROOT_TWO_BY_PI = 0.5**0.5, 0.044715, (2 / np.pi) ** 0.5


def fuse_layers(model: Any) -> None:
    """Rewrites an onnx_ir.Model in place, and removes what is unread then. Needs opset 20, which has Gelu."""
    from onnxscript.rewriter import pattern, rewrite

    def rule(form: Any, replacement: Any, check: Any) -> Any:
        # Nodes of a form may have other readers: query, key and value share the flattened input.
        return pattern.RewriteRule(form, replacement, check, remove_nodes=False)

    rules = [rule(_rows_of_any_length, _product, _is_dense), rule(_rows, _reshaped_product, _are_rows)]
    rules += [
        rule(form, _layer_normalization, _is_layer_normalization)
        for form in (_normalized_scaled_shifted, _normalized_scaled, _normalized_shifted, _normalized)
    ]
    rules += [rule(form, _gelu, _is_gelu) for form in (_gelu_by_erf, _gelu_by_erfc)]
    rules.append(rule(_gelu_by_tanh, _gelu_approximated, _is_gelu_by_tanh))
    rewrite(model, rules)


def _is_near(value: Any, expected: Any) -> bool:
    array = constant(value)
    return array is not None and array.size == np.size(expected) and np.allclose(array.ravel(), expected, rtol=1e-6)


# A dense layer of a sequence. TensorFlow makes rows of it and restores its shape; ONNX multiplies it as it is.


def _rows_of_any_length(op: Any, x: Any, flat: Any, kernel: Any, free: Any, width: Any) -> Any:
    shape = op.Concat(op.Gather(op.Cast(op.Shape(x), to=6), free, axis=0), width, axis=0)
    return op.Reshape(op.MatMul(op.Reshape(x, flat), kernel), op.Cast(shape, to=7))


def _is_dense(context: Any, x: Any, flat: Any, kernel: Any, free: Any, width: Any, **_: Any) -> bool:
    if kernel.shape is None or len(kernel.shape) != 2 or constant(free) is None:
        return False
    if x.shape is None or len(x.shape) != constant(free).size + 1:
        return False  # several axes of x are summed over
    rows, columns = kernel.shape
    return _is_near(flat, (-1, rows)) and _is_near(width, columns) and _is_near(free, range(constant(free).size))


def _product(op: Any, x: Any, kernel: Any, **_: Any) -> Any:
    return op.MatMul(x, kernel)


def _rows(op: Any, x: Any, flat: Any, kernel: Any, shape: Any) -> Any:
    return op.Reshape(op.MatMul(op.Reshape(x, flat), kernel), shape)


def _are_rows(context: Any, x: Any, flat: Any, kernel: Any, **_: Any) -> bool:
    if x.shape is None or kernel.shape is None or len(kernel.shape) != 2:
        return False
    return len(x.shape) > 2 and x.shape[-1] == kernel.shape[0] and _is_near(flat, (-1, kernel.shape[0]))


def _reshaped_product(op: Any, x: Any, kernel: Any, shape: Any, **_: Any) -> Any:
    return op.Reshape(op.MatMul(x, kernel), shape)


# LayerNormalization over the last axis, with gamma and beta or without, as Keras computes it.


def _factor(op: Any, x: Any, mean: Any, axes: Any, epsilon: Any) -> Any:
    deviation = op.Sub(x, mean)
    variance = op.ReduceMean(op.Mul(deviation, deviation), axes, keepdims=1, _allow_other_attributes=True)
    return op.Reciprocal(op.Sqrt(op.Add(variance, epsilon)))


def _mean(op: Any, x: Any, axes: Any) -> Any:
    return op.ReduceMean(x, axes, keepdims=1, _allow_other_attributes=True)


def _normalized_scaled_shifted(op: Any, x: Any, axes: Any, epsilon: Any, gamma: Any, beta: Any) -> Any:
    mean = _mean(op, x, axes)
    factor = op.Mul(_factor(op, x, mean, axes, epsilon), gamma)
    return op.Add(op.Mul(x, factor), op.Add(op.Mul(op.Neg(mean), factor), beta))


def _normalized_scaled(op: Any, x: Any, axes: Any, epsilon: Any, gamma: Any) -> Any:
    mean = _mean(op, x, axes)
    factor = op.Mul(_factor(op, x, mean, axes, epsilon), gamma)
    return op.Add(op.Mul(x, factor), op.Mul(op.Neg(mean), factor))


def _normalized_shifted(op: Any, x: Any, axes: Any, epsilon: Any, beta: Any) -> Any:
    mean = _mean(op, x, axes)
    factor = _factor(op, x, mean, axes, epsilon)
    return op.Add(op.Mul(x, factor), op.Add(op.Mul(op.Neg(mean), factor), beta))


def _normalized(op: Any, x: Any, axes: Any, epsilon: Any) -> Any:
    mean = _mean(op, x, axes)
    factor = _factor(op, x, mean, axes, epsilon)
    return op.Add(op.Mul(x, factor), op.Mul(op.Neg(mean), factor))


def _is_layer_normalization(
    context: Any, x: Any, axes: Any, epsilon: Any, gamma: Any = None, beta: Any = None, **_: Any
) -> bool:
    width = _width(x, gamma, beta)
    if width is None or constant(epsilon) is None or constant(epsilon).size != 1:
        return False
    vectors = [constant(vector) for vector in (gamma, beta) if vector is not None]
    fit = all(vector is not None and vector.shape[-1:] == (width,) == (vector.size,) for vector in vectors)
    return fit and (_is_near(axes, -1) or (x.shape is not None and _is_near(axes, len(x.shape) - 1)))


def _width(x: Any, *vectors: Any) -> int | None:
    """Length of the last axis, which gamma and beta have too."""
    shapes = [value.shape for value in (*vectors, x) if value is not None and value.shape]
    return next((shape[-1] for shape in shapes if isinstance(shape[-1], int)), None)


def _layer_normalization(op: Any, x: Any, epsilon: Any, gamma: Any = None, beta: Any = None, **_: Any) -> Any:
    import onnx_ir as ir

    def vector(value: Any) -> Any:
        # Layers may share a constant, as ones; the rewriter loses an initializer whose name is taken.
        return op.initializer(ir.tensor(constant(value).ravel()), name=f"{x.name}/{value.name}")

    scale = np.ones(_width(x, beta) or 1, constant(epsilon).dtype)
    inputs = [op.initializer(ir.tensor(scale), name=f"{x.name}_ones") if gamma is None else vector(gamma)]
    if beta is not None:
        inputs.append(vector(beta))
    return op.LayerNormalization(x, *inputs, axis=-1, epsilon=float(constant(epsilon).item()))


# GELU, x Phi(x): by erf as mmzoo writes it, by erfc(-z) = 1 - erf(-z) as TensorFlow does, and by its tanh approximation.


def _gelu_by_erf(op: Any, x: Any, half: Any, root: Any, one: Any) -> Any:
    return op.Mul(op.Mul(half, x), op.Add(one, op.Erf(op.Mul(x, root))))


def _gelu_by_erfc(op: Any, x: Any, half: Any, root: Any, one: Any) -> Any:
    return op.Mul(op.Mul(half, x), op.Sub(one, op.Erf(op.Mul(op.Neg(x), root))))


def _is_gelu(context: Any, half: Any, root: Any, one: Any, **_: Any) -> bool:
    return _is_near(half, 0.5) and _is_near(root, _ROOT_HALF) and _is_near(one, 1)


def _gelu(op: Any, x: Any, **_: Any) -> Any:
    return op.Gelu(x)


def _gelu_by_tanh(op: Any, x: Any, half: Any, three: Any, cubic: Any, root: Any, one: Any) -> Any:
    inner = op.Mul(root, op.Add(x, op.Mul(cubic, op.Pow(x, three))))
    return op.Mul(op.Mul(half, x), op.Add(one, op.Tanh(inner)))


def _is_gelu_by_tanh(context: Any, half: Any, three: Any, cubic: Any, root: Any, one: Any, **_: Any) -> bool:
    expected = ((half, 0.5), (three, 3), (cubic, _CUBIC), (root, _ROOT_TWO_BY_PI), (one, 1))
    return all(_is_near(value, number) for value, number in expected)


def _gelu_approximated(op: Any, x: Any, **_: Any) -> Any:
    return op.Gelu(x, approximate="tanh")
