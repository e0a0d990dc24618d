"""Compiled kernels: functions of arrays and numbers whose LLVM IR comes with the package.

`make kernels` writes the IR, `kernels.ll` of each room, from the Python source of the kernels, with numba. At runtime nothing but
llvmlite is needed (`native`): the first call of a kernel makes machine code of its room's IR for this processor, or finds it in a cache.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple, TypeVar, cast, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T", bound=np.generic)


class Array(NamedTuple):
    """A C-contiguous array with so many dimensions; whether the kernel writes to it."""

    n_dimensions: int
    is_written: bool = False

    def words(self, of: Any) -> str:
        """What has to be given."""
        writeable = " that may be written" if self.is_written else ""
        return f"an aligned, C-contiguous {of}[{', '.join(':' * self.n_dimensions)}]{writeable}"


In1 = Annotated[NDArray[T], Array(1)]
In2 = Annotated[NDArray[T], Array(2)]
In3 = Annotated[NDArray[T], Array(3)]
Out1 = Annotated[NDArray[T], Array(1, True)]
Out2 = Annotated[NDArray[T], Array(2, True)]
Out3 = Annotated[NDArray[T], Array(3, True)]

DTYPES = tuple(np.dtype(name) for name in ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8", "?"])
_PLAIN = {int: ctypes.c_int64, float: ctypes.c_double, np.uint32: ctypes.c_uint32, np.uint64: ctypes.c_uint64}
_known = (ctypes.c_void_p * (2 + len(DTYPES)))(object.__basicsize__, id(np.ndarray), *map(id, DTYPES))
_KNOWN = ctypes.addressof(_known)
"""What machine code looks for in an object: how long its head is, the type of arrays, the dtypes. `kernels.make` counts on the order."""
_loading = threading.Lock()


class Kernel:
    """Calls the machine code of a function, without the GIL. It gives back nothing or an integer that is not negative."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._entry: Callable[..., int] = self._load
        functools.update_wrapper(self, function)

    @functools.cached_property
    def parameters(self) -> dict[str, tuple[Any, Array | None]]:
        """Of each parameter its name, its type or dtype, and the array that it is."""
        found: dict[str, tuple[Any, Array | None]] = {}
        for name, hint in get_type_hints(self.function, include_extras=True).items():
            if get_origin(hint) is Annotated:
                array, form = get_args(hint)
                found[name] = np.dtype(get_args(get_args(array)[1])[0]), form
            elif name != "return":
                found[name] = hint, None
        return found

    @property
    def symbol(self) -> str:
        """Its name in the IR of its room."""
        return f"{self.function.__module__.rpartition('.')[2]}.{self.function.__name__}"

    def __call__(self, *given: Any) -> Any:
        found = self._entry(_KNOWN, *given)
        return found if found >= 0 else self._once_more(given)

    def _load(self, *given: Any) -> int:
        from cipherward import native

        with _loading:
            address = native.address(self.function.__module__.split(".")[1], self.symbol)
        kinds: list[Any] = [ctypes.py_object if form else _PLAIN[of] for of, form in self.parameters.values()]
        entry: Callable[..., int] = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, *kinds)(address)
        self._entry = entry
        return entry(*given)

    def _once_more(self, given: tuple[Any, ...]) -> int:
        # Equal dtypes can be different objects, and a subclass (a memory map) holds an array.
        plain = [
            np.asarray(value).view(of) if form and isinstance(value, np.ndarray) and value.dtype == of else value
            for value, (of, form) in zip(given, self.parameters.values(), strict=True)
        ]
        found = self._entry(_KNOWN, *plain)
        if found < 0:
            name, (of, form) = list(self.parameters.items())[-found - 1]
            raise TypeError(f"{self.symbol}: {name} has to be {form.words(of) if form else of}")
        return found


def kernel(function: F) -> F:
    """A decorator for a function of arrays (`In1` ... `Out3`), int, float, np.uint32 and np.uint64 that is compiled ahead of time.

    It gives back nothing or an integer that is not negative. It may call others of its room and what is marked with `inlined`. It
    allocates nothing and raises nothing; `make kernels` refuses what does.
    """
    return cast(F, Kernel(function))


INLINED: list[Callable[..., Any]] = []


def inlined(function: F) -> F:
    """A decorator for what kernels call and Python hardly: compiled into them, and a Python function as it stands."""
    INLINED.append(function)
    return function
