"""Streams kept in a file or the archive, played again, and compared with what they were."""
