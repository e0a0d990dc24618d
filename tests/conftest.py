"""No test is timed: on a busy machine an example may take longer than hypothesis would allow."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
