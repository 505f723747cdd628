import type { Answer, OpenApiDocument, Operation } from './document.ts';
import { mapOperations, operationsOf } from './names.ts';
import { mapValues } from './walk.ts';

/** Where the value of a parameter of the next operation is found (OpenAPI's runtime expressions). */
type Values = Readonly<Record<string, string>>;

interface Follow {
  /** The operations and statuses whose answers lead on. */
  readonly from: readonly (readonly [operationId: string, ...statuses: number[]])[];
  readonly to: readonly string[];
  readonly values: Values;
}

const own = '$response.body#/';

const follows: readonly Follow[] = [
  {
    from: [
      ['createSandbox', 201, 202],
      ['getSandbox', 200],
      ['updateSandbox', 200],
      ['waitForSandbox', 200],
    ],
    to: [
      'getSandbox',
      'updateSandbox',
      'deleteSandbox',
      'waitForSandbox',
      'getKubeconfig',
      'getLogs',
      'listSandboxEvents',
      'watchSandbox',
    ],
    values: { id: `${own}id` },
  },
  {
    from: [['deleteSandbox', 202]],
    to: ['getSandbox', 'waitForSandbox', 'listSandboxEvents'],
    values: { id: `${own}id` },
  },
  { from: [['listSandboxes', 200]], to: ['watchSandboxes'], values: { since: `${own}since` } },
  {
    from: [
      ['createProject', 201],
      ['getProject', 200],
      ['updateProject', 200],
    ],
    to: ['getProject', 'updateProject', 'deleteProject', 'createKey', 'listKeys'],
    values: { project: `${own}name` },
  },
  {
    from: [
      ['createKey', 201],
      ['getKey', 200],
    ],
    to: ['getKey', 'revokeKey'],
    values: { project: '$request.path.project', key: `${own}id` },
  },
  {
    from: [
      ['createWebhook', 201],
      ['getWebhook', 200],
      ['updateWebhook', 200],
      ['rotateWebhookSecret', 200],
    ],
    to: ['getWebhook', 'updateWebhook', 'deleteWebhook', 'rotateWebhookSecret', 'listDeliveries'],
    values: { id: `${own}id` },
  },
  {
    from: [
      ['getDelivery', 200],
      ['replayDelivery', 202],
    ],
    to: ['getDelivery', 'replayDelivery'],
    values: { id: `${own}webhookId`, delivery: `${own}id` },
  },
];

const nextPage = { cursor: `${own}nextCursor` };
const pages: Readonly<Record<string, Values>> = {
  listSandboxes: nextPage,
  listProjects: nextPage,
  listKeys: { project: '$request.path.project', ...nextPage },
  listAudit: nextPage,
  listWebhooks: nextPage,
  listDeliveries: { id: '$request.path.id', ...nextPage },
};

/** What can be done next with what an answer holds. Throws when an operation or a parameter is not there. */
export function addLinks(document: OpenApiDocument): OpenApiDocument {
  const known = new Map(operationsOf(document).map((operation) => [operation.operationId, operation]));
  const link = (operationId: string, parameters: Values) => {
    const target = known.get(operationId);
    const missing = Object.keys(parameters).filter((name) => !target?.parameters?.some((one) => one.name === name));
    if (!target || missing.length > 0) throw new Error(`no link to ${operationId}: ${missing}`);
    return { operationId, description: String(target.summary), parameters };
  };
  const linksOf = (operationId: string, status: string) => {
    const next = pages[operationId];
    const entries = follows
      .filter(({ from }) => from.some(([id, ...statuses]) => id === operationId && statuses.includes(Number(status))))
      .flatMap(({ to, values }) => to.filter((id) => id !== operationId).map((id) => [id, link(id, values)] as const));
    if (next && status === '200') entries.push(['nextPage', link(operationId, next)]);
    return Object.fromEntries(entries);
  };
  return mapOperations(document, (operation: Operation) => ({
    ...operation,
    responses: mapValues(operation.responses, (answer: Answer, status) => {
      const links = linksOf(operation.operationId, status);
      return Object.keys(links).length > 0 ? { ...answer, links } : answer;
    }),
  }));
}
