import { type ErrorCode, errorTable, untold } from '../../src/errors.ts';
import { exampleSandbox } from '../../src/schemas/examples.ts';
import type { Problem } from '../../src/schemas/problem.ts';

type Said = Pick<Problem, 'detail' | 'errors' | 'limit' | 'fresh'>;

/** A problem with one faulty field, whose fault is the detail of the problem as well. */
const fault = (pointer: string, detail: string): Said => ({ detail, errors: [{ pointer, detail }] });
const authorization = (detail: string) => fault('#header/authorization', detail);
const id = exampleSandbox.id;

/** What the service says of each code that a request may fail with. */
const said: Partial<Record<ErrorCode, Said>> = {
  validation_failed: {
    detail: '/spec/ttlSeconds must be >= 1',
    errors: [{ pointer: '/spec/ttlSeconds', detail: 'must be >= 1' }],
  },
  malformed_body: { detail: 'The body is not JSON.' },
  malformed_request: { detail: 'The path is not a valid one (RFC 3986): check its percent-encoding.' },
  unsupported_version: fault(
    '/spec/kubernetesVersion',
    '9.9 is not offered. Ask for "latest", for one of 1.37.2, 1.36.3, 1.34.4, or for another exact version of 1.34.x to 1.37.x.',
  ),
  argument_not_allowed: fault(
    '/spec/apiServer/extraArgs/authorization-mode',
    'is not an allowed flag; allowed are: max-requests-inflight, v',
  ),
  arguments_conflict: fault(
    '/spec/apiServer/extraArgs/enable-admission-plugins',
    'must not name ServiceAccount: it is off, since nothing in a sandbox makes default ServiceAccounts',
  ),
  unsupported_media_type: { detail: 'Send JSON, with Content-Type: application/json.' },
  not_acceptable: { detail: 'It is had as application/yaml or application/json: Accept names none of them.' },
  body_too_large: { detail: 'The body must have at most 65536 bytes.' },
  headers_too_large: { detail: 'The headers must have at most 16384 bytes together.' },
  request_timeout: { detail: 'The whole request must be there within 30 s.' },
  unauthenticated: authorization('Send the header "Authorization: Bearer <key>" with a valid key.'),
  key_malformed: authorization('The key is not one: keys look like sandplane_<id>_<secret>, without a line break.'),
  key_checksum_mismatch: authorization('The key has a wrong checksum: it was mistyped or cut off; copy it again.'),
  key_expired: authorization('The key expired at 2026-11-23T12:00:00.000Z; ask for another.'),
  key_revoked: authorization('The key was revoked at 2026-11-23T12:00:00.000Z; ask for another.'),
  token_malformed: authorization(
    'The token is not a signed JWT (RFC 7519): send header.payload.signature, as the issuer gave it.',
  ),
  token_issuer_unknown: authorization(
    'The issuer of the token is not configured here; send a key, or a token of an issuer that is.',
  ),
  token_audience_mismatch: authorization('The token is for another audience; get one for sandplane.'),
  token_expired: authorization('The token has expired; get another.'),
  token_not_yet_valid: authorization(
    'The token is not valid yet; wait, or set the clock of the issuer or of this host.',
  ),
  token_algorithm_not_allowed: authorization('The token must be signed by one of RS256, ES256, EdDSA.'),
  token_signature_invalid: authorization(
    'The token is not signed by the key of https://issuer.example.com that its header names (kid); get another from there.',
  ),
  token_claims_missing: authorization('The token lacks the claim exp; it needs iss, aud, sub and exp.'),
  token_not_mapped: authorization('The token is genuine, but no rule of its issuer matches its claims.'),
  oidc_unavailable: { detail: 'The issuer https://issuer.example.com does not tell its keys now; try again in 5 s.' },
  insufficient_scope: authorization('This needs the scope write; key:4k2x9q7m3v8t has read.'),
  not_found: fault('#header/sandplane-project', 'There is no project team-b.'),
  idempotency_in_flight: { detail: 'The first request with this Idempotency-Key is not answered yet.' },
  idempotency_mismatch: fault('#header/idempotency-key', 'was used with another request'),
  precondition_failed: fault('#header/if-match', 'The ETag is "8" now. Read it again and decide again.'),
  kubeconfig_unavailable: { detail: `${id} is provisioning; it has a kubeconfig once it is ready.` },
  logs_unavailable: { detail: 'This component has not written a log yet.' },
  phase_unreachable: { detail: `${id} is deleting and will not become ready.` },
  wait_timeout: { detail: `${id} is provisioning, not ready, after 60 s.` },
  project_exists: { detail: 'There is a project team-a already. Choose another name.' },
  project_not_empty: fault(
    '#query/sandboxes',
    'The project team-a has 3 sandboxes. Delete them first, or take them along with ?sandboxes=delete.',
  ),
  project_protected: { detail: 'The project default is the one that is always there.' },
  project_deleting: { detail: 'The project team-a is being deleted: it takes nothing new.' },
  sandbox_deleting: { detail: `${id} is being deleted, and cannot be changed any more.` },
  quota_exceeded: {
    detail:
      'The project team-a is at its limit sandboxes: 100 are allowed, 100 are used or asked for. Delete one that is not needed, or have the limit raised by who runs this service.',
    limit: { name: 'sandboxes', value: 100, used: 100 },
  },
  rate_limited: {
    detail: 'The project team-a may send 6000 requests in 60 s to this process. Wait 17 s.',
    limit: { name: 'requests', value: 6000 },
  },
  too_many_watchers: {
    detail: '2500 watches of the project are open here; 2500 are allowed. Close some.',
    limit: { name: 'watchers', value: 2500, used: 2500 },
  },
  watch_expired: {
    detail:
      'The event log does not go back that far. Take `fresh.items` as the state and resume with since=1763900000000-0.',
    fresh: { items: [exampleSandbox], since: '1763900000000-0', complete: true },
  },
  invalid_cursor: fault('#query/cursor', 'is not a cursor of this service; begin without one'),
  invalid_selector: fault('#query/label', '"a in b" is none of: a=b, a!=b, a in (b,c), a notin (b,c), a, !a'),
  webhook_address_forbidden: fault(
    '/url',
    "ci.example.com resolves to an address that is not public; the service's setting SANDPLANE_WEBHOOK_ALLOWED_RANGES can allow it",
  ),
  webhook_unresolvable: fault('/url', 'ci.example.com does not resolve to an address'),
  webhook_disabled: { detail: 'wh-4k2x9q7m3v8t1c6z0w5y is disabled: enable it first, with {"disabled": false}.' },
  delivery_pending: {
    detail: 'dl-1763900000000-0-4k2x9q7m3v8t1c6z0w5y is being tried; it can be replayed once that has ended.',
  },
  no_worker: { detail: 'No worker offers the runtime docker now; offered: process.' },
  disk_full: {
    detail:
      'There is no room for another sandbox: worker-1 has 812 MiB free and keeps 1024 (SANDPLANE_DISK_RESERVE_MIB). Delete some, or make room on the disk of the data folder.',
  },
  store_unavailable: {
    detail: 'The store does not answer. Try again; with an Idempotency-Key a repeated create is safe.',
  },
  shutting_down: { detail: 'The service is stopping. Try again.' },
  internal: { detail: untold },
};

/** A problem as it is answered with this code. Throws for a code that no request is answered with. */
export function problemExample(code: ErrorCode): { summary: string; value: Problem } {
  const { http: status, title } = errorTable[code];
  const what = said[code];
  if (!what) throw new Error(`no example of a problem with the code ${code}`);
  const requestId = 'req-1b4e28ba-2fa1-41d2-883f-0016d3cca427';
  return { summary: title, value: { type: 'about:blank', title, status, code, requestId, ...what } };
}
