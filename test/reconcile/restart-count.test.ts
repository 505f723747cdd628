import t from 'tap';
import type { Presence } from '../../src/reconcile/presence.ts';
import { withDownCause, withLostHost, withoutAway } from '../../src/sandbox/api-server-condition.ts';
import { type SandboxRecord, withStatus } from '../../src/sandbox/record.ts';
import { startFakeHost } from '../support/fake-host.ts';
import { aSandbox } from '../support/requests.ts';
import { until } from '../support/until.ts';

t.setTimeout(60_000);
const caller = { project: 'default', subject: 'test' };
const never = new AbortController().signal;
const conditionOf = (record: SandboxRecord | undefined) =>
  record?.sandbox.status.conditions.find(({ type }) => type === 'ApiServerReady');

t.test('one that died, and whose runtime went away before it was started again, was restarted once', async (t) => {
  const says: { away: string | null; next: string | null } = { away: null, next: null };
  const presence: Presence = {
    async look() {
      says.away = says.next;
      return says.away;
    },
    away: () => says.away,
    isOffered: () => true,
  };
  const host = await startFakeHost({ presence });
  t.teardown(() => host.close());
  const { id } = await host.service.create(caller, aSandbox);
  await host.service.wait('default', id, 'ready', 10_000, never);
  await host.quiet();
  const stored = async () => (await host.store.get(id))?.record;
  host.break(id);
  // The sweep has asked it already when it goes.
  const { observe } = host.runtime;
  Object.assign(host.runtime, {
    async observe(...given: Parameters<typeof observe>) {
      says.next = 'Docker does not answer';
      return await observe(...given);
    },
  });
  await host.sweep();
  await until(async () => conditionOf(await stored())?.reason === 'RuntimeUnavailable');
  t.equal(conditionOf(await stored())?.status, 'false', 'it is known not to work');
  Object.assign(host.runtime, { observe });
  says.next = null;
  host.break(id);
  await host.sweep();
  const { status } = await host.service.wait('default', id, 'ready', 20_000, never);
  t.equal(status.restarts, 1);
  t.match(conditionOf(await stored()), { status: 'true', reason: 'Answering' });

  await t.test('what is known of one that is being restarted stays known when its host is lost', async (t) => {
    const ready = await stored();
    if (!ready) throw new Error('the record is gone');
    const lost = (record: SandboxRecord) => withLostHost(withStatus(record, { phase: 'degraded' }), 'no worker');
    t.match(conditionOf(lost(ready)), { status: 'unknown', reason: 'HostLost' });
    const died = withStatus(withDownCause(ready, { reason: 'ComponentExited', message: '' }), { phase: 'degraded' });
    t.match(conditionOf(lost(died)), { status: 'false', reason: 'HostLost' });
    t.match(conditionOf(withoutAway(lost(died))), { status: 'false', reason: 'Starting', message: '' });
  });
});
