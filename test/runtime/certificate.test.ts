import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import * as asn1 from 'asn1js';
import t from 'tap';
import { extensions, signCertificate } from '../../src/runtime/certificate.ts';
import { createBootstrapCertificate, createCredentials } from '../../src/runtime/pki.ts';

const names = ['localhost', '127.0.0.1', '::1', 'fd00::a:0:0:b', '::ffff:10.0.0.1', '2001:db8::'];
const made = createCredentials(names);
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

t.test('what a CA signs later names it byte for byte as it names itself', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // Another form of text than ours: equal to a reader, and another name to a verifier.
  const text = new asn1.PrintableString({ value: 'another' });
  const attribute = new asn1.Sequence({ value: [new asn1.ObjectIdentifier({ value: '2.5.4.3' }), text] });
  const subject = new asn1.Sequence({ value: [new asn1.Set({ value: [attribute] })] });
  const [notBefore, notAfter] = [new Date(Date.now() - 1000), new Date('2050-01-01T00:00:00Z')];
  const own = [extensions.authority(), extensions.signsCertificates(), extensions.subjectKey(publicKey)];
  const request = { subject, publicKey, notBefore, notAfter, extensions: own };
  const caCert = signCertificate(request, { subject, privateKey });
  const caKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const bootstrap = new X509Certificate(createBootstrapCertificate({ ...made, caCert, caKey }).cert);
  const other = new X509Certificate(caCert);
  t.ok(bootstrap.checkIssued(other) && bootstrap.verify(other.publicKey));
  t.equal(other.validTo, 'Jan  1 00:00:00 2050 GMT');
  t.ok(bootstrap.validToDate.getTime() - Date.now() < 10 * 60_000);
});
