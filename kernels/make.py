"""Write the LLVM IR that the package ships, or compare it: `python -m kernels.make [--check]`. Exit code 1 when a file differs.

`kernels.ll` of a room has one function for each of its kernels, with the name `module.function`. It takes a pointer to what
`compiled` knows about objects, then the kernel's parameters: arrays as pointers to numpy's objects, numbers as they are. It gives
back what the kernel gives, 0 for nothing, or -k where parameter k is not the array that is wanted. The IR is for no processor in
particular: 64-bit pointers, fixed-width numbers, no vectors. It calls nothing, keeps nothing, and no float is fused or reordered.
"""

from __future__ import annotations

import argparse
import importlib
import platform
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import llvmlite
import llvmlite.binding as llvm
import numba
from numba import config
from numba.core import cgutils, codegen, types
from numba.extending import register_jitable, typeof_impl

from cipherward import compiled
from cipherward.crypto import _ntt
from kernels import entries

SOURCE = Path(compiled.__file__).parent
ROOMS = {
    "crypto": ("_crt", "_kernels", "_ntt", "masks", "packing", "sampling", "shamir"),
    "data": ("forest",),
    "learning": ("elimination", "linear", "trees"),
    "privacy": ("discrete",),
}
OPTIONS: dict[str, Any] = {
    "nopython": True,
    "fastmath": False,
    "boundscheck": False,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "_nrt": False,
}
LAYOUT = 'target datalayout = "e-i64:64-n8:16:32:64-S128"\n'
MADE_WITH = f"Python {sys.version_info.major}.{sys.version_info.minor}, numba {numba.__version__}, llvmlite {llvmlite.__version__}, {platform.machine()}"


class UnfitKernelError(Exception):
    """A kernel does what machine code that stands alone cannot, or should not."""


def kernels_of(room: str) -> Iterator[compiled.Kernel]:
    """All kernels of a room."""
    for name in ROOMS[room]:
        module = importlib.import_module(f"cipherward.{room}.{name}")
        for found in vars(module).values():
            if isinstance(found, compiled.Kernel) and found.function.__module__ == module.__name__:
                yield found


@cache
def dispatcher(kernel: compiled.Kernel) -> Any:
    """What numba compiles a kernel with."""
    jit: Any = numba.jit  # its stub does not know all options
    return jit(**OPTIONS)(kernel.function)


@typeof_impl.register(compiled.Kernel)
def _type_of(kernel: compiled.Kernel, context: Any) -> Any:
    return types.Dispatcher(dispatcher(kernel))


@cache
def modules() -> tuple[tuple[str, ...], dict[compiled.Kernel, Any]]:
    """What numba makes of all kernels, module by module, and how it describes the function of each."""
    every = [kernel for room in ROOMS for kernel in kernels_of(room)]
    for function in compiled.INLINED:
        register_jitable(error_model="numpy")(function)
    texts: list[str] = []
    level: Any = config._OptLevel
    normalised: Any = cgutils.normalize_ir_text
    add: Any = codegen.CPUCodeLibrary.add_ir_module

    def noted(library: Any, module: Any) -> None:
        texts.append(normalised(str(module)))
        add(library, module)

    found = {}
    with (
        mock.patch.object(_ntt, "matrix", entries.matrix),
        mock.patch.object(codegen.CPUCodeLibrary, "add_ir_module", noted),
        mock.patch.object(config, "OPT", level(0)),  # nobody runs the code that numba makes here
    ):
        for kernel in every:
            made = dispatcher(kernel)
            wanted = tuple(entries.numba_type(*each) for each in kernel.parameters.values())
            made.compile(wanted)
            found[kernel] = made.overloads[wanted].fndesc
    return tuple(texts), found


def ir_of(room: str) -> str:
    """The text of the room's `kernels.ll`.

    Raises:
        UnfitKernelError: see `problems`.
    """
    texts, found = modules()
    own = {kernel: found[kernel] for kernel in kernels_of(room)}
    around = [entries.entry(kernel, made.llvm_func_name, str(made.restype)) for kernel, made in own.items()]
    whole = llvm.parse_assembly("".join([LAYOUT, entries.IS_ARRAY, *around]))
    for text in texts:
        whole.link_in(llvm.parse_assembly(LAYOUT + re.sub(r"^target .*$", "", text, flags=re.MULTILINE)))
    alone = {"is_array", *(made.llvm_func_name for made in found.values())}
    for each in whole.global_variables:
        if not each.is_declaration:
            each.linkage = "internal"
    for each in whole.functions:
        if not each.is_declaration and each.name not in {kernel.symbol for kernel in own}:
            each.linkage = "internal"
            if each.name not in alone:
                each.add_function_attribute("alwaysinline")
    _simplify(whole)
    text = f"; Written by `make kernels` from the Python source of this room's kernels. Do not edit.\n; {MADE_WITH}\n{_plain(str(whole))}"
    if found_wrong := problems(text):
        raise UnfitKernelError(f"{room}: {'; '.join(found_wrong)}")
    return text


def _simplify(whole: Any) -> None:
    """What makes the IR short and is the same for every processor. The rest is done where it runs."""
    machine = llvm.Target.from_default_triple().create_target_machine(cpu="generic")
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=1))
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_simplify_cfg_pass()
    passes.add_aggressive_instcombine_pass()  # sees the population count while it stands alone
    passes.add_always_inliner_pass()
    passes.add_global_dead_code_eliminate_pass()
    for _ in range(2):
        passes.add_sroa_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
        passes.add_ipsccp_pass()
        passes.add_dead_arg_elimination_pass()
        passes.add_new_gvn_pass()
        passes.add_instruction_combine_pass()
        passes.add_dead_store_elimination_pass()
        passes.add_aggressive_dce_pass()
        passes.add_simplify_cfg_pass()
        passes.add_global_dead_code_eliminate_pass()
    passes.add_strip_symbols_pass()
    passes.run(whole, builder)


def _plain(text: str) -> str:
    """Without what only this version of LLVM reads, what names machines, and comments."""
    text = re.sub(r"^(target |source_filename|; |attributes |!).*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"(,? !\w[\w.]*)+ ?!\d+|(,? ![a-z][\w.]* !\d+)+", "", text)
    text = re.sub(r"\b(range|captures|memory)\([^)]*\) ", "", text)
    text = re.sub(r" +;.*$| #\d+", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def problems(text: str) -> list[str]:
    """What a room's IR holds that it may not."""
    found = [
        f"calls {name}"
        for name in re.findall(r'^declare [^@]*@("[^"]*"|[^(]*)', text, re.MULTILINE)
        if name[:5] != "llvm."
    ]
    found += [f"keeps {name}" for name in re.findall(r"^(@[^ ]*) =", text, re.MULTILINE)]
    found += re.findall(r" (?:fast|reassoc|contract|arcp|afn|nnan|ninf|nsz) |llvm\.fm[au][a-z]*", text)
    return [*found, *(f"names a machine: {line}" for line in re.findall(r"^target .*", text, re.MULTILINE))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    is_check, differs = parser.parse_args().check, False
    for room in ROOMS:
        text, path = ir_of(room), SOURCE / room / "kernels.ll"
        if not is_check:
            path.write_text(text, "utf-8")
        elif text != path.read_text("utf-8"):
            differs = True
            sys.stderr.write(f"{path} is not what the source of its kernels gives: make kernels\n")
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
