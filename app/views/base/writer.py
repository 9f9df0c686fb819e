"""Writes the answer of one COPY to its standard output: the process of an export.

Started by its path and never imported: it needs nothing of the platform, and holds a fifth of a
web process's memory (0063).  Address and statement come by standard input, as everybody on a
machine reads the arguments of its processes.
"""

from __future__ import annotations

import json
import sys
from typing import Any, BinaryIO

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

PIECE = 64 * 1024
SETTINGS = (
    "-c datestyle=ISO -c jit=off -c statement_timeout=300000"
    " -c client_connection_check_interval=1000"
)
"""Dates as the statement expects them.  Nobody waits for a query that takes more than five minutes;
that of a process which is gone ends in a second."""


def write(address: dict[str, Any], statement: str, out: BinaryIO) -> None:
    """The rows of ``statement``, of which each comes by itself, with the line ends of CSV.

    ``address`` are the keywords by which the driver connects.
    """
    options = f"{address.pop('options', '')} {SETTINGS}"
    with psycopg.connect(
        **address, autocommit=True, options=options, client_encoding="utf8"
    ) as connection:
        server, lines, size = connection.pgconn, list[bytes](), 0
        answer = server.exec_(statement.encode())
        if answer.status != ExecStatus.COPY_OUT:
            raise error_from_result(answer)
        while (found := server.get_copy_data(0))[0] > 0:
            lines.append(found[1][:-1])
            size += found[0]
            if size > PIECE:
                out.write(b"\r\n".join([*lines, b""]))
                lines, size = [], 0
        out.write(b"\r\n".join([*lines, b""]))
        while answer := server.get_result():
            if answer.status != ExecStatus.COMMAND_OK:
                raise error_from_result(answer)


if __name__ == "__main__":
    try:
        address, statement = json.load(sys.stdin)
        write(address, statement, sys.stdout.buffer)
    except psycopg.Error as failure:  # what it says may hold the address, or a row
        sys.exit(f"{type(failure).__name__} {failure.sqlstate or ''}")
