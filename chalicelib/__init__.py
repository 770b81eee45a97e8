"""Quarterdeck: one control plane for everything an operations team launches and keeps running."""

import gc

# Importing makes some fifty thousand objects that stay. Looking among them for what could be freed takes a
# twelfth of a cold start, at the collector's own pace, and finds next to nothing.
gc.set_threshold(100_000, 10, 10)
