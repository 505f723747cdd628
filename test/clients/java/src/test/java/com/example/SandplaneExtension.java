package com.example;

import io.kubernetes.client.openapi.ApiClient;
import java.util.Set;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Gives a test class a sandbox, deleted after its last test: {@code @ExtendWith(SandplaneExtension.class)}, and a
 * parameter of type {@link ApiClient} or {@link TestSandbox} wherever JUnit takes parameters.
 */
public final class SandplaneExtension implements BeforeAllCallback, ParameterResolver {
  private static final Namespace NAMESPACE = Namespace.create(SandplaneExtension.class);

  @Override
  public void beforeAll(ExtensionContext context) {
    sandboxOf(context);
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return Set.of(ApiClient.class, TestSandbox.class).contains(parameter.getParameter().getType());
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    TestSandbox sandbox = sandboxOf(context);
    return parameter.getParameter().getType() == ApiClient.class ? sandbox.client() : sandbox;
  }

  /** The one of this class, or of the class around it. JUnit closes what its store holds when the class is done. */
  private static TestSandbox sandboxOf(ExtensionContext context) {
    return context.getStore(NAMESPACE).computeIfAbsent("sandbox", key -> start(), TestSandbox.class);
  }

  private static TestSandbox start() {
    try {
      return TestSandbox.start();
    } catch (Exception failure) {
      throw new IllegalStateException("No sandbox for the tests: " + failure.getMessage(), failure);
    }
  }
}
