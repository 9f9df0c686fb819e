"""``make bench``: what a request costs, beside what it must cost, on few rows and on very many.

A private PostgreSQL holds the same platform twice, with a thousandth of the rows and with all of
them (:mod:`bench.data`).  A process for each (:mod:`bench.worker`) serves every operation three
ways in turn: the product; bare WSGI, driver and compiled template; Flask with session, token and
SQLAlchemy Core (:mod:`bench.floors`).  :mod:`bench.report` writes ``bench/report.md``.
"""
