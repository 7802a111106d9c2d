"""The kiosk's encrypted store and the HIS side, joined by one contract."""
