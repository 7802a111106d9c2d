"""A private PostgreSQL for the tests: its own data, its own socket, gone when they end."""
