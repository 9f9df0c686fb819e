"""Declarations of the tables, a module for each part of the platform; :mod:`app.models` has all."""
