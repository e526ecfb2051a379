"""The message and its policies: pure functions over bytes."""
