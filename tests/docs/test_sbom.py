"""The bill of materials names what is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "deploy" / "sbom.py"


def test_the_bill_of_materials_has_every_package_and_what_needs_it(tmp_path: Path) -> None:
    out = tmp_path / "sbom.cdx.json"
    subprocess.run([sys.executable, SCRIPT, out], check=True, capture_output=True)
    bill = json.loads(out.read_text("utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    found = {part["name"]: part["version"] for part in bill["components"]}
    assert found["cryptography"] == version("cryptography")
    assert {"torch", "numpy", "fsspec", "pydantic-core"} <= found.keys()
    refs = {part["bom-ref"] for part in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    assert {each["ref"] for each in bill["dependencies"]} == refs
    assert all(set(each["dependsOn"]) <= refs for each in bill["dependencies"])
