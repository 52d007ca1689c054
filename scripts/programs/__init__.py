"""What the console calls; nothing heavy may be imported by this package."""
