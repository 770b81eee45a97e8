"""Thin clients of the AWS services that we use. Nothing above this layer knows boto3."""
