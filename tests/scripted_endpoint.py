"""An OpenAI-compatible endpoint on a socket of this machine, which does what a script says for each passage."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Step = Callable[[BaseHTTPRequestHandler], None]
NONE = {"tea": "no", "rain": "no"}


def send(handler: BaseHTTPRequestHandler, status: int, body: str, headers: Mapping[str, str] | None = None) -> None:
    raw = body.encode()
    handler.send_response(status)
    for name, value in (
        {"Content-Type": "application/json", "Content-Length": str(len(raw))} | dict(headers or {})
    ).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(raw)


def says(content: str | None, *, finish: str = "stop", refusal: str | None = None) -> Step:
    """Answer with a chat completion."""
    message = {"role": "assistant", "content": content, "refusal": refusal}
    completion = {
        "id": "1", "object": "chat.completion", "created": 1, "model": "m", "timings": {"own": 1},
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }  # fmt: skip
    return lambda handler: send(handler, 200, json.dumps(completion))


def labels(**answers: str) -> Step:
    return says(json.dumps(NONE | answers))


def fails(status: int, message: str, headers: Mapping[str, str] | None = None) -> Step:
    return lambda handler: send(handler, status, json.dumps({"error": {"message": message}}), headers)


def page(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, "<html>Welcome to the proxy</html>", {"Content-Type": "text/html"})


def cuts(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection in the middle of an answer."""
    handler.send_response(200)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def hangs(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(3)


class Endpoint:
    """`script` maps a word of a passage to the steps of its requests, the last of which is repeated."""

    def __init__(self, script: Mapping[str, Sequence[Step]]) -> None:
        self._script = {word: list(steps) for word, steps in script.items()}
        self._lock = threading.Lock()
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    def step(self, body: dict[str, Any], headers: Mapping[str, str]) -> Step:
        text = body["messages"][1]["content"]
        with self._lock:
            self.asked.append(body)
            self.headers.append({name.lower(): value for name, value in headers.items()})
            for word, steps in self._script.items():
                if word in text:
                    return steps.pop(0) if len(steps) > 1 else steps[0]
        topics = body["response_format"]["json_schema"]["schema"]["required"] if "response_format" in body else NONE
        return says(json.dumps(dict.fromkeys(topics, "no") | ({"tea": "favor"} if "teapot" in text else {})))


@contextmanager
def serve(script: Mapping[str, Sequence[Step]] | None = None) -> Iterator[Endpoint]:
    endpoint = Endpoint(script or {})

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/v1/chat/completions":
                fails(404, f"no such path: {self.path}")(self)
                return
            endpoint.step(body, self.headers)(self)

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None: ...

    with Server(("127.0.0.1", 0), Handler) as server:
        endpoint.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield endpoint
        finally:
            server.shutdown()
