"""Roles, tokens in millimetres, fonts and pictograms."""
