package com.example;

import com.example.sandplane.ApiClient;
import com.example.sandplane.ApiException;
import com.example.sandplane.api.SandboxesApi;
import com.example.sandplane.model.Kubeconfig;
import com.example.sandplane.model.Sandbox;
import com.example.sandplane.model.SandboxFailure;
import com.example.sandplane.model.SandboxPhase;
import io.kubernetes.client.util.ClientBuilder;
import io.kubernetes.client.util.KubeConfig;
import java.io.IOException;
import java.io.StringReader;

/** What every program needs beside the generated client. */
public final class Sandplane {
  private static final int WAIT_SECONDS = 120;

  private Sandplane() {}

  /** The sandboxes of the project that the key belongs to. */
  public static SandboxesApi connect(String url, String key) {
    ApiClient client = new ApiClient().setBasePath(url);
    client.setBearerToken(key);
    // A wait is answered when it is over; OkHttp by itself gives up after 10 s.
    client.setReadTimeout((WAIT_SECONDS + 10) * 1000);
    return new SandboxesApi(client);
  }

  /** The value of an environment variable that has to be there. */
  public static String setting(String name) {
    String value = System.getenv(name);
    if (value == null || value.isEmpty()) throw new IllegalStateException(name + " is not set in the environment");
    return value;
  }

  /**
   * The sandbox, once it is in the phase. The service holds the answer back until then, or tells at once that it will not
   * come to that; the exception then holds what the sandbox itself says of its failure.
   */
  public static Sandbox waitFor(SandboxesApi api, String id, SandboxPhase phase) {
    try {
      return api.waitForSandbox(id, phase, WAIT_SECONDS);
    } catch (ApiException cause) {
      throw new IllegalStateException(id + " is not " + phase + ": " + reasonOf(cause) + failureOf(api, id), cause);
    }
  }

  /** A client of the official Kubernetes library for the sandbox. */
  public static io.kubernetes.client.openapi.ApiClient kubernetes(Kubeconfig kubeconfig) throws IOException {
    // JSON is YAML too.
    return ClientBuilder.kubeconfig(KubeConfig.loadKubeConfig(new StringReader(kubeconfig.toJson()))).build();
  }

  private static String reasonOf(ApiException exception) {
    return exception.getErrorObject() == null ? exception.getMessage() : exception.getErrorObject().getDetail();
  }

  /** Why a sandbox failed, with the last log lines of the component; "" if it has not, or is gone. */
  private static String failureOf(SandboxesApi api, String id) {
    SandboxFailure failure;
    try {
      failure = api.getSandbox(id).getStatus().getFailure();
    } catch (ApiException notTold) {
      return "";
    }
    if (failure == null) return "";
    return "\n" + failure.getCode() + ": " + failure.getMessage() + "\n" + String.join("\n", failure.getLogTail());
  }
}
