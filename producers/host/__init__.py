"""What the agent reads of a Linux host: files below /proc and cgroupfs become Snapshots."""
