"""An OTLP receiver on loopback: keeps the names of the spans and metrics that it is sent over HTTP."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class OtlpReceiver:
    """What came in; it answers with `status`."""

    port: int = 0
    status: int = 200
    spans: set[str] = field(default_factory=set)
    metrics: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)

    def keep(self, path: str, content: bytes) -> None:
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(content).resource_spans:
                self.services |= {
                    mark.value.string_value for mark in resource.resource.attributes if mark.key == "service.name"
                }
                self.spans |= {span.name for scope in resource.scope_spans for span in scope.spans}
        elif path == "/v1/metrics":
            for resource in ExportMetricsServiceRequest.FromString(content).resource_metrics:
                self.metrics |= {metric.name for scope in resource.scope_metrics for metric in scope.metrics}


@contextmanager
def otlp_receiver() -> Iterator[OtlpReceiver]:
    kept = OtlpReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                content = gzip.decompress(content)
            if kept.status == 200:
                kept.keep(self.path, content)
            self.send_response(kept.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()
