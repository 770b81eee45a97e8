"""Container Engine: accounts, API keys, and containers on Kubernetes."""
