"""Messages, the wire format between services, by domain."""
