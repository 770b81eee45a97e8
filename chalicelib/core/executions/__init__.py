"""The one record for all long work: persisted, then started; every write fenced by its attempt."""
