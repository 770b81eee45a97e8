"""What Container Engine answers, as the documented JSON."""
