"""The books of alerts, and the targets they go to."""
