package com.example;

import com.example.sandplane.ApiException;
import com.example.sandplane.api.SandboxesApi;
import com.example.sandplane.model.SandboxCreate;
import com.example.sandplane.model.SandboxPhase;
import com.example.sandplane.model.SandboxSpecInput;
import io.kubernetes.client.openapi.ApiClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.UUID;

/** A Kubernetes API for tests: ready when it is there, deleted by close(). */
public final class TestSandbox implements AutoCloseable {
  private final SandboxesApi api;
  private final String id;
  private ApiClient client;
  private Path kubeconfig;

  private TestSandbox(SandboxesApi api, String id) {
    this.api = api;
    this.id = id;
  }

  /** Needs SANDPLANE_URL and SANDPLANE_KEY. What a killed test leaves expires after an hour. */
  public static TestSandbox start() throws Exception {
    SandboxesApi api = Sandplane.connect(Sandplane.setting("SANDPLANE_URL"), Sandplane.setting("SANDPLANE_KEY"));
    SandboxCreate wanted =
        new SandboxCreate().labels(Map.of("purpose", "java-test")).spec(new SandboxSpecInput().ttlSeconds(3600));
    TestSandbox sandbox = new TestSandbox(api, api.createSandbox(null, UUID.randomUUID().toString(), wanted).getId());
    try {
      sandbox.connect();
      return sandbox;
    } catch (Exception failure) {
      try (sandbox) {
        throw failure;
      }
    }
  }

  private void connect() throws ApiException, IOException {
    Sandplane.waitFor(api, id, SandboxPhase.READY);
    var access = api.getKubeconfig(id);
    client = Sandplane.kubernetes(access);
    // Only its owner may read such a file.
    kubeconfig = Files.writeString(Files.createTempFile("sandplane-", ".kubeconfig"), access.toJson());
  }

  public String id() {
    return id;
  }

  public ApiClient client() {
    return client;
  }

  /** A file for kubectl and whatever else reads KUBECONFIG. */
  public Path kubeconfig() {
    return kubeconfig;
  }

  /** Deletes it and waits until nothing of it is left. */
  @Override
  public void close() throws ApiException, IOException {
    if (kubeconfig != null) Files.deleteIfExists(kubeconfig);
    api.deleteSandbox(id, null, null);
    Sandplane.waitFor(api, id, SandboxPhase.DELETED);
  }
}
