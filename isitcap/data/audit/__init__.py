"""The audit of any images: what could tell the label, or spoil the test, before a classifier is trained. No torch."""
