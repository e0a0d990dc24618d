"""The audit log: what was done, in a Merkle tree whose heads are signed by its author and cosigned by witnesses."""
