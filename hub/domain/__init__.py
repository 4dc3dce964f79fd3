"""What the words mean, without input or output."""
