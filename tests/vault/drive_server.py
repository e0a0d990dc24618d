"""A local server that speaks the calls which gdrive-fsspec makes of Google Drive: tokens, folders, listings, resumable uploads,
ranges, deletions. As Drive does, it keeps two files of one name side by side."""

from __future__ import annotations

import itertools
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "ya29.hunter2"
FOLDER = "application/vnd.google-apps.folder"


class Drive:
    """`files` by id; `cut_after`: uploads of that many bytes and more break in the middle; `refuses`: a status for every call."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, Any]] = {}
        self.content: dict[str, bytes] = {}
        self.pending: dict[str, tuple[dict[str, Any], bytes]] = {}
        self.cut_after: int | None = None
        self.refuses = 0
        self.tokens = 0
        self.calls: list[str] = []
        self._numbers = itertools.count()
        drive = self

        class Handler(_Handler):
            state = drive

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, meta: dict[str, Any], content: bytes) -> dict[str, Any]:
        found = {"id": f"id{next(self._numbers)}", "trashed": False, "size": str(len(content)), **meta}
        self.files[found["id"]], self.content[found["id"]] = found, content
        return found

    def named(self, name: str) -> list[dict[str, Any]]:
        return [file for file in self.files.values() if file["name"] == name]


class _Handler(BaseHTTPRequestHandler):
    state: Drive
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body would wait for the acknowledgement of its headers

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _json(self, document: Any) -> None:
        self._answer(200, json.dumps(document).encode(), Content_Type="application/json")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _is_refused(self) -> bool:
        self.state.calls.append(f"{self.command} {urlsplit(self.path).path}")
        if self.state.refuses or self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._body()
            self._answer(self.state.refuses or 401, b"{}", Content_Type="application/json")
            return True
        return False

    def do_GET(self) -> None:
        if self._is_refused():
            return
        split = urlsplit(self.path)
        query = parse_qs(split.query)
        if split.path == "/drive/v3/files":
            (parent,) = re.findall(r"'([^']+)' in parents", query["q"][0])
            self._json({"files": [f for f in self.state.files.values() if parent in f.get("parents", ["root"])]})
            return
        whole = self.state.content[split.path.rpartition("/")[2]]
        if span := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")):
            start, end = map(int, span.groups())
            part = whole[start : end + 1]
            self._answer(206, part, Content_Range=f"bytes {start}-{start + len(part) - 1}/{len(whole)}")
        else:
            self._answer(200, whole)

    def do_POST(self) -> None:
        split = urlsplit(self.path)
        if split.path == "/token":
            self._body()
            self.state.tokens += 1
            self._json({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})
            return
        if self._is_refused():
            return
        meta = json.loads(self._body())
        if split.path == "/drive/v3/files":
            self._json(self.state.add(meta, b""))
            return
        upload = f"u{len(self.state.pending)}"
        self.state.pending[upload] = meta, b""
        self._answer(200, Location=f"{self.state.url}/upload/drive/v3/files?uploadType=resumable&upload_id={upload}")

    def do_PUT(self) -> None:
        if self._is_refused():
            return
        upload = parse_qs(urlsplit(self.path).query)["upload_id"][0]
        meta, before = self.state.pending[upload]
        size = int(self.headers.get("Content-Length") or 0)
        if self.state.cut_after is not None and size >= self.state.cut_after:
            self.rfile.read(size // 2)
            self.close_connection = True
            self.connection.close()
            return
        whole = before + self._body()
        self.state.pending[upload] = meta, whole
        if self.headers["Content-Range"].endswith("/*"):
            self._answer(308, Range=f"bytes=0-{len(whole) - 1}")
        else:
            self._json(self.state.add(meta, whole))

    def do_DELETE(self) -> None:
        if self._is_refused():
            return
        self.state.files.pop(urlsplit(self.path).path.rpartition("/")[2], None)
        self._answer(204)
