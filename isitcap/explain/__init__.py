"""Saliency maps by Captum, at two attribution points."""
