"""The deployment file: model, and a loader that reports every error with its line."""
