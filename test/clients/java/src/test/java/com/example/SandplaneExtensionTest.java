package com.example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import com.example.sandplane.ApiException;
import com.example.sandplane.api.SandboxesApi;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.kubernetes.client.openapi.ApiClient;
import io.kubernetes.client.openapi.apis.CoreV1Api;
import io.kubernetes.client.openapi.models.V1ConfigMap;
import io.kubernetes.client.openapi.models.V1ObjectMeta;
import io.kubernetes.client.util.ClientBuilder;
import io.kubernetes.client.util.KubeConfig;
import java.io.Reader;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.platform.testkit.engine.EngineTestKit;

class SandplaneExtensionTest {
  /** As a user writes it. It is run by the test below, which looks at what is left. */
  @ExtendWith(SandplaneExtension.class)
  static class Users {
    static final List<TestSandbox> seen = new ArrayList<>();

    @Test
    void writesAndReads(ApiClient client) throws Exception {
      CoreV1Api core = new CoreV1Api(client);
      V1ConfigMap colours = new V1ConfigMap().metadata(new V1ObjectMeta().name("colours")).data(Map.of("sky", "blue"));
      V1ConfigMap created = core.createNamespacedConfigMap("default", colours).execute();
      V1ConfigMap read = core.readNamespacedConfigMap("colours", "default").execute();
      assertEquals(Map.of("sky", "blue"), read.getData());
      assertEquals(created.getMetadata().getUid(), read.getMetadata().getUid());

      core.replaceNamespacedConfigMap("colours", "default", read.data(Map.of("sky", "grey"))).execute();
      V1ConfigMap changed = core.readNamespacedConfigMap("colours", "default").execute();
      assertEquals(Map.of("sky", "grey"), changed.getData());
      assertNotEquals(created.getMetadata().getResourceVersion(), changed.getMetadata().getResourceVersion());
    }

    @Test
    void hasAFileForKubectl(TestSandbox sandbox) throws Exception {
      seen.add(sandbox);
      try (Reader file = Files.newBufferedReader(sandbox.kubeconfig())) {
        CoreV1Api core = new CoreV1Api(ClientBuilder.kubeconfig(KubeConfig.loadKubeConfig(file)).build());
        assertEquals("default", core.readNamespace("default").execute().getMetadata().getName());
      }
    }

    @Test
    void worksWithFabric8(TestSandbox sandbox) throws Exception {
      Config config = Config.fromKubeconfig(Files.readString(sandbox.kubeconfig()));
      try (KubernetesClient fabric8 = new KubernetesClientBuilder().withConfig(config).build()) {
        var shapes = new ConfigMapBuilder().withNewMetadata().withName("shapes").endMetadata().addToData("a", "circle");
        fabric8.configMaps().inNamespace("default").resource(shapes.build()).create();
        var read = fabric8.configMaps().inNamespace("default").withName("shapes").get();
        assertEquals(Map.of("a", "circle"), read.getData());
      }
    }

    @Nested
    class Inside {
      @Test
      void hasTheSameOne(TestSandbox sandbox) {
        seen.add(sandbox);
      }
    }
  }

  @Test
  void oneSandboxForAClassDeletedAfterIt() {
    Users.seen.clear();
    var results = EngineTestKit.engine("junit-jupiter").selectors(selectClass(Users.class)).execute();
    results.allEvents().failed().stream().forEach(System.err::println);
    results.testEvents().assertStatistics(tests -> tests.started(4).succeeded(4));
    assertEquals(2, Users.seen.size());
    TestSandbox sandbox = Users.seen.get(0);
    assertEquals(sandbox, Users.seen.get(1));

    SandboxesApi api = Sandplane.connect(Sandplane.setting("SANDPLANE_URL"), Sandplane.setting("SANDPLANE_KEY"));
    ApiException gone = assertThrows(ApiException.class, () -> api.getSandbox(sandbox.id()));
    assertEquals("not_found", gone.getErrorObject().getCode());
    assertFalse(Files.exists(sandbox.kubeconfig()));
  }
}
