"""Statements of reasons and letters, per language, each made from an input record.

Others import `safehold.notices.service`, and read `safehold.notices.models` from rooms above.
"""
