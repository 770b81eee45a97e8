"""What is said between the control plane and a relay."""
