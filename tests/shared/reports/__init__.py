"""What people ask of the desk."""
