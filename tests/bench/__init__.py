"""What is measured: ratios in one run on one machine, so that a slow machine is slow on both sides.

``./quarterdeck bench`` runs all, ``./quarterdeck bench api stream`` some. Nothing here is a test.
"""
