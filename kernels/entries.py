"""What is around numba's functions: entries that take Python objects, and what numba does not know by itself."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numba.core import types
from numba.extending import intrinsic
from numba.np import arrayobj, numpy_support

from cipherward import compiled

# numpy/ndarraytypes.h
CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x100, 0x400
LETTERS = {int: "i64", float: "double", np.uint32: "i32", np.uint64: "i64"}
RESULTS = {"none": "ptr", "int64": "i64", "uint64": "i64", "bool": "i8"}

# Offsets are those of PyArrayObject behind the object's head: data 0, nd 8, dimensions 16, descr 40, flags 48. `ob_type` is the head's last word.
IS_ARRAY = """
define internal i1 @is_array(ptr %known, ptr %object, i64 %dtype, i32 %dimensions, i32 %flags) {
  %head = load i64, ptr %known
  %body = getelementptr i8, ptr %object, i64 %head
  %type_at = getelementptr i8, ptr %body, i64 -8
  %type = load i64, ptr %type_at
  %array_at = getelementptr i64, ptr %known, i64 1
  %array = load i64, ptr %array_at
  %is_array = icmp eq i64 %type, %array
  br i1 %is_array, label %look, label %no
look:
  %n_at = getelementptr i8, ptr %body, i64 8
  %n = load i32, ptr %n_at
  %same_n = icmp eq i32 %n, %dimensions
  %own_dtype_at = getelementptr i8, ptr %body, i64 40
  %own_dtype = load i64, ptr %own_dtype_at
  %dtype_at = getelementptr i64, ptr %known, i64 %dtype
  %wanted = load i64, ptr %dtype_at
  %same_dtype = icmp eq i64 %own_dtype, %wanted
  %flags_at = getelementptr i8, ptr %body, i64 48
  %own_flags = load i32, ptr %flags_at
  %set = and i32 %own_flags, %flags
  %same_flags = icmp eq i32 %set, %flags
  %both = and i1 %same_n, %same_dtype
  %all = and i1 %both, %same_flags
  ret i1 %all
no:
  ret i1 false
}
"""


def numba_type(of: Any, form: compiled.Array | None) -> Any:
    """numba's type of a kernel's parameter."""
    if form is None:
        return {int: types.int64, float: types.float64, np.uint32: types.uint32, np.uint64: types.uint64}[of]
    return types.Array(numpy_support.from_dtype(of), form.n_dimensions, "C", readonly=not form.is_written)


def entry(kernel: compiled.Kernel, name: str, result: str) -> str:
    """IR that looks at the objects it is given and calls numba's function `name`, which takes an array as its fields.

    Args:
        result: numba's type of what the function gives.
    """
    heads, lines, flat = ["ptr %known"], ["  %head = load i64, ptr %known"], []
    for k, (of, form) in enumerate(kernel.parameters.values()):
        if form is None:
            heads.append(f"{LETTERS[of]} %p{k}")
            flat.append(heads[-1])
            continue
        heads.append(f"ptr %p{k}")
        flags = CONTIGUOUS | ALIGNED | (WRITEABLE if form.is_written else 0)
        slot = 2 + compiled.DTYPES.index(of)
        lines += [
            f"  %ok{k} = call i1 @is_array(ptr %known, ptr %p{k}, i64 {slot}, i32 {form.n_dimensions}, i32 {flags})",
            f"  br i1 %ok{k}, label %good{k}, label %bad{k}",
            f"bad{k}:",
            f"  ret i64 -{k + 1}",
            f"good{k}:",
            f"  %body{k} = getelementptr i8, ptr %p{k}, i64 %head",
            f"  %data{k} = load ptr, ptr %body{k}",
            f"  %shape_at{k} = getelementptr i8, ptr %body{k}, i64 16",
            f"  %shape{k} = load ptr, ptr %shape_at{k}",
        ]
        shape, strides, step = list[str](), list[str](), str(of.itemsize)
        for d in reversed(range(form.n_dimensions)):
            lines += [
                f"  %at{k}.{d} = getelementptr i64, ptr %shape{k}, i64 {d}",
                f"  %n{k}.{d} = load i64, ptr %at{k}.{d}",
                f"  %step{k}.{d} = mul i64 {step}, %n{k}.{d}",
            ]
            shape.insert(0, f"i64 %n{k}.{d}")
            strides.insert(0, f"i64 {step}")
            step = f"%step{k}.{d}"
        lines.append(f"  %size{k} = sdiv i64 {step}, {of.itemsize}")
        flat += ["ptr null", "ptr null", f"i64 %size{k}", f"i64 {of.itemsize}", f"ptr %data{k}", *shape, *strides]
    made = RESULTS[result]
    lines += [
        f"  %result = alloca {made}",
        "  %trouble = alloca ptr",
        f'  %status = call i32 @"{name}"(ptr %result, ptr %trouble, {", ".join(flat)})',
    ]
    if made == "ptr":
        lines.append("  ret i64 0")
    else:
        lines += [f"  %value = load {made}, ptr %result"]
        lines += ["  ret i64 %value"] if made == "i64" else ["  %wide = zext i8 %value to i64", "  ret i64 %wide"]
    letters = ", ".join(each.split()[0] for each in ["ptr", "ptr", *flat])
    body = "\n".join(lines)
    return f'declare i32 @"{name}"({letters})\ndefine i64 @"{kernel.symbol}"({", ".join(heads)}) {{\n{body}\n}}\n'


@intrinsic
def matrix(context: Any, row: Any, rows: Any, columns: Any) -> Any:
    """`_ntt.matrix`: numba's own `reshape` calls a function of its runtime."""
    found, tools = row.copy(ndim=2), cast(Any, arrayobj)

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        source, target = tools.make_array(row)(context, builder, given[0]), tools.make_array(found)(context, builder)
        size = source.itemsize
        shape, strides = [given[1], given[2]], [builder.mul(given[2], size), size]
        tools.populate_array(target, data=source.data, shape=shape, strides=strides, itemsize=size, meminfo=None)
        return target._getvalue()

    return found(row, rows, columns), code
