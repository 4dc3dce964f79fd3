"""Webhooks of GitHub and compatible hosts."""
