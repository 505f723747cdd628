import t from 'tap';
import { startFakeHost } from '../support/fake-host.ts';
import { aSandbox } from '../support/requests.ts';

t.setTimeout(120_000);
const caller = { project: 'default', subject: 'test' };
const never = new AbortController().signal;

t.test('one that was ready tells why it is not: killed for its memory, ended, or not answering', async (t) => {
  const host = await startFakeHost();
  t.teardown(() => host.close());
  const { id } = await host.service.create(caller, aSandbox);
  await host.service.wait('default', id, 'ready', 10_000, never);
  await host.quiet();
  const { observe } = host.runtime;
  const down = async (change: object | null) => {
    if (change) {
      Object.assign(host.runtime, {
        async observe(sandboxId?: string) {
          const found = await observe(sandboxId);
          return found.map((one) => ({ ...one, components: one.components.map((each) => ({ ...each, ...change })) }));
        },
      });
    }
    host.break(id);
    await host.sweep();
    Object.assign(host.runtime, { observe });
    await host.service.wait('default', id, 'ready', 20_000, never);
    await host.quiet();
    const degraded = (await host.service.history('default', id)).filter(({ type }) => type === 'degraded');
    return degraded.at(-1);
  };
  t.match(await down({ state: 'exited', exitCode: 137, isOutOfMemory: true }), {
    reason: 'OOMKilled',
    message: /needed more memory than it may have; being restarted/,
  });
  t.match(await down({ state: 'exited', exitCode: 2 }), {
    reason: 'ComponentExited',
    message: 'etcd exited with code 2; being restarted',
  });
  t.match(await down({ state: 'running' }), { reason: 'Restarting', message: 'being restarted' });
});

t.test('a full disk is told as the machine has it, and not as a fault of the service', async (t) => {
  const noSpace = Object.assign(new Error('ENOSPC: no space left on device, mkdir'), {
    code: 'ENOSPC',
    syscall: 'mkdir',
  });
  const host = await startFakeHost({ onStart: () => Promise.reject(noSpace) });
  t.teardown(() => host.close());
  const { id } = await host.service.create(caller, aSandbox);
  const failed = await host.service.wait('default', id, 'failed', 10_000, never);
  t.match(failed.status.failure, { code: 'runtime_refused', message: /^The machine refused: ENOSPC/ });
});
