"""Receipt printers: ESC/POS."""
