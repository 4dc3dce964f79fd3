"""whiskhub: an OpenWhisk-compatible event runtime and the marketplace of packages that fills it."""
