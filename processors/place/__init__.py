"""The second step: which rows the state of a snapshot is in, and what changed since the one before."""
