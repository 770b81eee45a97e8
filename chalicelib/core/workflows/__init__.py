"""Graphs of work: what makes one runnable, what comes next in it, and the record of each run."""
