"""What one part tells the others."""
