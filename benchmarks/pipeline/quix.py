"""The same job in quix-streams 3, with River's models in its state store, exactly once.

The benchmark runs it in its own environment, because quix-streams pins an older client:
`uv run --no-project --with quixstreams==3.28.1 --with river==0.26.1 python quix.py BROKERS PREFIX RECORDS`.
It imports nothing from fleetleak. The store takes bytes, so the models are pickled, as its users do.
"""

from __future__ import annotations

import base64
import json
import pickle
import sys
import tempfile
import time
from typing import Any

from quixstreams import Application, State
from river import anomaly, drift, time_series


def new_models() -> dict[str, Any]:
    """Return the models of one service."""
    return {
        "trees": anomaly.HalfSpaceTrees(n_trees=10, height=8, window_size=250, seed=1),
        "forecast": time_series.SNARIMAX(p=3, d=1, q=2),
        "drift": drift.ADWIN(),
    }


def score(snapshot: dict[str, Any], state: State) -> dict[str, Any]:
    """Score and learn one snapshot; read the models from the store and write them back."""
    stored = state.get("models")
    models = new_models() if stored is None else pickle.loads(base64.b64decode(stored))
    share = snapshot["anon"] / snapshot["limit"]
    x = {"limit_used": snapshot["limit_used"] / snapshot["limit"], "share": share, "half": 0.5}
    odd = models["trees"].score_one(x)
    models["trees"].learn_one(x)
    ahead = models["forecast"].forecast(horizon=1)[0]
    models["forecast"].learn_one(share)
    models["drift"].update(share)
    state.set("models", base64.b64encode(pickle.dumps(models)).decode())
    return {
        "service": snapshot["service"],
        "time": snapshot["timestamp"],
        "trees": odd,
        "error": share - ahead,
    }


def main() -> None:
    """Score the given number of records, and print the rate as JSON."""
    brokers, prefix, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with tempfile.TemporaryDirectory() as directory:
        application = Application(
            broker_address=brokers, consumer_group=f"{prefix}-quix", auto_offset_reset="earliest",
            processing_guarantee="exactly-once", state_dir=directory, loglevel="ERROR",
        )  # fmt: skip
        source = application.topic(f"{prefix}.snapshots", value_deserializer="json")
        target = application.topic(f"{prefix}.quix", value_serializer="json")
        seen = {"count": 0, "begun": 0.0, "ended": 0.0}

        def count(value: dict[str, Any]) -> None:
            seen["count"] += 1
            seen["ended"] = time.perf_counter()
            seen["begun"] = seen["begun"] or seen["ended"]

        frame = application.dataframe(source).apply(score, stateful=True).update(count)
        frame.to_topic(target)
        application.run(count=wanted, timeout=120)
        print(json.dumps({"records_per_s": (seen["count"] - 1) / (seen["ended"] - seen["begun"])}))


if __name__ == "__main__":
    main()
