"""How good the detection is: labelled cases, a scorer, rivals and synthetic telemetry."""
