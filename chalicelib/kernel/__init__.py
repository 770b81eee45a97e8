"""What every layer may lean on: errors, ids, clock, secrets, settings, logging. Imports nothing of ours."""
