"""How the data key is kept: wrapped by the machine and by the hospital, in one small file."""
