"""Deploying the package to the embedded AWS by CloudFormation, and knowing when that is not needed.

Four things are adapted to the emulator, and nothing else differs from the template that AWS gets:

- the address of the zip, which CloudFormation wants in S3 (``aws cloudformation package`` does that for AWS);
- ``AWS::ApiGatewayV2::Deployment``, which it does not know: the WebSocket stage deploys itself instead;
- ``AWS::SSM`` (nodes elsewhere that run a relay): it manages none, and the launcher runs the relay;
- gateway responses and preflight answers in the API's body, which it does not read: the same ones are set
  through API Gateway's own API.
"""

from __future__ import annotations

import copy
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from infra import packaging
from infra.embedded.addresses import BASES, SURFACES
from infra.embedded.emulator import ACCOUNT, REGION, SECRET
from infra.embedded.state import StateDirectory, read_json, write_json

STACK = "quarterdeck"
ARTIFACTS = "quarterdeck-artifacts"
DIGEST_TAG = "quarterdeck-digest"
GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"


class DeploymentProblem(Exception):
    """CloudFormation refused; the message holds its reasons."""


@dataclass(frozen=True)
class Deployed:
    """What stands in the embedded AWS."""

    digest: str
    outputs: dict[str, str]
    functions: dict[str, str]  # logical name -> name
    rest_api: str
    rest_stage: str
    socket_api: str
    socket_stage: str
    paths: list[str]

    @property
    def surfaces(self) -> tuple[str, ...]:
        """Those that have a path in the deployed template."""
        return tuple(
            name for name in SURFACES if any(path.startswith(f"{BASES[name]}/") for path in self.paths)
        )

    @property
    def environment(self) -> dict[str, str]:
        """What a relay is told of the stack, in its environment."""
        return {
            "QUARTERDECK_TABLE": self.outputs["Table"],
            "QUARTERDECK_KEY": self.outputs["Key"],
            "QUARTERDECK_BUCKET": self.outputs["Bucket"],
            "QUARTERDECK_RELAY_QUEUE_URL": self.outputs["RelayQueue"],
            "QUARTERDECK_RELAY_CONTROL_QUEUE_URL": self.outputs["RelayControlQueue"],
            "QUARTERDECK_TERMINAL_QUEUE_URL": self.outputs["TerminalQueue"],
            "QUARTERDECK_SOCKET_ENDPOINT": self.outputs["SocketEndpoint"],
            "QUARTERDECK_SCRIPT_EXECUTION_ARN": self.outputs["ScriptExecution"],
            "QUARTERDECK_CONTAINER_ROLLOUT_ARN": self.outputs["ContainerRollout"],
            "QUARTERDECK_CERTIFICATE_ISSUANCE_ARN": self.outputs["CertificateIssuance"],
        }


def client(service: str, internal_port: int) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.session.Session(
        aws_access_key_id=ACCOUNT, aws_secret_access_key=SECRET, region_name=REGION
    ).client(
        service,
        endpoint_url=f"http://127.0.0.1:{internal_port}",
        config=Config(retries={"max_attempts": 1}, read_timeout=120, ignore_configured_endpoint_urls=True),
    )


def kept(state: StateDirectory) -> Deployed | None:
    """What was deployed here last."""
    content = read_json(state.deployed_file)
    return Deployed(**content) if content else None


