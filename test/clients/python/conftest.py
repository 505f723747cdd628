"""A pytest fixture that gives each test a Kubernetes API of its own. Copy it; main.py tells what it needs."""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest
from kubernetes.client import ApiClient
from kubernetes.config import new_client_from_config_dict

from main import SandplaneError, checked, client_with
from sandplane_api import AuthenticatedClient
from sandplane_api.api.sandboxes import create_sandbox, delete_sandbox, get_kubeconfig, get_sandbox, wait_for_sandbox
from sandplane_api.models import SandboxCreate, SandboxPhase, SandboxSpecInput


@pytest.fixture(scope="session")
def sandplane() -> AuthenticatedClient:
    return client_with(os.environ["SANDPLANE_KEY"])


@pytest.fixture
def sandbox(sandplane: AuthenticatedClient) -> Iterator[ApiClient]:
    """A client of a new Kubernetes API, which is deleted after the test, failed or not."""
    # A run that is killed leaves nothing for longer than an hour.
    body = SandboxCreate(spec=SandboxSpecInput(ttl_seconds=3600))
    created = checked(create_sandbox.sync(client=sandplane, body=body, idempotency_key=str(uuid4())))
    try:
        wait_until_ready(sandplane, created.id)
        kubeconfig = checked(get_kubeconfig.sync(created.id, client=sandplane))
        with new_client_from_config_dict(kubeconfig.to_dict()) as client:
            yield client
    finally:
        checked(delete_sandbox.sync(created.id, client=sandplane))
        checked(wait_for_sandbox.sync(created.id, client=sandplane, for_=SandboxPhase.DELETED))


def wait_until_ready(sandplane: AuthenticatedClient, id: str) -> None:
    try:
        checked(wait_for_sandbox.sync(id, client=sandplane, for_=SandboxPhase.READY, timeout=120))
    except SandplaneError:
        failure = checked(get_sandbox.sync(id, client=sandplane)).status.failure
        if failure is None:
            raise
        pytest.fail("\n".join([f"{id} failed: {failure.message}", *failure.log_tail]))
