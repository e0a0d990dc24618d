"""How hospitals stand in a sum, as their signed headers say it: from headers to `disclosure`, which decides."""

from __future__ import annotations

from collections.abc import Mapping

from cipherward.disclosure.blocks import ALONE
from cipherward.disclosure.standing import Agreement, Memory, Statement
from cipherward.errors import ProtocolError
from cipherward.sums.messages import Header
from cipherward.sums.votes import Rules


def alone(rules: Rules, hospital: int) -> Statement:
    """Of a hospital that has agreed to be singled out, and is in no block."""
    return Statement(rules.register(hospital), ALONE, Agreement.YES)


def expected(rules: Rules, hospital: int, memory: Memory) -> Statement:
    """What an honest header will say, as far as it can be known: no, but where that was widened, or cannot stand."""
    register = rules.register(hospital)
    block = rules.blocks.of(register)
    return Statement(register, block, Agreement(block == ALONE or memory.known_yes(register)))


def statement_of(rules: Rules, hospital: int, header: Header) -> Statement:
    """What a header says of its hospital.

    Raises:
        ProtocolError: another register than the study lists for it, or an answer that is neither yes nor no.
    """
    register = rules.register(hospital)
    flags = header.agreement, header.has_rows, header.has_entered
    if header.register != register.name or not set(flags) <= {0, 1}:
        raise ProtocolError(f"the header of hospital {hospital} does not say how its register stands in the sum")
    return Statement(
        register, header.block, Agreement(header.agreement), bool(header.has_rows), bool(header.has_entered)
    )


def statements_of(rules: Rules, headers: Mapping[int, Header]) -> tuple[Statement, ...]:
    """What the headers of a manifest say, in its order. Raises: as `statement_of`."""
    return tuple(statement_of(rules, hospital, header) for hospital, header in headers.items())
