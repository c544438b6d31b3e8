"""An outcome as one HTML file that needs no network: what was earned, whether it could be luck, what was assumed."""
