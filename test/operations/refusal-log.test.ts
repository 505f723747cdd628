import { request } from 'node:http';
import t from 'tap';
import { startApiProcess } from '../support/api-process.ts';
import { startFakeService } from '../support/fake-service.ts';
import { until } from '../support/until.ts';

t.setTimeout(60_000);

interface Line {
  readonly msg: string;
  readonly path?: string;
  readonly leftOut?: number;
  readonly most?: Readonly<Record<string, number>>;
}

t.test('a flood of requests that are refused leaves a few lines in the log, and how many there were', async (t) => {
  const service = await startFakeService();
  t.teardown(() => service.close());
  const api = await startApiProcess(service.environment);
  t.teardown(() => api.stop());
  const { hostname, port } = new URL(api.url);
  const path = `/v1/${'x/'.repeat(5000)}`;
  const refused = async () =>
    await new Promise<void>((resolve, reject) => {
      const sent = request({ hostname, port, path, headers: { 'x-request-id': 'y'.repeat(4000) } }, (answer) => {
        answer.resume().on('end', resolve);
      });
      sent.on('error', reject).end();
    });
  for (let round = 0; round < 40; round += 1) await Promise.all(Array.from({ length: 25 }, refused));
  const lines = () =>
    api
      .output()
      .split('\n')
      // The last may not be complete yet.
      .slice(0, -1)
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
  const answered = () => lines().filter(({ msg }) => msg === 'answered').length;
  const summaries = () => lines().filter(({ leftOut }) => leftOut !== undefined);
  const leftOut = () => summaries().reduce((sum, one) => sum + (one.leftOut ?? 0), 0);
  await until(() => answered() + leftOut() === 1000);
  t.ok(leftOut() > answered(), `${answered()} lines`);
  for (const one of summaries()) t.same(Object.values(one.most ?? {}), [one.leftOut], 'by address and kind');
  t.ok(api.output().length < 50_000, 'paths and headers are cut');
});
