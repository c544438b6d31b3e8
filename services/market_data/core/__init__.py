"""What is decided without touching anything: when bars end, what they add up to, what is bad data."""
