"""The first step: from bytes to columns of readable snapshots, and their sizes."""
