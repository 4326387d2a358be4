"""The alerting sink: from scores to one alert per leak."""
