"""What can be asked, by domain."""
