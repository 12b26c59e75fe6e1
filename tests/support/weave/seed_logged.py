"""Evaluations logged step by step (`weave.EvaluationLogger`): python seed_logged.py ENTITY/PROJECT.

Prints a JSON manifest with the ids of two finished evaluations and an unfinished one.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
_answer = sys.stdout
sys.stdout = sys.stderr

from weave_client import connect  # noqa: E402
import weave  # noqa: E402


def log(model: str, right: list[bool], finish: bool) -> None:
    logger = weave.EvaluationLogger(name=f"Logged by hand № {len(right)}", model=model, dataset="by-hand")
    for index, passed in enumerate(right):
        prediction = logger.log_prediction(inputs={"q": f"question {index}"}, output=f"answer {index}")
        prediction.log_score(scorer="correct", score=passed)
        prediction.log_score(scorer="quality", score=index / 10)
        prediction.finish()
    if finish:
        logger.log_summary({"note": "done"})


def main() -> None:
    client = connect(sys.argv[1])
    log("hand-model-a", [True, False, True, False], finish=True)
    log("hand-model-b", [True, True, True, False], finish=True)
    log("hand-model-c", [True], finish=False)
    client.flush()
    op = f"weave:///{sys.argv[1]}/op/Evaluation.evaluate:*"
    order = [weave.trace_server.common_interface.SortBy(field="started_at", direction="asc")]
    calls: list[Any] = list(client.get_calls(filter={"op_names": [op]}, sort_by=order))
    names = ["a", "b", "unfinished"]
    ids = {name: call.id for name, call in zip(names, calls, strict=True)}
    print(json.dumps(ids), file=_answer, flush=True)
    os._exit(0)  # an evaluation is left open, on purpose


if __name__ == "__main__":
    main()
