// @peculiar/x509 finds its own parts by this.
import 'reflect-metadata';
import { createPrivateKey, KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import { BasicConstraintsExtension, Name, X509CertificateGenerator } from '@peculiar/x509';
import t from 'tap';
import { createBootstrapCertificate, createCredentials } from '../../src/runtime/pki.ts';

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

t.test('a server has its names, a client its user and group, each its purpose', async (t) => {
  for (const name of ['127.0.0.1', '::1', 'fd00::a:0:0:b', '::ffff:10.0.0.1', '2001:db8::']) {
    t.ok(server.checkIP(name), name);
  }
  t.ok(server.checkHost('localhost'));
  t.notOk(server.checkHost('example.com') || server.checkIP('127.0.0.2') || server.checkIP('fd00::a:0:b'));
  t.equal(admin.subject, 'CN=sandplane-admin\nO=sandplane:admins');
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

for (const form of ['printableString', 'utf8String'] as const) {
  t.test(`what a CA signs later names it byte for byte as it names itself, as ${form}`, async (t) => {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    // Forms of text that are equal to a reader, and different names to a verifier.
    const name = new Name([{ CN: [{ [form]: 'another' }] }]);
    const [notBefore, notAfter] = [new Date(Date.now() - 1000), new Date('2050-01-01T00:00:00Z')];
    const extensions = [new BasicConstraintsExtension(true, 0, true)];
    const options = { name, keys, signingAlgorithm: algorithm, notBefore, notAfter, extensions };
    const caCert = (await X509CertificateGenerator.createSelfSigned(options)).toString('pem');
    const caKey = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString();
    const bootstrap = new X509Certificate((await createBootstrapCertificate({ ...made, caCert, caKey })).cert);
    const other = new X509Certificate(caCert);
    t.ok(bootstrap.checkIssued(other) && bootstrap.verify(other.publicKey));
    t.equal(other.validTo, 'Jan  1 00:00:00 2050 GMT');
    t.ok(bootstrap.validToDate.getTime() - Date.now() < 10 * 60_000);
  });
}
