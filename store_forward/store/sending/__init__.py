"""What the store knows of the way to the HIS: what waits, what is answered, what is excepted."""
