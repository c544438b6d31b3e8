"""What the desk knows, over HTTP on loopback. Read-only: writes wait for authentication."""
