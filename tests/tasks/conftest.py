"""Nothing in this folder waits for the disk."""

from tests.hasty import hasty_disk

__all__ = ["hasty_disk"]
