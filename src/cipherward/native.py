"""Machine code for this processor, from the LLVM IR of the kernels, with llvmlite."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

_DIGEST_BYTES = hashlib.sha256().digest_size


def address(room: str, symbol: str) -> int:
    """Where a kernel's machine code is. The first call for a room makes that of all its kernels, or reads it from a cache."""
    return int(_engine(room).get_function_address(symbol))


def ir_of(room: str) -> str:
    """The room's `kernels.ll`."""
    return resources.files("cipherward").joinpath(room, "kernels.ll").read_text("utf-8")


@cache  # engines own the code: none is ever let go
def _engine(room: str) -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    text, triple, processor = ir_of(room), llvm.get_process_triple(), llvm.get_host_cpu_name()
    features = llvm.get_host_cpu_features().flatten()
    # What else is called is nearby on other processors only: the JIT is free to place code anywhere.
    reloc = "static" if triple.startswith("x86") else "default"
    machine = llvm.Target.from_triple(triple).create_target_machine(
        cpu=processor, features=features, opt=3, reloc=reloc, codemodel="jitdefault", jit=True
    )
    stated = "\n".join([str(llvm.llvm_version_info), triple, processor, features, text])
    name = f"kernels-{room}-{hashlib.sha256(stated.encode()).hexdigest()[:32]}.o"
    code = _kept(name)
    if code is None:
        code = bytes(machine.emit_object(_optimised(llvm, machine, triple, text)))
        _keep(name, code)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def _optimised(llvm: Any, machine: Any, triple: str, text: str) -> Any:
    module = llvm.parse_assembly(text)
    module.triple, module.data_layout = triple, str(machine.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization, options.slp_vectorization = True, False
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    return module


def _folders() -> Iterator[Path]:
    if given := os.environ.get("CIPHERWARD_CACHE"):
        yield Path(given) / "kernels"
        return
    yield Path(__file__).parent / "__pycache__"
    import pooch

    yield Path(pooch.os_cache("cipherward")) / "kernels"


def _kept(name: str) -> bytes | None:
    for folder in _folders():
        with suppress(OSError):
            data = (folder / name).read_bytes()
            code = data[_DIGEST_BYTES:]
            if hashlib.sha256(code).digest() == data[:_DIGEST_BYTES]:  # else it was cut off, or the disk is bad
                return code
    return None


def _keep(name: str, code: bytes) -> None:
    """In the first folder that can be written. Where none can, every process makes its own."""
    for folder in _folders():
        part = folder / f"{name}.{os.getpid()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(hashlib.sha256(code).digest() + code)
            part.replace(folder / name)
        except OSError:
            with suppress(OSError):
                part.unlink()
        else:
            return
