"""What the hub does, whoever asks."""
