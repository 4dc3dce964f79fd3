"""Moving a namespace: read it, compare it with another, carry it over.

All of it goes over `/api/v1` with a key, so it works with any OpenWhisk.
"""
