"""Pictures of memory: one alert as a small picture for messages to people."""
