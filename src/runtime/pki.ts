import 'reflect-metadata';
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

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

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;
// Clocks of clients may be behind ours.
const backdateMs = 5 * 60_000;
const yearMs = 365 * dayMs;

interface Ca {
  readonly cert: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

/** Makes all keys and certificates of a sandbox: EC P-256, valid for a year (the CA for ten). */
export async function createCredentials(names: readonly string[]): Promise<Credentials> {
  const ca = await createCa();
  const [server, admin, caKey] = await Promise.all([
    issueServer(ca, names),
    issueClient(ca, 'sandplane-admin', adminGroup, yearMs),
    privatePem(ca.keys),
  ]);
  const serviceAccount = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    caCert: ca.cert.toString('pem'),
    caKey,
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
export async function createBootstrapCertificate(
  credentials: Credentials,
  lifetimeMs = 10 * 60_000,
): Promise<CertificateAndKey> {
  const cert = new x509.X509Certificate(credentials.caCert);
  const der = createPrivateKey(credentials.caKey).export({ type: 'pkcs8', format: 'der' });
  const spki = createPublicKey(credentials.caKey).export({ type: 'spki', format: 'der' });
  const keys = {
    privateKey: await webcrypto.subtle.importKey('pkcs8', der, algorithm, true, ['sign']),
    publicKey: await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
  };
  return await issueClient({ cert, keys }, 'sandplane-bootstrap', 'system:masters', lifetimeMs);
}

async function createCa(): Promise<Ca> {
  const keys = await generateKeys();
  const name = `CN=sandplane-ca-${randomBytes(4).toString('hex')}`;
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name,
    ...validity(10 * yearMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert, keys };
}

function issueServer(ca: Ca, names: readonly string[]): Promise<CertificateAndKey> {
  const alternatives = names.map((name) => ({ type: isIP(name) ? 'ip' : 'dns', value: name }) as const);
  return issue(ca, 'CN=kube-apiserver', yearMs, [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension(alternatives),
  ]);
}

function issueClient(ca: Ca, user: string, group: string, lifetimeMs: number): Promise<CertificateAndKey> {
  return issue(ca, `CN=${user}, O=${group}`, lifetimeMs, [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
  ]);
}

async function issue(ca: Ca, subject: string, lifetimeMs: number, extensions: x509.Extension[]) {
  const keys = await generateKeys();
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject,
    issuer: ca.cert.subject,
    ...validity(lifetimeMs),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: ca.keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      ...extensions,
      await x509.AuthorityKeyIdentifierExtension.create(ca.cert.publicKey),
    ],
  });
  return { cert: cert.toString('pem'), key: await privatePem(keys) };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function privatePem(keys: webcrypto.CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString();
}

/** 16 random bytes; the first keeps the number positive and without a leading zero (RFC 5280, 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function validity(lifetimeMs: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - backdateMs), notAfter: new Date(now + lifetimeMs) };
}
