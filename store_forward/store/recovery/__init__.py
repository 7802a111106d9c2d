"""What core does at its start when database, mirror, counter and gateway do not agree."""
