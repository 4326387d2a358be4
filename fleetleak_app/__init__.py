"""What stands on all parts: the command line, the demo, replays, tracks, and the evaluation."""
