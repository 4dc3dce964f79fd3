"""What runs actions."""
