"""Snapshots from a Prometheus-compatible API: which series are memory, and of what.

A preset (`presets/`) says which metrics of one exporter are which fields, and names the instance of a series.
`assemble.py` makes snapshots of the series of one window of time. `api.py` asks the server.
"""
