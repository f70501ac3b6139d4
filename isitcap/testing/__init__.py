"""Tiny images and studies that tests build on; for your own tests too. Knows nothing of torch."""

from isitcap.testing.records import record_hashes
from isitcap.testing.tiny import tiny_study, write_images

__all__ = ["record_hashes", "tiny_study", "write_images"]
