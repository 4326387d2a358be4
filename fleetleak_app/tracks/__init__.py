"""Tracks: several sets of settings on one stream; which is active, and which should be (docs/tracks.md)."""
