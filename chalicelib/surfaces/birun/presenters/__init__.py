"""From records to the documented JSON. One module a subject."""
