"""The nodes of hospital and coordinator: what they know, what they answer, what they never send."""
