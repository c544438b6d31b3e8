"""The position manager."""
