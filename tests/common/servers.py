"""A server on this machine that answers as it is told."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def completion(text, *, finish_reason="stop", usage=True):
    """The body of a chat completion."""
    body = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", "content": text}}],
    }
    if usage:
        body["usage"] = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    return body


class ScriptedServer:
    """An HTTP server whose answers a function makes.

    ``script(body, n)`` gets a request's JSON and how often that same body came before; it returns (status, headers,
    body), where the body is a dict, bytes, or an iterator of bytes that ends with the connection; or None to break it.
    """

    def __init__(self, script, port=0):
        self.script = script
        self.bodies, self.headers, self.answered = [], [], []
        self.most_in_flight = self._in_flight = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _handler(server):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server._lock:
                    before = server.bodies.count(body)
                    server.bodies.append(body)
                    server.headers.append({name.lower(): value for name, value in self.headers.items()})
                    server._in_flight += 1
                    server.most_in_flight = max(server.most_in_flight, server._in_flight)
                try:
                    answer = server.script(body, before)
                    if answer is None:
                        self.connection.close()
                        return
                    status, headers, content = answer
                    content = json.dumps(content).encode() if isinstance(content, dict) else content
                    self.send_response(status)
                    for name, value in {"Content-Type": "application/json", **headers}.items():
                        self.send_header(name, value)
                    if isinstance(content, bytes):
                        self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    for piece in [content] if isinstance(content, bytes) else content:
                        self.wfile.write(piece)
                    with server._lock:
                        server.answered.append(body)
                except OSError:  # the client went away
                    pass
                finally:
                    with server._lock:
                        server._in_flight -= 1

            def log_message(self, *_):
                pass

        return Handler


def after(seconds, answer):
    """An answer that takes its time."""
    time.sleep(seconds)
    return answer
