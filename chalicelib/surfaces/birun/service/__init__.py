"""biRun's use cases. One module a subject."""
