"""The package that is deployed: what CloudFormation and Step Functions would say of it, and our own rules."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path
from typing import Any

import pytest
from statelint.linter import Linter  # type: ignore[import-untyped]

from infra import packaging
from infra.embedded.deployment import adapt
from infra.environment import ROOT

FUNCTION = "AWS::Serverless::Function"
# Calls that AWS authorises on no resource, each with where AWS says so.
UNRESOURCED = {
    "logs:CreateLogDelivery",  # vended logs of Step Functions: "Resource": "*" is documented for all of these
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> packaging.Package:
    return packaging.build(tmp_path_factory.mktemp("package"), dependencies=False)


@pytest.fixture(scope="module")
def resources(package: packaging.Package) -> dict[str, Any]:
    found: dict[str, Any] = package.template["Resources"]
    return found


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: each for name, each in resources.items() if each["Type"] == kind}


def statements(resources: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every role's policies, with the role's name."""
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            yield from ((name, statement) for statement in policy["PolicyDocument"]["Statement"])


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_cfn_lint_finds_nothing(package: packaging.Package) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "cfn-lint"), "--", str(package.directory / "sam.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_cfn_lint_would_find_something(package: packaging.Package, tmp_path: Path) -> None:
    broken = package.template
    broken["Resources"]["Table"]["Properties"]["BillingMode"] = "FREE"
    (tmp_path / "sam.json").write_text(json.dumps(broken))
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--", str(tmp_path / "sam.json")]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def state_machine_problems(definition: dict[str, Any]) -> list[str]:
    text = re.sub(r"\$\{\w+\}", "arn:aws:lambda:us-east-1:000000000000:function:f", json.dumps(definition))
    # JSON has one kind of number: 2 is the float that the language asks for.
    return [
        each
        for each in Linter.validate(text)
        if not re.search(r"BackoffRate is \d+ but should be a Float", each)
    ]


def test_state_machines_are_valid(resources: dict[str, Any]) -> None:
    machines = of_type(resources, "AWS::StepFunctions::StateMachine")
    assert machines
    for name, machine in machines.items():
        assert state_machine_problems(machine["Properties"]["Definition"]) == [], name


def test_the_validator_of_state_machines_would_find_something() -> None:
    assert state_machine_problems({"StartAt": "A", "States": {"B": {"Type": "Task", "End": True}}})


def test_every_state_machine_file_is_in_the_package(resources: dict[str, Any]) -> None:
    files = sorted((ROOT / "statemachines").glob("*.asl.json"))
    machines = of_type(resources, "AWS::StepFunctions::StateMachine").values()
    packaged = [machine["Properties"]["Definition"] for machine in machines]
    assert files
    for path in files:
        assert json.loads(path.read_text()) in packaged, path.name


def test_every_task_has_a_timeout_and_every_wait_for_a_token_a_heartbeat(resources: dict[str, Any]) -> None:
    def states(part: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        if isinstance(part, dict):
            yield from part.get("States", {}).items()
            for each in part.values():
                yield from states(each)
        elif isinstance(part, list):
            for each in part:
                yield from states(each)

    for machine in of_type(resources, "AWS::StepFunctions::StateMachine").values():
        for name, state in states(machine["Properties"]["Definition"]):
            if state.get("Type") == "Task":
                assert {"TimeoutSeconds", "TimeoutSecondsPath"} & set(state), name
                if state["Resource"].endswith(".waitForTaskToken"):
                    assert {"HeartbeatSeconds", "HeartbeatSecondsPath"} & set(state), name


def test_every_function_logs_to_a_group_with_an_end(resources: dict[str, Any]) -> None:
    functions = of_type(resources, FUNCTION)
    assert functions
    for name, function in functions.items():
        group = resources[function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]]
        assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}, name


def test_no_role_may_scan(resources: dict[str, Any]) -> None:
    actions = {action for _, statement in statements(resources) for action in listed(statement["Action"])}
    assert "dynamodb:Query" in actions
    assert not {action for action in actions if "*" in action or action.endswith((":Scan", ":PartiQLSelect"))}


