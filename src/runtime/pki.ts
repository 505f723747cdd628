// @peculiar/x509 finds its own parts by this.
import 'reflect-metadata';
import { KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  type Name,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import ipaddr from 'ipaddr.js';

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

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

interface Ca {
  readonly subject: Name;
  readonly privateKey: webcrypto.CryptoKey;
  /** Says in each certificate which key has signed it. */
  readonly signedBy: Extension;
}

/** Makes all keys and certificates of a sandbox: EC P-256, valid for a year (the CA for ten). */
export async function createCredentials(names: readonly string[]): Promise<Credentials> {
  const { caCert, ca } = await createCa();
  const server = await issueServer(ca, names);
  const admin = await issueClient(ca, 'sandplane-admin', adminGroup, yearMs);
  const serviceAccount = await generateKeys();
  return {
    caCert,
    caKey: pem(ca.privateKey, 'pkcs8'),
    serverCert: server.cert,
    serverKey: server.key,
    serviceAccountKey: pem(serviceAccount.privateKey, 'sec1'),
    serviceAccountPub: pem(serviceAccount.publicKey, 'spki'),
    adminCert: admin.cert,
    adminKey: admin.key,
  };
}

/**
 * A client certificate of system:masters, by default for ten minutes: it binds our admin group in a data set that has
 * never been booted. It is never written to a file.
 */
export async function createBootstrapCertificate(
  { caCert, caKey }: Credentials,
  lifetimeMs = 10 * 60_000,
): Promise<CertificateAndKey> {
  const { subjectName: subject, publicKey } = new X509Certificate(caCert);
  const der = PemConverter.decodeFirst(caKey);
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
  const ca = { subject, privateKey, signedBy: await AuthorityKeyIdentifierExtension.create(publicKey) };
  return await issueClient(ca, 'sandplane-bootstrap', 'system:masters', lifetimeMs);
}

async function createCa(): Promise<{ caCert: string; ca: Ca }> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [`sandplane-ca-${randomBytes(4).toString('hex')}`] }],
    keys,
    signingAlgorithm: algorithm,
    ...validity(10 * yearMs),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const signedBy = await AuthorityKeyIdentifierExtension.create(keys.publicKey);
  const ca = { subject: certificate.subjectName, privateKey: keys.privateKey, signedBy };
  return { caCert: certificate.toString('pem'), ca };
}

async function issueServer(ca: Ca, names: readonly string[]): Promise<CertificateAndKey> {
  const general = names.map((name) =>
    // Written out, as the library reads no IPv4 address within an IPv6 address.
    isIP(name)
      ? { type: 'ip' as const, value: ipaddr.parse(name).toNormalizedString() }
      : { type: 'dns' as const, value: name },
  );
  return await issue(ca, [{ CN: ['kube-apiserver'] }], yearMs, [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension(general),
  ]);
}

async function issueClient(ca: Ca, user: string, group: string, lifetimeMs: number): Promise<CertificateAndKey> {
  const subject = [{ CN: [user] }, { O: [group] }];
  return await issue(ca, subject, lifetimeMs, [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])]);
}

async function issue(
  ca: Ca,
  subject: Record<string, string[]>[],
  lifetimeMs: number,
  own: readonly Extension[],
): Promise<CertificateAndKey> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: ca.subject,
    publicKey: keys.publicKey,
    signingKey: ca.privateKey,
    signingAlgorithm: algorithm,
    ...validity(lifetimeMs),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      ...own,
      ca.signedBy,
    ],
  });
  return { cert: certificate.toString('pem'), key: pem(keys.privateKey, 'pkcs8') };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

function pem(key: webcrypto.CryptoKey, type: 'pkcs8' | 'sec1' | 'spki'): string {
  return KeyObject.from(key).export({ type, format: 'pem' }).toString();
}

function validity(lifetimeMs: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - backdateMs), notAfter: new Date(now + lifetimeMs) };
}
