"""What the executor touches outside: the books in PostgreSQL, the broker, the venue's clock."""
