"""An authenticated GET of one server through everything, against a bare Chalice handler that reads one item.

Both run on the same emulator; ours goes through the front door as well. Requests take turns on connections
that are kept.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.report import Finding, median, ratio, spread
from tests.bench.timing import Getter, interleaved
from tests.support.stack import Stack, running
from tests.support.world import World

ROUNDS = 300
MOST = 1.5
BARE = Path(__file__).parent / "bare"
TABLE = "bare"
BUCKET = "bare-package"


def measure() -> list[Finding]:
    with running() as stack:
        admin = stack.client("admin")
        server = World(admin).server()
        ours = Getter(admin.url(f"/servers/{server}"), admin.token)
        theirs = Getter(deploy_bare(stack))
        mine, bare = interleaved([ours, theirs], ROUNDS)
    detail = {"spread": spread(mine), "bare": spread(bare)}
    return [
        ratio("api", "GET one server / bare handler", median(mine), median(bare), MOST, **detail),
        Finding("api", "GET one server", median(mine), "ms"),
        Finding("api", "bare handler", median(bare), "ms"),
    ]


def deploy_bare(stack: Stack) -> str:
    """The bare app as a stack of its own beside ours; the address of its one item."""
    _make_item(stack)
    with tempfile.TemporaryDirectory() as name:
        out = _package(Path(name))
        api = _create_stack(stack, out)
    endpoint = stack.instance.aws_env()["AWS_ENDPOINT_URL"]
    return f"{endpoint}/restapis/{api}/api/_user_request_/items/one"


def _make_item(stack: Stack) -> None:
    table = stack.aws("dynamodb")
    table.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {"pk": "one", "name": "Web Server", "hostname": "192.168.1.100", "username": "ubuntu"}
    table.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})


def _package(scratch: Path) -> Path:
    project, out = scratch / "bare", scratch / "out"
    project.mkdir()
    shutil.copy(BARE / "app.py", project)
    shutil.copytree(BARE / ".chalice", project / ".chalice")
    (project / "requirements.txt").touch()
    command = [sys.executable, "-c", "from chalice.cli import main; main()"]
    subprocess.run(
        [*command, "--project-dir", str(project), "package", "--stage", "dev", str(out)],
        check=True,
        capture_output=True,
        timeout=120,
        env={"AWS_DEFAULT_REGION": "us-east-1", "PATH": "/usr/bin:/bin", "HOME": str(scratch)},
    )
    return out


def _create_stack(stack: Stack, out: Path) -> str:
    """The id of the REST API."""
    storage, archive = stack.aws("s3"), (out / "deployment.zip").read_bytes()
    key = f"{hashlib.sha256(archive).hexdigest()}.zip"
    storage.create_bucket(Bucket=BUCKET)
    storage.put_object(Bucket=BUCKET, Key=key, Body=archive)
    template = json.loads((out / "sam.json").read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://{BUCKET}/{key}"
    formation = stack.aws("cloudformation")
    formation.create_stack(
        StackName="bare",
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    formation.get_waiter("stack_create_complete").wait(StackName="bare", WaiterConfig={"Delay": 1})
    found = formation.describe_stack_resource(StackName="bare", LogicalResourceId="RestAPI")
    return str(found["StackResourceDetail"]["PhysicalResourceId"])
