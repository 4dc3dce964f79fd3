"""Feed providers, one folder each, found by listing."""
