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
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
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
  /** Of one of `system:masters`, as the first kubeconfig of every cluster is: no change of RBAC locks it out. */
  readonly adminCert: string;
  readonly adminKey: string;
  /** The front proxy: by these kube-apiserver tells an aggregated API who calls. Its CA signs nothing else. */
  readonly proxyCaCert: string;
  readonly proxyCert: string;
  readonly proxyKey: string;
}

export interface CertificateAndKey {
  readonly cert: string;
  readonly key: string;
}

/** The name of the front proxy: kube-apiserver is told to take requests of no other. */
export const proxyUser = 'front-proxy-client';

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

/** Makes all keys and certificates of a sandbox: EC P-256, valid for a year (the CAs for ten). */
export async function createCredentials(names: readonly string[]): Promise<Credentials> {
  const [{ caCert, ca }, proxy, serviceAccount] = await Promise.all([
    createCa('sandplane-ca'),
    createCa('sandplane-front-proxy-ca'),
    generateKeys(),
  ]);
  const [server, admin, proxyClient] = await Promise.all([
    issueServer(ca, names),
    issueClient(ca, { CN: 'sandplane-admin', O: 'system:masters' }),
    issueClient(proxy.ca, { CN: proxyUser }),
  ]);
  return {
    caCert,
    caKey: pem(ca.privateKey, 'pkcs8'),
    serverCert: server.cert,
    serverKey: server.key,
    serviceAccountKey: pem(serviceAccount.privateKey, 'sec1'),
    serviceAccountPub: pem(serviceAccount.publicKey, 'spki'),
    adminCert: admin.cert,
    adminKey: admin.key,
    proxyCaCert: proxy.caCert,
    proxyCert: proxyClient.cert,
    proxyKey: proxyClient.key,
  };
}

async function createCa(name: string): Promise<{ caCert: string; ca: Ca }> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [`${name}-${randomBytes(4).toString('hex')}`] }],
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
  return await issue(
    ca,
    [{ CN: ['kube-apiserver'] }],
    [new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]), new SubjectAlternativeNameExtension(general)],
  );
}

async function issueClient(ca: Ca, name: Record<string, string>): Promise<CertificateAndKey> {
  const subject = Object.entries(name).map(([type, value]) => ({ [type]: [value] }));
  return await issue(ca, subject, [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])]);
}

async function issue(
  ca: Ca,
  subject: Record<string, string[]>[],
  own: readonly Extension[],
): Promise<CertificateAndKey> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: ca.subject,
    publicKey: keys.publicKey,
    signingKey: ca.privateKey,
    signingAlgorithm: algorithm,
    ...validity(yearMs),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      ...own,
      ca.signedBy,
    ],
  });
  // Not PKCS #8, as kubeconfigs of kubeadm have it too: some clients (fabric8 for Java) read EC keys in this form only.
  return { cert: certificate.toString('pem'), key: pem(keys.privateKey, 'sec1') };
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
