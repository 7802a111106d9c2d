"""Catalogues in Chinese and English, switched live."""
