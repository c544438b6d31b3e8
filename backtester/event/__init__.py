"""The event engine: the services' own handlers on one queue in one process, on a simulated clock and broker."""
