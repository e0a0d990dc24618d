"""Which packages of the extras are installed, found without importing them: every test process collects every test."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


def needs(extra: str, *packages: str) -> pytest.MarkDecorator:
    """For `pytestmark`: the tests are skipped where one of the packages is missing."""
    missing = [package for package in packages if find_spec(package) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)}: not installed (extra `{extra}`)")
