import { Gauge } from '@prometheus-io/client';
import t from 'tap';
import { createProcessMetrics, serveMetrics } from '../../src/start/metrics-port.ts';

let isHealthy = true;
let away: string[] = [];
const registry = createProcessMetrics();
const served = await serveMetrics(
  { host: '127.0.0.1', metricsPort: 0 },
  { registry, isHealthy: async () => isHealthy, awayRuntimes: () => away },
);
t.teardown(() => served.close());

t.test('/metrics is what Prometheus reads', async (t) => {
  new Gauge({ name: 'sandplane_waiting', help: 'of a test', registers: [registry] }).set(3);
  const answer = await fetch(`${served.url}/metrics`);
  t.match(answer.headers.get('content-type'), /^text\/plain; version=/);
  const text = await answer.text();
  t.match(text, /^# TYPE process_cpu_seconds_total counter$/m);
  t.match(text, /^process_resident_memory_bytes \d+$/m);
  t.match(text, /^sandplane_waiting 3$/m, 'what is added to the registry is shown too');
});

t.test('what cannot be measured is an error of the answer, not of the service', async (t) => {
  const collect = () => {
    throw new Error('no store');
  };
  new Gauge({ name: 'sandplane_failing', help: 'of a test', registers: [registry], collect });
  t.equal((await fetch(`${served.url}/metrics`)).status, 500);
  registry.removeSingleMetric('sandplane_failing');
  t.equal((await fetch(`${served.url}/metrics`)).status, 200);
});

t.test('/readyz says which runtime does not answer', async (t) => {
  t.equal((await fetch(`${served.url}/readyz`)).status, 200);
  away = ['Docker does not answer: connect ENOENT /var/run/docker.sock'];
  const answer = await fetch(`${served.url}/readyz`);
  t.equal(answer.status, 503);
  t.equal(await answer.text(), `${away[0]}\n`);
  t.equal((await fetch(`${served.url}/healthz`)).status, 200, 'another start of the service would not help');
  away = [];
});

t.test('/healthz says whether the worker is well', async (t) => {
  t.equal((await fetch(`${served.url}/healthz`)).status, 200);
  isHealthy = false;
  t.equal((await fetch(`${served.url}/healthz`)).status, 503);
  t.equal((await fetch(`${served.url}/other`)).status, 404);
});
