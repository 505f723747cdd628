import { createPrivateKey, X509Certificate } from 'node:crypto';
import t from 'tap';
import { createCredentials } from '../../src/runtime/pki.ts';

const names = ['localhost', '127.0.0.1', '::1', 'fd00::a:0:0:b', '::ffff:10.0.0.1', '2001:db8::'];
const made = await createCredentials(names);
const [ca, server, admin] = [made.caCert, made.serverCert, made.adminCert].map((pem) => new X509Certificate(pem)) as [
  X509Certificate,
  X509Certificate,
  X509Certificate,
];

t.test('the CA has signed itself and both others, which are none', async (t) => {
  for (const one of [ca, server, admin]) t.ok(one.verify(ca.publicKey) && one.checkIssued(ca));
  t.same([ca.ca, server.ca, admin.ca], [true, false, false]);
  t.ok(ca.checkPrivateKey(createPrivateKey(made.caKey)));
  t.ok(server.checkPrivateKey(createPrivateKey(made.serverKey)));
  t.ok(admin.checkPrivateKey(createPrivateKey(made.adminKey)));
  t.not(server.serialNumber, admin.serialNumber);
});

t.test('the front proxy has a CA of its own, whose certificates are good for nothing else', async (t) => {
  const [proxyCa, proxy] = [made.proxyCaCert, made.proxyCert].map((pem) => new X509Certificate(pem)) as [
    X509Certificate,
    X509Certificate,
  ];
  t.ok(proxy.verify(proxyCa.publicKey) && proxy.checkIssued(proxyCa));
  t.notOk(proxy.verify(ca.publicKey) || admin.verify(proxyCa.publicKey));
  t.ok(proxy.checkPrivateKey(createPrivateKey(made.proxyKey)));
  t.same([proxy.subject, proxy.keyUsage], ['CN=front-proxy-client', ['1.3.6.1.5.5.7.3.2']]);
});

t.test('private keys have the form that all clients read', async (t) => {
  for (const key of [made.adminKey, made.serverKey, made.proxyKey]) t.match(key, /^-----BEGIN EC PRIVATE KEY-----/);
});

t.test('a server has its names, a client its user and group, each its purpose', async (t) => {
  for (const name of ['127.0.0.1', '::1', 'fd00::a:0:0:b', '::ffff:10.0.0.1', '2001:db8::']) {
    t.ok(server.checkIP(name), name);
  }
  t.ok(server.checkHost('localhost'));
  t.notOk(server.checkHost('example.com') || server.checkIP('127.0.0.2') || server.checkIP('fd00::a:0:b'));
  t.equal(admin.subject, 'CN=sandplane-admin\nO=system:masters');
  t.same([server.keyUsage, admin.keyUsage], [['1.3.6.1.5.5.7.3.1'], ['1.3.6.1.5.5.7.3.2']]);
});

t.test('they are valid from a little before now, for a year; the CA for ten', async (t) => {
  const years = ({ validFromDate, validToDate }: X509Certificate) =>
    (validToDate.getTime() - validFromDate.getTime()) / (365 * 86_400_000);
  t.same(
    [ca, server, admin].map((one) => Math.round(years(one))),
    [10, 1, 1],
  );
  for (const { validFromDate } of [ca, server, admin]) {
    const ageMs = Date.now() - validFromDate.getTime();
    t.ok(ageMs >= 5 * 60_000 && ageMs < 6 * 60_000);
  }
});
