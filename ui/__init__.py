"""The patient screen (Kivy)."""
