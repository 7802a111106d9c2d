"""A byte changes in a file an operator handles: each command says which file, and what to do."""