def test_only_calls_without_resources_are_allowed_on_all(resources: dict[str, Any]) -> None:
    for role, statement in statements(resources):
        if "*" in listed(statement["Resource"]):
            assert set(listed(statement["Action"])) <= UNRESOURCED, (role, statement)


def test_each_function_has_a_role_of_its_own(resources: dict[str, Any]) -> None:
    roles = [
        function["Properties"]["Role"]["Fn::GetAtt"][0] for function in of_type(resources, FUNCTION).values()
    ]
    assert len(set(roles)) == len(roles)


def test_the_relay_opens_orders_only_and_touches_only_its_items(resources: dict[str, Any]) -> None:
    held = {each["Sid"]: each for role, each in statements(resources) if role == "RelayRole"}
    assert held["OpenOrders"]["Condition"] == {"Null": {"kms:EncryptionContext:order": "false"}}
    allowed = {
        "Items": {"FEED#*", "PARTS#*", "REPLY#*", "RELAY#*"},
        "Executions": {"EXEC#*"},
        "HostKeys": {"SERVERS#*"},
        "Terminals": {"TERMINALS#*"},
        "TerminalSlots": {"TERMINAL-SLOTS#*"},
        "TerminalAudit": {"AUDIT#TERMINAL#*"},
        "LogStreams": {"LOG-STREAMS#*"},
    }
    for sid, keys in allowed.items():
        condition = held[sid]["Condition"]
        assert set(condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]) == keys
        assert condition["Null"] == {"dynamodb:LeadingKeys": "false"}
    assert listed(held["Executions"]["Action"]) == ["dynamodb:GetItem"]
    assert listed(held["HostKeys"]["Action"]) == ["dynamodb:UpdateItem"]


def test_the_sender_of_notices_opens_what_signs_them_and_no_other_secret(resources: dict[str, Any]) -> None:
    opening = [
        (role, each)
        for role, each in statements(resources)
        if "kms:Decrypt" in listed(each["Action"]) and role.startswith("Notices")
    ]
    assert opening
    for _, each in opening:
        fields = each["Condition"]["StringEquals"]["kms:EncryptionContext:field"]
        assert set(fields) == {"notifications", "secret"}


def test_mail_is_sent_from_the_one_address_by_the_sender_of_notices_alone(resources: dict[str, Any]) -> None:
    mailing = [
        (role, each) for role, each in statements(resources) if "ses:SendEmail" in listed(each["Action"])
    ]
    assert [role.startswith("Notices") for role, _ in mailing] == [True]
    assert mailing[0][1]["Condition"] == {"StringEquals": {"ses:FromAddress": {"Ref": "MailFrom"}}}


def test_every_queue_is_encrypted_and_every_dead_letter_raises_an_alarm(resources: dict[str, Any]) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")
    watched = {
        dimension["Value"]["Fn::GetAtt"][0]
        for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()
        for dimension in alarm["Properties"]["Dimensions"]
    }
    assert all(queue["Properties"]["SqsManagedSseEnabled"] for queue in queues.values())
    ends = {name for name, queue in queues.items() if "RedrivePolicy" not in queue["Properties"]}
    assert ends
    assert ends <= watched
    assert all(queues[name]["Properties"]["MessageRetentionPeriod"] == 14 * 86400 for name in ends)


def test_what_is_kept_outlives_the_stack(resources: dict[str, Any]) -> None:
    for name in ("Table", "Bucket", "Key"):
        assert (resources[name]["DeletionPolicy"], resources[name]["UpdateReplacePolicy"]) == (
            "Retain",
            "Retain",
        )
    table = resources["Table"]["Properties"]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert resources["Key"]["Properties"]["EnableKeyRotation"] is True


