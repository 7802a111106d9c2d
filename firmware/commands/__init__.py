"""Commands of the command line that are worth a module of their own."""
