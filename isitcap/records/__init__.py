"""The run directory: its layout, atomic writing, and reading it back as labelled frames. Knows nothing of torch."""
