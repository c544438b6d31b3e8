"""Redis and PostgreSQL that come as Python wheels, run by us with our configuration, one folder each."""
