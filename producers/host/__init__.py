"""The source of snapshots on a Linux host: reads files of procfs and cgroupfs."""
