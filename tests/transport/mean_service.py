"""Start one party's service as `python mean_service.py coordinator serve --home PATH` does, with one more task installed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.tasks.federated_mean import FederatedMean

from cipherward.cli import main
from cipherward.tasks import catalogue

if __name__ == "__main__":
    catalogue.TASKS["mean"] = FederatedMean
    main()
