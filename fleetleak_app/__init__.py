"""The application on top of all parts: the command line, the demo, replays, tracks and the evaluation."""
