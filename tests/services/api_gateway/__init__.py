"""The API, asked over a real socket."""
