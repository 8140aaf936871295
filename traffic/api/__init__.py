"""What partners call, under /partner/v1/."""
