"""Fills an MLflow server for the benchmark and prints what it made as one line of JSON.

Usage: MLFLOW_TRACKING_URI=... python mlflow_seed.py
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support" / "mlflow"))

from build import make_trace  # first: it sets how the client behaves
from seed import large

from mlflow import MlflowClient
from mlflow.entities import SpanType

TRACES = 120
SENTENCE = "The invoice of March lists three positions and is due on the first of May. "


def agent_turn(number, sentences):
    """12 spans, three levels deep; most hold a text of so many sentences two or three times."""

    def step(at, name, kind, **more):
        return {"name": name, "type": kind, "start_ms": at, "duration_ms": 40, **more}

    text = SENTENCE * sentences
    messages = [{"role": "user", "content": text}, {"role": "assistant", "content": text}]
    tokens = {"input_tokens": 1200, "output_tokens": 345, "total_tokens": 1545}
    rounds = [
        step(
            100 * turn,
            f"round {turn}",
            SpanType.CHAIN,
            inputs={"question": text},
            outputs={"answer": text},
            children=[
                step(
                    100 * turn + 5,
                    "chat",
                    SpanType.CHAT_MODEL,
                    inputs={"messages": messages},
                    outputs={"content": text},
                    attributes={"mlflow.chat.tokenUsage": tokens},
                ),
                step(100 * turn + 50, "search", SpanType.TOOL, inputs={"query": text}, outputs=[text]),
            ],
        )
        for turn in range(1, 4)
    ]
    retrieve = step(
        10,
        "retrieve",
        SpanType.RETRIEVER,
        inputs={"query": text},
        outputs=[{"page_content": text, "id": str(n)} for n in range(3)],
        children=[step(15, "embed", SpanType.EMBEDDING, inputs={"text": text})],
    )
    return {
        "name": f"turn {number}",
        "type": SpanType.AGENT,
        "duration_ms": 500,
        "inputs": {"question": text},
        "outputs": {"answer": text},
        "children": [retrieve, *rounds],
    }


def main():
    client = MlflowClient()

    def fill(name, sentences):
        experiment = client.create_experiment(name)
        traces = [make_trace(experiment, agent_turn(n, sentences)) for n in range(TRACES)]
        metadata = client.get_trace(traces[-1]["trace_id"]).info.trace_metadata
        kilobytes = round(int(metadata["mlflow.trace.sizeBytes"]) / 1000)
        return {"id": experiment, "kilobytes": kilobytes}, traces[-1]

    filled = [fill("short texts", 5), fill("long texts", 40), fill("very long texts", 200)]
    small = filled[0][1]
    big = make_trace(client.create_experiment("large"), large(2000, 10_000_000))
    made = {
        "experiments": [experiment for experiment, _ in filled],
        "traces": TRACES,
        "small_trace_id": small["trace_id"],
        "spans": len(small["spans"]),
        "large_trace_id": big["trace_id"],
        "large_spans": len(big["spans"]),
    }
    print(json.dumps(made))


if __name__ == "__main__":
    main()
