"""Small generators of 32-px images for the demonstration: each a pure function of real patches and a seed."""
