"""The protocol of one secure sum: messages, checks, and the steps of hospital and coordinator."""
