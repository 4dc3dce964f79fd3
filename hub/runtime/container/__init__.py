"""`docker:` and `kubernetes:` — each action version in a container that speaks the protocol of OpenWhisk's images (openwhisk-api §10.2)."""