def wanted_digest(parameters: dict[str, str]) -> str:
    """Names code and parameters together: nothing needs deploying while it stays the same."""
    text = json.dumps([packaging.digest(), parameters], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def deploy(state: StateDirectory, internal_port: int, parameters: dict[str, str]) -> Deployed:
    """Make the package and bring the stack to it; the table and all that is kept in it stay."""
    package = packaging.build(state.package, dependencies=False)
    template = package.template
    address = _upload_archive(package, internal_port)
    adapted = adapt(template, address)
    cloudformation = client("cloudformation", internal_port)
    digest = wanted_digest(parameters)
    _apply(cloudformation, _upload_template(adapted, internal_port), parameters, digest)
    resources = _resources(cloudformation)
    outputs = {
        each["OutputKey"]: each["OutputValue"]
        for each in cloudformation.describe_stacks(StackName=STACK)["Stacks"][0].get("Outputs", [])
    }
    deployed = Deployed(
        digest=digest,
        outputs=outputs,
        functions={
            name: resources[name]
            for name, each in template["Resources"].items()
            if each["Type"] == "AWS::Serverless::Function"
        },
        rest_api=resources["RestAPI"],
        rest_stage=template["Resources"]["RestAPI"]["Properties"]["StageName"],
        socket_api=resources["WebsocketAPI"],
        socket_stage=template["Resources"]["WebsocketAPIStage"]["Properties"]["StageName"],
        paths=sorted(_body(template)["paths"]),
    )
    _set_gateway_answers(deployed, _body(template), internal_port)
    _verify_sender(parameters, internal_port)
    write_json(state.deployed_file, asdict(deployed))
    return deployed


def stands(deployed: Deployed, internal_port: int) -> bool:
    """Whether the emulator has that very stack: a snapshot can be older than our note of it."""
    stack = _stack(client("cloudformation", internal_port)) or {}
    return {"Key": DIGEST_TAG, "Value": deployed.digest} in stack.get("Tags", [])


def adapt(template: dict[str, Any], archive: str) -> dict[str, Any]:
    """The template for the emulator: see the four things above."""
    adapted = copy.deepcopy(template)
    resources = adapted["Resources"]
    _without_nodes(adapted)
    for each in resources.values():
        if each["Type"] == "AWS::Serverless::Function":
            each["Properties"]["CodeUri"] = archive
    for name in [name for name, each in resources.items() if each["Type"] == "AWS::ApiGatewayV2::Deployment"]:
        del resources[name]
        for each in resources.values():
            if each.get("Properties", {}).get("DeploymentId") == {"Ref": name}:
                del each["Properties"]["DeploymentId"]
                each["Properties"]["AutoDeploy"] = True
    return adapted


def _without_nodes(adapted: dict[str, Any]) -> None:
    resources, outputs = adapted["Resources"], adapted["Outputs"]
    for name in [name for name, each in resources.items() if each["Type"].startswith("AWS::SSM::")]:
        del resources[name]
        outputs.pop(name, None)


def _body(template: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    return body


def _upload_archive(package: packaging.Package, internal_port: int) -> str:
    content = package.archive.read_bytes()
    key = f"deployment-{hashlib.sha256(content).hexdigest()[:32]}.zip"
    return _upload(key, content, internal_port)


def _upload_template(template: dict[str, Any], internal_port: int) -> str:
    _upload("template.json", json.dumps(template).encode(), internal_port)
    return f"http://127.0.0.1:{internal_port}/{ARTIFACTS}/template.json"


def _upload(key: str, content: bytes, internal_port: int) -> str:
    s3 = client("s3", internal_port)
    if ARTIFACTS not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=ARTIFACTS)
    s3.put_object(Bucket=ARTIFACTS, Key=key, Body=content)
    return f"s3://{ARTIFACTS}/{key}"


def _apply(cloudformation: Any, template_url: str, parameters: dict[str, str], digest: str) -> None:
    request = {
        "Tags": [{"Key": DIGEST_TAG, "Value": digest}],
        "StackName": STACK,
        "TemplateURL": template_url,
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    }
    if _status(cloudformation) in {None, "DELETE_COMPLETE"}:
        cloudformation.create_stack(**request, DisableRollback=True)
    else:
        try:
            cloudformation.update_stack(**request, DisableRollback=True)
        except cloudformation.exceptions.ClientError as problem:
            if "No updates are to be performed" in str(problem):
                return
            raise DeploymentProblem(str(problem)) from problem
    _wait(cloudformation)


def _wait(cloudformation: Any, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = _status(cloudformation) or ""
        if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            return
        if not status.endswith("_IN_PROGRESS"):
            raise DeploymentProblem(f"the stack ended as {status}:\n{_reasons(cloudformation)}")
        time.sleep(0.1)
    raise DeploymentProblem(f"the stack was not ready after {seconds:.0f} s")


def _status(cloudformation: Any) -> str | None:
    stack = _stack(cloudformation)
    return str(stack["StackStatus"]) if stack else None


def _stack(cloudformation: Any) -> dict[str, Any] | None:
    try:
        stacks: list[dict[str, Any]] = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    except cloudformation.exceptions.ClientError as problem:
        if "does not exist" in str(problem):
            return None
        raise
    return stacks[0] if stacks else None


def _reasons(cloudformation: Any) -> str:
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    failed = [each for each in events if each["ResourceStatus"].endswith("FAILED")]
    return "\n".join(
        f"  {each['LogicalResourceId']}: {each.get('ResourceStatusReason', each['ResourceStatus'])}"
        for each in failed
    )


def _resources(cloudformation: Any) -> dict[str, str]:
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
    return {
        each["LogicalResourceId"]: each.get("PhysicalResourceId", "")
        for page in pages
        for each in page["StackResourceSummaries"]
    }


def _set_gateway_answers(deployed: Deployed, body: dict[str, Any], internal_port: int) -> None:
    """What the gateway answers itself, from the API's body."""
    gateway = client("apigateway", internal_port)
    for kind, response in body.get(GATEWAY_RESPONSES, {}).items():
        gateway.put_gateway_response(
            restApiId=deployed.rest_api,
            responseType=kind,
            responseParameters=response.get("responseParameters", {}),
            responseTemplates=response.get("responseTemplates", {}),
            **({"statusCode": str(response["statusCode"])} if "statusCode" in response else {}),
        )
    pages = gateway.get_paginator("get_resources").paginate(restApiId=deployed.rest_api)
    resources = {each["path"]: each["id"] for page in pages for each in page["items"]}
    for path, method, status, parameters in preflights(body):
        gateway.put_integration_response(
            restApiId=deployed.rest_api,
            resourceId=resources[path],
            httpMethod=method,
            statusCode=status,
            responseParameters=parameters,
        )
    # A stage answers with the responses of its last deployment.
    gateway.create_deployment(restApiId=deployed.rest_api, stageName=deployed.rest_stage)


def _verify_sender(parameters: dict[str, str], internal_port: int) -> None:
    """What the operator does at AWS, by a link in a mail: the sender becomes an identity of SES."""
    if sender := parameters.get("MailFrom"):
        mail = client("sesv2", internal_port)
        known = mail.list_email_identities(PageSize=1000)["EmailIdentities"]
        if sender not in {each["IdentityName"] for each in known}:
            mail.create_email_identity(EmailIdentity=sender)


def preflights(body: dict[str, Any]) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """Path, method, status and headers of every answer that is written in the body itself."""
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            integration = operation.get("x-amazon-apigateway-integration", {})
            if integration.get("type") == "mock":
                answer = integration["responses"]["default"]
                yield path, method.upper(), str(answer["statusCode"]), answer.get("responseParameters", {})
