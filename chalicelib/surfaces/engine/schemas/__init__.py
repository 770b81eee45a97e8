"""What Container Engine is sent. Source of all of it: the Container Engine API document."""
