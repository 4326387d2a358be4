"""What operators see: metrics, health and logs, the same on every role."""
