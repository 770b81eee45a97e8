"""Logs of apps as they are written: a relay follows the pods and tells the person's connection directly."""
