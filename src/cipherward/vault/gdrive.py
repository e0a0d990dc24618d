"""Google Drive through `gdrive-fsspec`, with a replaceable HTTP transport, and without two files of one name."""

from __future__ import annotations

import contextlib
from typing import Any

import google_auth_httplib2
import httplib2
from gdrive_fsspec import GoogleDriveFileSystem
from googleapiclient.discovery import build

_SECONDS = 60


class Drive(GoogleDriveFileSystem):  # type: ignore[misc]
    """As `GoogleDriveFileSystem`; `transport`: what carries HTTP requests, an `httplib2.Http` or like one."""

    cachable = False

    def __init__(self, *args: Any, transport: httplib2.Http | None = None, **kwargs: Any) -> None:
        self._transport = transport or httplib2.Http(timeout=_SECONDS)
        # To Drive, 308 says how far an upload has come.
        self._transport.redirect_codes = self._transport.redirect_codes - {308}
        super().__init__(*args, **kwargs)

    def connect(self, method: str | None = None) -> None:
        """As its parent, over the transport that was given."""
        credentials = {
            "browser": self._connect_browser,
            "cache": self._connect_cache,
            "service_account": self._connect_service_account,
        }
        if method in credentials:
            http = google_auth_httplib2.AuthorizedHttp(credentials[method](), http=self._transport)
        elif method == "anon":
            http = self._transport
        else:
            raise ValueError("token is service_account, cache, browser or anon")
        self.srv = build("drive", "v3", http=http, static_discovery=True)
        self.files = self.srv.files()

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget every listing."""
        self.dircache.clear()

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        """Write a whole file. Drive would keep an earlier one of that name beside it, so that one goes first."""
        with contextlib.suppress(FileNotFoundError):
            self.invalidate_cache()
            self.rm_file(self._strip_protocol(path))
        super().pipe_file(path, value, mode=mode, **kwargs)
