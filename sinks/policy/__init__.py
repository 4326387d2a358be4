"""The policy file: rules, thresholds, what is whitelisted, targets and routes, as data (docs/alerting.md)."""
