import { Client, credentials, type MethodDefinition, type StatusObject, status } from '@grpc/grpc-js';
import { service as definition } from 'grpc-health-check';
import t, { type Test } from 'tap';
import { addHealth } from '../../src/grpc/health.ts';
import { startFakeService } from '../support/fake-service.ts';
import { startGrpcServer } from '../support/grpc-server.ts';
import { until } from '../support/until.ts';

t.setTimeout(60_000);

const { Check: check, Watch: watch } = definition as unknown as Record<
  'Check' | 'Watch',
  MethodDefinition<object, { status: string }>
>;

async function start(t: Test, checkStore: () => Promise<void> = async () => undefined) {
  const closing = new AbortController();
  const services = ['a.Service'];
  const server = await startGrpcServer(t, (to) => addHealth(to, { services, checkStore, closing: closing.signal }));
  t.teardown(() => closing.abort());
  return { closing, ...healthOf(t, server.address) };
}

function healthOf(t: Test, address: string) {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.enable_retries': 0 });
  t.teardown(() => client.close());
  return {
    async check(service: string) {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const { path, requestSerialize, responseDeserialize } = check;
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service }, (error, told) =>
        resolve(error?.code ?? told?.status),
      );
      return await promise;
    },
    watch(service: string) {
      const told: string[] = [];
      const ended = Promise.withResolvers<StatusObject>();
      const { path, requestSerialize, responseDeserialize } = watch;
      const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service });
      call.on('data', (answer: { status: string }) => told.push(answer.status));
      call.on('error', () => undefined);
      call.on('status', (end: StatusObject) => ended.resolve(end));
      return { told, ended: ended.promise, cancel: () => call.cancel() };
    },
  };
}

t.test('who watches is told when the store does not answer, and when it does again', async (t) => {
  let answers = true;
  const health = await start(t, async () => {
    if (!answers) throw new Error('no answer');
  });
  t.same([await health.check(''), await health.check('a.Service')], ['SERVING', 'SERVING']);
  const { told } = health.watch('a.Service');
  await until(() => told.length === 1);
  answers = false;
  await until(() => told.length === 2);
  t.equal(await health.check(''), 'NOT_SERVING');
  answers = true;
  await until(() => told.length === 3);
  t.same(told, ['SERVING', 'NOT_SERVING', 'SERVING']);
});

t.test('a service that is not there', async (t) => {
  const { check, watch } = await start(t);
  t.equal(await check('no.such.Service'), status.NOT_FOUND);
  t.equal(await check('x'.repeat(60_000)), status.NOT_FOUND);
  const { told, cancel, ended } = watch('no.such.Service');
  await until(() => told.length === 1);
  t.same(told, ['SERVICE_UNKNOWN']);
  cancel();
  t.equal((await ended).code, status.CANCELLED);
});

t.test('no more than a hundred watch; each that goes makes room; the end of the service ends them', async (t) => {
  const { watch, closing } = await start(t);
  const watches = Array.from({ length: 100 }, () => watch(''));
  await until(() => watches.every(({ told }) => told.length === 1));
  t.equal((await watch('').ended).code, status.RESOURCE_EXHAUSTED);
  watches[0]?.cancel();
  const tryAgain = async () => {
    const again = watch('');
    const refused = again.ended.then(({ code }) => code);
    await until(async () => again.told.length > 0 || (await Promise.race([refused, null])) !== null);
    return again.told.length > 0;
  };
  await until(tryAgain);
  closing.abort();
  for (const { told, ended } of watches.slice(1)) {
    if ((await ended).code !== status.OK) t.fail('ended otherwise');
    if (told.join() !== 'SERVING,NOT_SERVING') t.fail(told.join());
  }
});

t.test('of the service: of what is not there, of the whole, and its end', async (t) => {
  const service = await startFakeService();
  t.teardown(() => service.close());
  const another = await service.anotherApi();
  const { check, watch } = healthOf(t, another.grpcAddress);
  t.same([await check(''), await check('sandplane.v1.WebhookService')], ['SERVING', 'SERVING']);
  t.equal(await check('no.such.Service'), status.NOT_FOUND);
  const { told, ended } = watch('');
  await until(() => told.length === 1);
  await another.close();
  t.equal((await ended).code, status.OK, 'it ends by itself: it holds up no end, and is not cut off');
  t.equal(told[0], 'SERVING');
});
