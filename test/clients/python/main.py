"""Sandplane from Python: the API by openapi-python-client, and the kubernetes package for what is in the sandbox.

Copy it, make the client as run.sh does, and set SANDPLANE_URL and SANDPLANE_KEY.
SANDPLANE_FULL_KEY is only for the last kind of error: the key of a project that may have no sandbox.
"""

import os
from http import HTTPStatus
from typing import TypeVar
from uuid import uuid4

from httpx import Timeout
from kubernetes import client as kubernetes
from kubernetes.config import new_client_from_config_dict

from sandplane_api import AuthenticatedClient
from sandplane_api.api.sandboxes import create_sandbox, delete_sandbox, get_kubeconfig, get_sandbox, wait_for_sandbox
from sandplane_api.models import Kubeconfig, Problem, SandboxCreate, SandboxPhase, SandboxSpecInput
from sandplane_api.models import SandboxCreateLabels as Labels


Answer = TypeVar("Answer")


def client_with(key: str) -> AuthenticatedClient:
    """The timeout is that of the longest wait below. Kubeconfigs come as YAML unless JSON is asked for."""
    url = os.environ.get("SANDPLANE_URL", "http://127.0.0.1:7800")
    return AuthenticatedClient(url, token=key, headers={"Accept": "application/json"}, timeout=Timeout(150))


class SandplaneError(Exception):
    """A problem that the service answered with: `problem.code` is stable, and what to branch on."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem


def checked(answer: Answer | Problem | None) -> Answer:
    if isinstance(answer, Problem):
        raise SandplaneError(answer)
    assert answer is not None, "an answer that the document does not know"
    return answer


def main() -> None:
    sandplane = client_with(os.environ["SANDPLANE_KEY"])
    body = SandboxCreate(
        name="from-python", labels=Labels.from_dict({"team": "ci"}), spec=SandboxSpecInput(ttl_seconds=3600)
    )
    # Sent again with the same key, it makes no second one.
    created = checked(create_sandbox.sync(client=sandplane, body=body, idempotency_key=str(uuid4())))
    assert created.labels["team"] == "ci"
    print(f"created {created.id}")
    try:
        ready = checked(wait_for_sandbox.sync(created.id, client=sandplane, for_=SandboxPhase.READY, timeout=120))
        assert ready.status.phase is SandboxPhase.READY
        print(f"ready: Kubernetes {ready.status.kubernetes_version} at {ready.status.endpoint}")
        kubeconfig = checked(get_kubeconfig.sync(created.id, client=sandplane))
        assert kubeconfig.clusters[0].cluster.server == ready.status.endpoint
        print("took the kubeconfig")
        use_kubernetes(kubeconfig)
        handle_errors(sandplane)
    finally:
        checked(delete_sandbox.sync(created.id, client=sandplane))
    ended = checked(wait_for_sandbox.sync(created.id, client=sandplane, for_=SandboxPhase.DELETED))
    assert ended.status.phase is SandboxPhase.DELETED
    print("deleted it")
    print("ok python")


def use_kubernetes(kubeconfig: Kubeconfig) -> None:
    core = kubernetes.CoreV1Api(new_client_from_config_dict(kubeconfig.to_dict()))
    metadata = kubernetes.V1ObjectMeta(name="greeting")
    core.create_namespaced_config_map("default", kubernetes.V1ConfigMap(metadata=metadata, data={"hello": "python"}))
    assert core.read_namespaced_config_map("greeting", "default").data == {"hello": "python"}
    print("wrote and read a ConfigMap")


def handle_errors(sandplane: AuthenticatedClient) -> None:
    """Each answer that is not good has the same typed body, whatever its status."""
    try:
        checked(get_sandbox.sync("sb-00000000000000000000", client=sandplane))
        raise AssertionError("it is not there")
    except SandplaneError as error:
        assert (error.problem.status, error.problem.code) == (404, "not_found")
        print(f"404: {error.problem.detail}")

    invalid = create_sandbox.sync(client=sandplane, body=SandboxCreate(name="Not_A_Name"))
    assert isinstance(invalid, Problem) and invalid.status == 422 and invalid.code == "validation_failed"
    faults = {fault.pointer: fault.detail for fault in invalid.errors or []}
    assert "/name" in faults
    print(f"422: {faults}")

    full = create_sandbox.sync_detailed(client=client_with(os.environ["SANDPLANE_FULL_KEY"]), body=SandboxCreate())
    assert full.status_code is HTTPStatus.TOO_MANY_REQUESTS
    problem = full.parsed
    assert isinstance(problem, Problem) and problem.code == "quota_exceeded" and problem.limit
    assert (problem.limit.name, problem.limit.value) == ("sandboxes", 0)
    # Only where waiting helps: a full quota ends when somebody deletes something.
    retry_after = full.headers.get("retry-after")
    when = f"in {retry_after} s" if retry_after else "once one is deleted"
    print(f"429: at most {problem.limit.value} {problem.limit.name}; try again {when}")


if __name__ == "__main__":
    main()
