"""Quarterdeck: one control plane for everything an operations team launches and keeps running."""
