"""isitcap: are synthetic images told apart, and is a difference between two detectors real?

`isitcap` makes records (data, training, predictions, saliency maps); `analysis` turns them into findings.
"""

__version__ = "0.1.0"
