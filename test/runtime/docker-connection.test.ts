import { createServer } from 'node:http';
import { execa } from 'execa';
import t from 'tap';
import { listenLocally } from '../support/listen-locally.ts';

t.test('a Docker daemon is never asked through a proxy', async (t) => {
  const daemon = createServer((request, answer) =>
    answer.end(JSON.stringify({ ApiVersion: '1.44', Name: request.url })),
  );
  const port = await listenLocally(t, daemon);
  const source = `
    const { connectDocker } = await import('./src/runtime/docker-connection.ts');
    const docker = await connectDocker();
    console.log((await docker.info()).Name);
    process.exit();`;
  // Node reads it when it starts.
  const env = {
    DOCKER_HOST: `tcp://127.0.0.1:${port}`,
    NODE_USE_ENV_PROXY: '1',
    HTTP_PROXY: 'http://127.0.0.1:9',
    HTTPS_PROXY: 'http://127.0.0.1:9',
  };
  const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', source], { env });
  t.equal(stdout, '/v1.44/info');
});
