"""hospital.toml, as it is written for people: before a hospital belongs to a consortium, and once it does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from cipherward.consortium.membership.invitations import Invitation
from cipherward.data import duckdb_query, extract
from cipherward.data.database import Source, check_url, is_duckdb
from cipherward.errors import DataError

_HOSPITAL = """\
# This hospital's own settings. Nothing in this file leaves the hospital.

{data}"""
_ENROLLED = """\
# This hospital's own settings. Nothing in this file leaves the hospital.

# Written by cipherward hospital enroll. Change servers only, and only when the coordinator has moved.
name = {name}
consortium = {consortium}
coordinator_key = {coordinator_key}
servers = {servers}

# Where local training runs: "auto", "cpu" or "cuda".
device = {device}
# longest_hours = 24: how long one step of a study may take here before it is set aside.
# examples = 6: so many patients' images or series stand in this hospital's own report of a study about them; 0: none.

{data}"""
_FILE = """\
# The hospital's table: a file, or a mapping file that names it, read when a study needs it. A relative path starts at this folder.
"""
_DATABASE = """\
# The hospital's table: what one query answers, asked when a study needs it. The password never stands here: it comes
# from the environment variable password_env or from the file password_file (mode 0600), whichever is named.
"""


def before(settings: Mapping[str, str]) -> str:
    """Of a hospital that was not invited yet. `settings`: from `data_settings`."""
    return _HOSPITAL.format(data=_data_section(settings))


def enrolled(
    invitation: Invitation, device: str, settings: Mapping[str, str], registers: Mapping[str, Mapping[str, str]]
) -> str:
    """Of the hospital that this invitation names. `registers`: tables beside the one of [data]."""
    others = "".join(_section(f"registers.{_quoted(name)}", given) for name, given in registers.items())
    return _enrolled(invitation, device, settings) + others


def _enrolled(invitation: Invitation, device: str, settings: Mapping[str, str]) -> str:
    return _ENROLLED.format(
        name=_quoted(invitation.name),
        consortium=_quoted(invitation.consortium),
        coordinator_key=_quoted(invitation.coordinator_key.hex()),
        servers=json.dumps(list(invitation.servers), ensure_ascii=False),
        device=_quoted(device),
        data=_data_section(settings),
    )


def data_settings(data: Source) -> dict[str, str]:
    """[data] for a table or a database.

    Raises:
        DataError: there is no such table, the extract is wrong, or the database's URL is none or holds a password. Nothing is asked
            of it.
    """
    if isinstance(data, Path):
        if not data.is_file():
            raise DataError(
                f"there is no table {data}", hint="give this hospital's table, or its mapping file, with --data"
            )
        if data.suffix.lower() == extract.SUFFIX:
            extract.load(data)
        return {"path": str(data.resolve())}
    if not data.query.strip():
        raise DataError("there is no query for the database", hint='give it with --query "SELECT ..."')
    found = {"database": _whole(data.url), "query": data.query}
    if data.password_env:
        found["password_env"] = data.password_env
    elif data.password_file:
        found["password_file"] = str(data.password_file.resolve())
    return found


def _whole(url: str) -> str:
    """The URL, checked; of a database that is a file with its whole path."""
    if is_duckdb(url):
        path = duckdb_query.file_of(url)
        return f"{duckdb_query.SCHEME}/{quote(str(Path(path).resolve()))}" if path else duckdb_query.SCHEME
    parsed = check_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        parsed = parsed.set(database=str(Path(parsed.database).resolve()))
    return parsed.render_as_string(hide_password=False)


def _data_section(settings: Mapping[str, str]) -> str:
    return (_FILE if "path" in settings else _DATABASE) + _section("data", settings)


def _section(name: str, settings: Mapping[str, str]) -> str:
    lines = [f"{key} = {_quoted(value)}" for key, value in settings.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
