"""What tests look like with the fixture of conftest.py: each begins with an empty Kubernetes API."""

from kubernetes.client import ApiClient, CoreV1Api, V1ConfigMap, V1ObjectMeta


def test_what_is_written_is_read(sandbox: ApiClient) -> None:
    core = CoreV1Api(sandbox)
    assert "mine" not in names(core)
    core.create_namespaced_config_map("default", V1ConfigMap(metadata=V1ObjectMeta(name="mine"), data={"a": "b"}))
    assert core.read_namespaced_config_map("mine", "default").data == {"a": "b"}


def test_another_test_sees_nothing_of_it(sandbox: ApiClient) -> None:
    core = CoreV1Api(sandbox)
    assert "mine" not in names(core)
    core.create_namespaced_config_map("default", V1ConfigMap(metadata=V1ObjectMeta(name="mine"), data={"c": "d"}))
    assert core.read_namespaced_config_map("mine", "default").data == {"c": "d"}


def names(core: CoreV1Api) -> set[str | None]:
    return {one.metadata.name for one in core.list_namespaced_config_map("default").items if one.metadata}
