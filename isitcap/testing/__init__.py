"""Tiny studies and image archives that tests build on; for your own tests too."""
