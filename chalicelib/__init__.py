"""Quarterdeck: one control plane for everything an operations team launches and keeps running."""

import gc

# Importing makes some fifty thousand objects that stay. The collector's own pace, a look at every 700 new
# ones, is a fifth of a cold start, and finds next to nothing.
gc.set_threshold(10_000, 10, 10)
