"""The kiosk itself: core, supervisor, configuration, assembly."""
