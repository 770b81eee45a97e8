"""A bare Chalice handler: reads one item, writes one line of log."""

import os
import sys
from typing import Any

import boto3
from chalice.app import Chalice

app = Chalice(app_name="bare")
table = boto3.client("dynamodb")


@app.route("/items/{key}")
def item(key: str) -> dict[str, Any]:
    found = table.get_item(TableName=os.environ["BARE_TABLE"], Key={"pk": {"S": key}})["Item"]
    print('{"message": "request"}', file=sys.stderr, flush=True)
    return {name: next(iter(value.values())) for name, value in found.items()}
