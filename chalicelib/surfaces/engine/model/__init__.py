"""Container Engine's own entities: deployments with their revisions, changes and domains."""
