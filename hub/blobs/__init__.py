"""Large bytes."""
