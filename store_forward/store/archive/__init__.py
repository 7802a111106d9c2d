"""What leaves the store or is dropped from it: checkpoints, purge, backup, restore, courier."""
