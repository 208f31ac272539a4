"""Fixtures of these tests: a host in memory and a scripted reporting service."""

from tests.support.stage import ncmec, world

__all__ = ["ncmec", "world"]
