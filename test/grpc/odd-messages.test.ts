import { Client, status as codes, credentials, type ServiceError } from '@grpc/grpc-js';
import t from 'tap';
import { readContract } from '../../src/grpc/contract.ts';
import { codecOf } from '../../src/grpc/messages.ts';
import { startFakeService } from '../support/fake-service.ts';
import { withKey } from '../support/grpc-package.ts';

t.setTimeout(240_000);
const service = await startFakeService();
t.teardown(() => service.close());

t.test('whatever is sent is answered', async (t) => {
  const project = await service.project('odd');
  const client = new Client(service.grpcAddress(), credentials.createInsecure());
  t.teardown(() => client.close());
  const metadata = withKey(project.authorization.authorization?.replace('Bearer ', '') ?? '');
  const send = async (method: string, bytes: Buffer) => {
    const { promise, resolve } = Promise.withResolvers<ServiceError | null>();
    const path = `/sandplane.v1.${method}`;
    const asItIs = (given: Buffer) => given;
    client.makeUnaryRequest(path, asItIs, asItIs, bytes, metadata, { deadline: Date.now() + 60_000 }, (error) =>
      resolve(error),
    );
    return (await promise)?.code;
  };
  /** Field 1, a text. */
  const text = (bytes: Buffer) => Buffer.concat([Buffer.from([0x0a]), lengthOf(bytes), bytes]);
  t.equal(await send('SandboxService/GetSandbox', Buffer.from([0x0a, 0xff])), codes.INVALID_ARGUMENT, 'no message');
  t.equal(await send('SandboxService/GetSandbox', Buffer.of()), codes.INVALID_ARGUMENT, 'nothing');
  const surrogate = Buffer.from([0xed, 0xa0, 0x80]);
  t.equal(await send('ProjectService/GetProject', text(surrogate)), codes.NOT_FOUND, 'text that is none');
  t.equal(await send('ProjectService/GetProject', text(Buffer.alloc(60_000, 'a'))), codes.NOT_FOUND, 'a long name');
  t.equal(
    await send('SandboxService/GetSandbox', text(Buffer.alloc(70_000, 'a'))),
    codes.RESOURCE_EXHAUSTED,
    'too long',
  );
  const labels = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${'!'.repeat(900)}${i}`, 'x']));
  const many = codecOf(readContract().message('CreateSandboxRequest')).encode({ labels });
  t.equal(await send('SandboxService/CreateSandbox', many), codes.INVALID_ARGUMENT, 'many faults');
  const far = codecOf(readContract().message('CreateKeyRequest'));
  const never = Buffer.concat([
    far.encode({ project: 'odd', name: 'k' }),
    Buffer.from([0x22, 0x0a, 0x08, ...Array.from({ length: 8 }, () => 0xff), 0x01]),
  ]);
  t.equal(await send('ProjectService/CreateKey', never), codes.INVALID_ARGUMENT, 'a time that is none');
  t.equal(await send('SandboxService/NoSuch', Buffer.of()), codes.UNIMPLEMENTED, 'no method');
});

/** As protobuf writes lengths (https://protobuf.dev/programming-guides/encoding/#varints). */
function lengthOf({ length }: Buffer): Buffer {
  const bytes: number[] = [];
  for (let left = length; ; left >>>= 7) {
    bytes.push(left > 127 ? (left & 127) | 128 : left);
    if (left <= 127) return Buffer.from(bytes);
  }
}
