import { execa } from 'execa';
import { lockedVersions } from '../src/components/catalog.ts';

/** Runs the integration tests with every locked version, one after the other, and prints the result of each. */
let failed = 0;
for (const { kubernetesVersion, etcdVersion } of lockedVersions) {
  const env = { SANDPLANE_TEST_KUBERNETES_VERSION: kubernetesVersion };
  const started = performance.now();
  const { exitCode, all } = await execa('tap', ['run', 'test/integration/sandbox.test.ts'], {
    all: true,
    env,
    preferLocal: true,
    reject: false,
  });
  const totals = /# (\{ total: .*\})/.exec(all)?.[1] ?? 'ran no test';
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const outcome = exitCode === 0 ? 'ok' : `FAILED\n${all}`;
  process.stdout.write(
    `kube-apiserver ${kubernetesVersion}, etcd ${etcdVersion}: ${totals} in ${seconds} s, ${outcome}\n`,
  );
  if (exitCode !== 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;
