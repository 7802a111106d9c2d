"""What kiosks do to their stores, each in a process of its own: real code, real files."""
