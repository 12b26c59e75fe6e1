"""Spans of OpenTelemetry, sent to Weave's server."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span

OpenSpan = Callable[..., AbstractContextManager[Span]]


@contextmanager
def tracing(project: str) -> Iterator[OpenSpan]:
    """Gives a function that opens a span, of a model's call where it is given model and tokens."""
    credentials = base64.b64encode(f"api:{os.environ['WANDB_API_KEY']}".encode()).decode()
    headers = {"project_id": project, "Authorization": f"Basic {credentials}"}
    exporter = OTLPSpanExporter(
        endpoint=f"{os.environ['WF_TRACE_SERVER_URL']}/otel/v1/traces", headers=headers
    )
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("seed")

    @contextmanager
    def span(name: str, model: str | None = None, read: int = 0, written: int = 0) -> Iterator[Span]:
        with tracer.start_as_current_span(name) as own:
            if model is not None:
                own.set_attribute("gen_ai.operation.name", "chat")
                own.set_attribute("gen_ai.system", "openai")
                own.set_attribute("gen_ai.request.model", model)
                own.set_attribute("gen_ai.response.model", model)
                own.set_attribute("gen_ai.usage.input_tokens", read)
                own.set_attribute("gen_ai.usage.output_tokens", written)
            yield own

    yield span
    provider.shutdown()


def trace_id(span: Span) -> str:
    return format(span.get_span_context().trace_id, "032x")