def test_the_access_log_holds_no_tokens(resources: dict[str, Any]) -> None:
    logged = resources["RestAPI"]["Properties"]["AccessLogSetting"]["Format"]
    names = set(re.findall(r"\$context\.([\w.]+)", logged))
    assert names == {
        "requestId",
        "identity.sourceIp",
        "requestTime",
        "httpMethod",
        "path",
        "status",
        "responseLatency",
        "responseLength",
    }
    json.loads(re.sub(r"\$context\.[\w.]+", "x", logged))


def test_gateway_errors_are_json_in_our_shape(resources: dict[str, Any]) -> None:
    body = resources["RestAPI"]["Properties"]["DefinitionBody"]
    responses = body["x-amazon-apigateway-gateway-responses"]
    assert responses["MISSING_AUTHENTICATION_TOKEN"]["statusCode"] == 404
    assert responses["THROTTLED"]["statusCode"] == 429
    for kind, response in responses.items():
        template = response["responseTemplates"]["application/json"]
        content = json.loads(template.replace("$context.error.messageString", '"why"'))
        assert set(content) == {"error", "status", "details", "message"}, kind
        assert (content["status"], content["details"]) == ("error", None)


def test_the_zip_for_one_machine_holds_our_code_alone(package: packaging.Package) -> None:
    with zipfile.ZipFile(package.archive) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert tops == {"app.py", "chalicelib", "chalice", "__pycache__"}


def test_the_zip_holds_the_bytecode_of_every_module_and_python_takes_it_as_it_is(
    package: packaging.Package,
) -> None:
    with zipfile.ZipFile(package.archive) as archive:
        names = set(archive.namelist())
        modules = {name for name in names if name.endswith(".py")}
        assert len(modules) > 300
        for module in modules:
            found = archive.getinfo(cache_from_source(module))
            assert found.external_attr >> 16 & 0o444 == 0o444, f"{module}: not readable by the functions"
            compiled = archive.read(found)
            magic, flags, stamp = compiled[:4], int.from_bytes(compiled[4:8], "little"), compiled[8:16]
            assert (magic, flags) == (MAGIC_NUMBER, 0b01), f"{module}: would be looked at again"
            assert stamp == source_hash(archive.read(module)), f"{module}: of another source"


def test_the_embedded_template_differs_from_that_for_aws_in_few_things_only(
    package: packaging.Package,
) -> None:
    aws, embedded = package.template, adapt(package.template, "s3://bucket/key.zip")
    changed = {
        name
        for name in aws["Resources"].keys() | embedded["Resources"].keys()
        if aws["Resources"].get(name) != embedded["Resources"].get(name)
    }
    nodes = {name for name, each in aws["Resources"].items() if each["Type"].startswith("AWS::SSM::")}
    assert nodes == {"RelayDocument", "RelayAssociation"}
    assert changed == {
        *of_type(aws["Resources"], FUNCTION),
        *nodes,
        "WebsocketAPIDeployment",
        "WebsocketAPIStage",
    }
    assert embedded["Resources"]["WebsocketAPIStage"]["Properties"]["AutoDeploy"] is True
    for name in of_type(aws["Resources"], FUNCTION):
        before, after = aws["Resources"][name]["Properties"], embedded["Resources"][name]["Properties"]
        assert {key for key in before if before[key] != after[key]} == {"CodeUri"}
    del aws["Outputs"]["RelayAssociation"]
    assert {key: value for key, value in aws.items() if key != "Resources"} == {
        key: value for key, value in embedded.items() if key != "Resources"
    }


def test_the_digest_follows_the_sources() -> None:
    assert packaging.digest() == packaging.digest()


@pytest.mark.parametrize("changed", ["app.py", "chalicelib/__init__.py", ".chalice/config.json"])
def test_the_digest_changes_with_a_source(changed: str, tmp_path: Path) -> None:
    for source in ("app.py", "chalicelib/__init__.py", ".chalice/config.json"):
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / source).write_text("1")
    before = packaging.digest(tmp_path)
    (tmp_path / changed).write_text("2")
    assert packaging.digest(tmp_path) != before
