"""Sources to packs: readers, resize kernels, splits and the demo's generators. Knows nothing of torch."""
