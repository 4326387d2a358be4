"""How well leaks are found: labelled cases, synthetic telemetry, rivals, and the judge of their alerts.

`fleetleak evaluate` runs it (docs/evaluation.md). Rivals and scenarios are registered in one line each.
"""
