"""Safehold: the child-safety desk of an online service."""
