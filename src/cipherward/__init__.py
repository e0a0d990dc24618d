"""cipherward: train one model across hospitals; only encrypted sums are opened, and every hospital recomputes the result.

Public names are imported on first use, so that `import cipherward` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cipherward.errors import CipherwardError
    from cipherward.runs.audit_check import verify_run
    from cipherward.runs.export_onnx import write as export_onnx
    from cipherward.runs.prediction import predict
    from cipherward.simulation.personalised import personalise_run
    from cipherward.simulation.simulate import RunResult, resume_study, run_study
    from cipherward.study import Study
    from cipherward.study import load as load_study
    from cipherward.study import load_builtin as load_builtin_study

_WHERE = {
    "CipherwardError": ("cipherward.errors", "CipherwardError"),
    "RunResult": ("cipherward.simulation.simulate", "RunResult"),
    "Study": ("cipherward.study", "Study"),
    "export_onnx": ("cipherward.runs.export_onnx", "write"),
    "load_builtin_study": ("cipherward.study", "load_builtin"),
    "load_study": ("cipherward.study", "load"),
    "personalise_run": ("cipherward.simulation.personalised", "personalise_run"),
    "predict": ("cipherward.runs.prediction", "predict"),
    "resume_study": ("cipherward.simulation.simulate", "resume_study"),
    "run_study": ("cipherward.simulation.simulate", "run_study"),
    "verify_run": ("cipherward.runs.audit_check", "verify_run"),
}

__all__ = [
    "CipherwardError",
    "RunResult",
    "Study",
    "export_onnx",
    "load_builtin_study",
    "load_study",
    "personalise_run",
    "predict",
    "resume_study",
    "run_study",
    "verify_run",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'cipherward' has no attribute {name!r}")
    module, attribute = _WHERE[name]
    return getattr(import_module(module), attribute)
