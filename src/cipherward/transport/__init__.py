"""Letters between hospitals and coordinator over NATS JetStream; the only code that imports nats-py (extra `network`)."""
