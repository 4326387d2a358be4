"""Tracks: several sets of settings on one stream; who speaks, and who should (docs/tracks.md)."""
