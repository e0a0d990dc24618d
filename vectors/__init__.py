"""Test vectors: what another implementation of the protocol has to compute, and what it has to refuse.

Every `.json` file here is written by `python -m vectors.make` and compared by `python -m vectors.make --check`. Byte
strings are hexadecimal. A file whose name holds `_bad_` lists inputs that must be refused: `error` is the class that
this implementation raises, `says` a part of its message.
"""
