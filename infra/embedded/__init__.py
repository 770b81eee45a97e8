"""AWS on one machine: the emulator, the front door, checkpoints and a relay, in one state directory."""
