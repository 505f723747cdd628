import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from 'node:crypto';
import {
  type CertificateRequest,
  distinguishedName,
  extensions,
  type Issuer,
  signCertificate,
  subjectOf,
} from './certificate.ts';

/** PEM texts. The CA is of this sandbox alone. */
export interface Credentials {
  readonly caCert: string;
  readonly caKey: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly serviceAccountKey: string;
  readonly serviceAccountPub: string;
  readonly adminCert: string;
  readonly adminKey: string;
}

export interface CertificateAndKey {
  readonly cert: string;
  readonly key: string;
}

/** The group of the user's credential, bound to cluster-admin: unlike system:masters it can be taken away. */
export const adminGroup = 'sandplane:admins';

const dayMs = 86_400_000;
// Clocks of clients may be behind ours.
const backdateMs = 5 * 60_000;
const yearMs = 365 * dayMs;

interface Ca extends Issuer {
  readonly publicKey: KeyObject;
}

/** Makes all keys and certificates of a sandbox: EC P-256, valid for a year (the CA for ten). */
export function createCredentials(names: readonly string[]): Credentials {
  const { caCert, ca } = createCa();
  const server = issueServer(ca, names);
  const admin = issueClient(ca, 'sandplane-admin', adminGroup, yearMs);
  const serviceAccount = generateKeys();
  return {
    caCert,
    caKey: privatePem(ca.privateKey),
    serverCert: server.cert,
    serverKey: server.key,
    serviceAccountKey: serviceAccount.privateKey.export({ type: 'sec1', format: 'pem' }).toString(),
    serviceAccountPub: serviceAccount.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    adminCert: admin.cert,
    adminKey: admin.key,
  };
}

/**
 * A client certificate of system:masters, by default for ten minutes: needed once, to bind our admin group in a data
 * set that has never been booted. There it stays in memory.
 */
export function createBootstrapCertificate(
  { caCert, caKey }: Credentials,
  lifetimeMs = 10 * 60_000,
): CertificateAndKey {
  const privateKey = createPrivateKey(caKey);
  const subject = subjectOf(new X509Certificate(caCert).raw);
  const ca = { subject, privateKey, publicKey: createPublicKey(privateKey) };
  return issueClient(ca, 'sandplane-bootstrap', 'system:masters', lifetimeMs);
}

function createCa(): { caCert: string; ca: Ca } {
  const { publicKey, privateKey } = generateKeys();
  const subject = distinguishedName({ commonName: `sandplane-ca-${randomBytes(4).toString('hex')}` });
  const ca = { subject, publicKey, privateKey };
  const own = [extensions.authority(), extensions.signsCertificates(), extensions.subjectKey(publicKey)];
  const caCert = signCertificate({ subject, publicKey, ...validity(10 * yearMs), extensions: own }, ca);
  return { caCert, ca };
}

function issueServer(ca: Ca, names: readonly string[]): CertificateAndKey {
  const subject = distinguishedName({ commonName: 'kube-apiserver' });
  return issue(ca, subject, yearMs, [extensions.purpose('serverAuth'), extensions.names(names)]);
}

function issueClient(ca: Ca, user: string, group: string, lifetimeMs: number): CertificateAndKey {
  const subject = distinguishedName({ commonName: user, organization: group });
  return issue(ca, subject, lifetimeMs, [extensions.purpose('clientAuth')]);
}

function issue(
  ca: Ca,
  subject: CertificateRequest['subject'],
  lifetimeMs: number,
  own: CertificateRequest['extensions'],
): CertificateAndKey {
  const { publicKey, privateKey } = generateKeys();
  const all = [extensions.endEntity(), extensions.signs(), ...own, extensions.authorityKey(ca.publicKey)];
  const cert = signCertificate({ subject, publicKey, ...validity(lifetimeMs), extensions: all }, ca);
  return { cert, key: privatePem(privateKey) };
}

function generateKeys() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function privatePem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function validity(lifetimeMs: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - backdateMs), notAfter: new Date(now + lifetimeMs) };
}
