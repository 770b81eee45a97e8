"""The steps of biRun's state machines, and what the minute's tick does for biRun. One module a machine."""
