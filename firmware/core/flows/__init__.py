"""One pure reducer per patient service."""
