"""Facts carried by hand, between a real kiosk's store and a real gateway's directory."""
