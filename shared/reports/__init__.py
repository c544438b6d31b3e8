"""What people ask of the desk: read-only questions to the database; for API, command line and screen."""
