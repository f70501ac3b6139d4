"""Classifier, autoencoder and augmentation; a variant is their composition."""
