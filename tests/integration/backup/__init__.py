"""A kiosk whose disk died, a spare machine, the old disk back again, and the real gateway."""
