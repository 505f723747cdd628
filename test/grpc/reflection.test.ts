import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, credentials, type StatusObject, status } from '@grpc/grpc-js';
import t, { type Test } from 'tap';
import { addReflection } from '../../src/grpc/reflection.ts';
import { connectBelow, startGrpcServer } from '../support/grpc-server.ts';
import { until } from '../support/until.ts';

t.setTimeout(60_000);

const pathOf = (version: string) => `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
/** Field 7 of the request, list_services: "*". */
const listServices = Buffer.from([0x3a, 1, 0x2a]);

async function start(t: Test) {
  const closing = new AbortController();
  const { address } = await startGrpcServer(t, (server) => addReflection(server, closing.signal));
  const client = new Client(address, credentials.createInsecure(), { 'grpc.enable_retries': 0 });
  t.teardown(() => client.close());
  const asItIs = (bytes: Buffer) => bytes;
  const open = (version = 'v1') => {
    const answers: string[] = [];
    const ended = Promise.withResolvers<StatusObject>();
    const call = client.makeBidiStreamRequest(pathOf(version), asItIs, asItIs);
    call.on('data', (answer: Buffer) => answers.push(answer.toString('latin1')));
    call.on('error', () => undefined);
    call.on('status', (end: StatusObject) => ended.resolve(end));
    call.write(listServices);
    return { call, answers, ended: ended.promise };
  };
  return { closing, address, open };
}

t.test('both versions tell the services', async (t) => {
  const { open } = await start(t);
  for (const version of ['v1', 'v1alpha']) {
    const { call, answers, ended } = open(version);
    call.end();
    t.equal((await ended).code, status.OK);
    for (const name of ['sandplane.v1.SandboxService', 'grpc.health.v1.Health']) t.match(answers[0], name, version);
  }
});

t.test('no more than a hundred ask at a time, and the end of the service ends them', async (t) => {
  const { open, closing } = await start(t);
  const calls = Array.from({ length: 100 }, () => open());
  await until(() => calls.every(({ answers }) => answers.length === 1));
  t.equal((await open().ended).code, status.RESOURCE_EXHAUSTED);
  closing.abort();
  const codes = await Promise.all(calls.map(async ({ ended }) => (await ended).code));
  t.ok(codes.every((code) => code === status.OK));
});

t.test('of one that does not read the answers, no more questions are taken', async (t) => {
  const { address } = await start(t);
  const session = connectBelow(t, `http://${address}`);
  const stream = session.request({ ':method': 'POST', ':path': pathOf('v1'), 'content-type': 'application/grpc' });
  stream.on('error', () => undefined);
  stream.pause();
  const question = Buffer.concat([Buffer.from([0, 0, 0, 0, listServices.length]), listServices]);
  const many = Buffer.concat(Array.from({ length: 20_000 }, () => question));
  const drained = once(stream, 'drain').then(() => true);
  stream.write(many);
  t.notOk(await Promise.race([drained, delay(5000, false)]));
  stream.resume();
  t.ok(await drained, 'once it reads, it is answered on');
});
