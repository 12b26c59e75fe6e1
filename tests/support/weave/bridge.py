"""Reads through Weave's own Python client: python bridge.py ENTITY/PROJECT, one JSON request a line.

A request is {"method", "params"}; the answer is one line {"result"} or {"error"}. Methods: `calls`
(arguments of `WeaveClient.get_calls`), `count` (the length of that iterator), `call`, `evaluations`
(summary outputs of Evaluation.evaluate calls), `eval_results`, `feedback`, `object` (a reference).
"""

from __future__ import annotations

import datetime
import enum
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
_answer = sys.stdout
sys.stdout = sys.stderr

import weave  # noqa: E402
from weave.trace_server import trace_server_interface as tsi  # noqa: E402
from weave_client import connect  # noqa: E402


def plain(value: Any) -> Any:
    """JSON-ready; boxed values lose their boxes, references become their URIs."""
    if isinstance(value, enum.Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    if hasattr(value, "model_dump"):
        return plain(value.model_dump())
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in dict.items(value)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in list.__iter__(value)]
    ref = getattr(value, "ref", None)
    return ref.uri() if ref is not None else str(value)


class Reader:
    """The methods of the bridge."""

    def __init__(self, project: str) -> None:
        self.client = connect(project)
        self.project = project

    def calls(self, **options: Any) -> Any:
        return [plain(call.to_dict()) for call in self.client.get_calls(**options)]

    def count(self, **options: Any) -> Any:
        return len(self.client.get_calls(**options))

    def call(self, id: str, **options: Any) -> Any:
        return plain(self.client.get_call(id, **options).to_dict())

    def evaluations(self) -> Any:
        op = f"weave:///{self.project}/op/Evaluation.evaluate:*"
        found = self.client.get_calls(filter={"op_names": [op]})
        return [
            {
                "id": call.id,
                "display_name": call.display_name,
                "output": plain(call.output),
                "predictions": [
                    {"id": child.id, "output": plain(child.output)}
                    for child in call.children()
                    if "/op/Evaluation.predict_and_score:" in child._op_name
                ],
            }
            for call in found
        ]

    def eval_results(self, **options: Any) -> Any:
        req = tsi.EvalResultsQueryReq(project_id=self.project, **options)
        entity, project = self.project.split("/")
        url = f"/v2/{entity}/{project}/eval_results/query"
        body = req.model_dump(mode="json", exclude={"project_id"}, exclude_none=True)
        answer = self.client.server.post(url, json=body)
        answer.raise_for_status()
        return answer.json()

    def feedback(self, **options: Any) -> Any:
        return [plain(item) for item in self.client.get_feedback(**options).execute()]

    def object(self, ref: str) -> Any:
        return plain(weave.ref(ref).get())


def main() -> None:
    reader = Reader(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": getattr(reader, request["method"])(**request.get("params", {}))}
        except Exception as error:  # noqa: BLE001 - told to the caller
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer, ensure_ascii=False), file=_answer, flush=True)


if __name__ == "__main__":
    main()
