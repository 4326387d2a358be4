"""What fleetleak would have said of a history: from a Prometheus-compatible API, or from files.

A source (`history.py`, `files.py`) gives snapshots in order of time. `run.py` sends them through the roles of
production. `watch.py` and `rules.py` follow each instance, `result.py` adds up, `text.py` and `page.py` show.
"""
