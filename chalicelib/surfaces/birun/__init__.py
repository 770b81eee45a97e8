"""biRun: scripts on servers over SSH."""
