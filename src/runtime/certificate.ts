import { hash, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import * as asn1 from 'asn1js';
import ipaddr from 'ipaddr.js';

export interface CertificateRequest {
  readonly subject: asn1.Sequence;
  readonly publicKey: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly asn1.Sequence[];
}

export interface Issuer {
  readonly subject: asn1.Sequence;
  readonly privateKey: KeyObject;
}

const oids = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

/**
 * A certificate (X.509, RFC 5280) as PEM, signed by ECDSA with SHA-256. A library that knows all kinds of them takes 26 ms of
 * CPU for the three of a start; this knows the few that a sandbox has, and takes a fifth.
 */
export function signCertificate(request: CertificateRequest, issuer: Issuer): string {
  const algorithm = sequence(oid('ecdsaWithSha256'));
  const tbs = sequence(
    explicit(0, number(2)),
    new asn1.Integer({ valueHex: bytes(serialNumber()) }),
    algorithm,
    issuer.subject,
    sequence(time(request.notBefore), time(request.notAfter)),
    request.subject,
    parse(request.publicKey.export({ type: 'spki', format: 'der' })),
    explicit(3, sequence(...request.extensions)),
  );
  const signature = sign('sha256', Buffer.from(tbs.toBER()), issuer.privateKey);
  const certificate = sequence(tbs, algorithm, new asn1.BitString({ valueHex: bytes(signature) }));
  return new X509Certificate(Buffer.from(certificate.toBER())).toString();
}

/** A distinguished name, in the order that it is given. */
export function distinguishedName(parts: {
  readonly commonName: string;
  readonly organization?: string;
}): asn1.Sequence {
  const attribute = (type: 'commonName' | 'organization', value: string) =>
    new asn1.Set({ value: [sequence(oid(type), new asn1.Utf8String({ value }))] });
  const { commonName, organization } = parts;
  return sequence(
    attribute('commonName', commonName),
    ...(organization === undefined ? [] : [attribute('organization', organization)]),
  );
}

/** The subject of a certificate (DER), byte for byte: an issuer is found by that. */
export function subjectOf(certificate: Buffer): asn1.Sequence {
  const [tbs] = parse(certificate).valueBlock.value as asn1.Sequence[];
  // Behind version, serial number, algorithm, issuer and validity.
  return tbs?.valueBlock.value[5] as asn1.Sequence;
}

export const extensions = {
  authority: () => extension('basicConstraints', true, sequence(new asn1.Boolean({ value: true }), number(0))),
  endEntity: () => extension('basicConstraints', true, sequence()),
  /** Bits 5 and 6: keyCertSign and cRLSign. */
  signsCertificates: () => extension('keyUsage', true, bits(0b0000_0110, 1)),
  /** Bit 0: digitalSignature. */
  signs: () => extension('keyUsage', true, bits(0b1000_0000, 7)),
  purpose: (purpose: 'serverAuth' | 'clientAuth') => extension('extKeyUsage', false, sequence(oid(purpose))),
  subjectKey: (key: KeyObject) =>
    extension('subjectKeyIdentifier', false, new asn1.OctetString({ valueHex: bytes(identifierOf(key)) })),
  authorityKey: (key: KeyObject) =>
    extension('authorityKeyIdentifier', false, sequence(implicit(0, identifierOf(key)))),
  /** DNS names and IP addresses. */
  names: (names: readonly string[]) => extension('subjectAltName', false, sequence(...names.map(generalName))),
};

function extension(type: keyof typeof oids, isCritical: boolean, value: asn1.BaseBlock): asn1.Sequence {
  const critical = isCritical ? [new asn1.Boolean({ value: true })] : [];
  return sequence(oid(type), ...critical, new asn1.OctetString({ valueHex: value.toBER() }));
}

function generalName(name: string): asn1.BaseBlock {
  return isIP(name)
    ? implicit(7, Buffer.from(ipaddr.parse(name).toByteArray()))
    : implicit(2, Buffer.from(name, 'ascii'));
}

/** SHA-1 of the public key's bits (RFC 5280, 4.2.1.2, the first method): of P-256, the last 65 bytes of its SPKI. */
function identifierOf(key: KeyObject): Buffer {
  const spki = key.export({ type: 'spki', format: 'der' });
  return hash('sha1', spki.subarray(-65), 'buffer');
}

/** 16 random bytes; the first keeps the number positive and without a leading zero (RFC 5280, 4.1.2.2). */
function serialNumber(): Buffer {
  const number = randomBytes(16);
  number[0] = ((number[0] ?? 0) & 0x7f) | 0x40;
  return number;
}

/** Whole seconds; the form depends on the year (RFC 5280, 4.1.2.5). */
function time(at: Date): asn1.BaseBlock {
  const valueDate = new Date(Math.floor(at.getTime() / 1000) * 1000);
  return at.getUTCFullYear() < 2050 ? new asn1.UTCTime({ valueDate }) : new asn1.GeneralizedTime({ valueDate });
}

function parse(der: Buffer): asn1.Sequence {
  return asn1.fromBER(bytes(der)).result as asn1.Sequence;
}

const sequence = (...value: asn1.BaseBlock[]) => new asn1.Sequence({ value });
const oid = (name: keyof typeof oids) => new asn1.ObjectIdentifier({ value: oids[name] });
const number = (value: number) => new asn1.Integer({ value });
const bits = (byte: number, unusedBits: number) =>
  new asn1.BitString({ valueHex: new Uint8Array([byte]).buffer, unusedBits });
const contextTag = (tagNumber: number) => ({ tagClass: 3, tagNumber });
const explicit = (tag: number, value: asn1.BaseBlock) =>
  new asn1.Constructed({ idBlock: contextTag(tag), value: [value] });
const implicit = (tag: number, value: Buffer) =>
  new asn1.Primitive({ idBlock: contextTag(tag), valueHex: bytes(value) });
/** A copy of its own: buffers of Node share theirs. */
const bytes = (buffer: Buffer) => new Uint8Array(buffer).buffer;
