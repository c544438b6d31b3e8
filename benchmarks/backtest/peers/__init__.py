"""What runs in the peers' own virtual environment; nothing here imports Parley, nothing of Parley imports it."""
