import t from 'tap';
import { writeFirstObjects } from '../../src/reconcile/first-write.ts';
import type { KubeClient } from '../../src/runtime/probe.ts';

interface Answer {
  readonly status: number;
  readonly body?: string;
}

const service = { clusterIP: '10.96.0.1', nodePort: 0, address: '192.0.2.7', port: 20_000 };

/** Answers each kind of request the same way, by its method and the last part of its path; throws where there is no answer. */
function clientWith(answers: Record<string, Answer>) {
  const sent: string[] = [];
  const client: KubeClient = {
    async send(method, path) {
      const request = `${method} ${path.split('?', 1)[0]?.split('/').at(-1)}`;
      sent.push(request);
      const answer = answers[request] ?? answers[method];
      if (!answer) throw new Error('no connection');
      return { body: '', ...answer };
    },
    close: () => undefined,
  };
  return { client, sent };
}

const well = { POST: { status: 201 }, DELETE: { status: 200 } };
const refusal = (message: string) => JSON.stringify({ kind: 'Status', message });

t.test('a sandbox that takes writes gets its Service with its endpoint, and keeps nothing of the proof', async (t) => {
  const { client, sent } = clientWith(well);
  t.equal(await writeFirstObjects(client, service), true);
  const made = ['configmaps', 'services', 'endpoints', 'endpointslices'].map((kind) => `POST ${kind}`);
  t.same(sent, [...made, 'DELETE sandplane-ready']);
  const alone = clientWith(well);
  t.equal(await writeFirstObjects(alone.client, { ...service, address: null }), true);
  t.same(alone.sent.slice(0, 2), ['POST configmaps', 'POST services'], 'without an address, no endpoint');
});

t.test('an answer of admission, as its user has set it up, is one of a server that works', async (t) => {
  for (const [status, message] of [
    [422, `configmaps "x" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no label`],
    [403, 'configmaps "x" is forbidden: exceeded quota: none, requested: count/configmaps=1'],
    [400, 'admission webhook "w.example.com" denied the request: no'],
    [500, 'Internal error occurred: failed calling webhook "w.example.com": connect: connection refused'],
  ] as const) {
    const { client } = clientWith({ ...well, 'POST configmaps': { status, body: refusal(message) } });
    t.equal(await writeFirstObjects(client, service), true, message);
  }
});

t.test('of a server that is not ready more is asked', async (t) => {
  const GET = { status: 404 };
  for (const [status, message] of [
    [403, 'configmaps "x" is forbidden: not yet ready to handle request'],
    [404, 'namespaces "default" not found'],
    [500, 'etcdserver: request timed out'],
    [503, 'apiserver not ready'],
  ] as const) {
    const { client } = clientWith({ ...well, GET, 'POST configmaps': { status, body: refusal(message) } });
    t.equal(await writeFirstObjects(client, service), false, message);
  }
  t.equal(await writeFirstObjects(clientWith({}).client, service), false, 'no answer at all');
  t.equal(await writeFirstObjects(clientWith({ POST: well.POST }).client, service), false, 'none to the removal');
});

t.test('an address that is taken is that of the very Service, or not yet free', async (t) => {
  const taken = { status: 422, body: refusal('spec.clusterIPs: Invalid value: failed to allocate IP 10.96.0.1') };
  for (const status of [200, 404]) {
    const { client } = clientWith({ ...well, 'POST services': taken, GET: { status } });
    t.equal(await writeFirstObjects(client, service), status === 200);
  }
});
