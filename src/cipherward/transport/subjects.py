"""The names of things on the server: one pair of streams for each member, one durable consumer in each.

UP_<name>    holds up.<name>.>     the member publishes, the coordinator reads
DOWN_<name>  holds down.<name>.>   the coordinator publishes, the member reads
"""

from __future__ import annotations

CONSUMER = "box"
STATE = "state"
"""On which the coordinator says how it is; every member may listen, and nothing is stored."""

UP, DOWN = "up", "down"
COORDINATOR_ACCOUNT = "CIPHERWARD"


def stream(direction: str, member: str) -> str:
    """The stream that holds one mailbox."""
    return f"{direction.upper()}_{member}"


def mailbox(direction: str, member: str) -> str:
    """The mailbox's name, which letter ids cover: also the prefix of its subjects."""
    return f"{direction}.{member}"


def chunks(direction: str, member: str) -> str:
    """The subject on which chunks are published."""
    return f"{direction}.{member}.chunk"


def inbox(name: str) -> str:
    """The prefix of every answer to this member."""
    return f"_INBOX_{name}"


def next_message(direction: str, member: str) -> str:
    """The request for the next messages of a mailbox."""
    return f"$JS.API.CONSUMER.MSG.NEXT.{stream(direction, member)}.{CONSUMER}"


def reset(direction: str, member: str) -> str:
    """The request to deliver everything that is not acknowledged again (server 2.14)."""
    return f"$JS.API.CONSUMER.RESET.{stream(direction, member)}.{CONSUMER}"


def acknowledgements(member: str) -> str:
    """Where a member acknowledges what it has read."""
    return f"$JS.ACK.{stream(DOWN, member)}.{CONSUMER}.>"
