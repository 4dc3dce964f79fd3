"""Shapes outside the process."""
