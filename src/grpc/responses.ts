import { toYaml } from '../operations/yaml.ts';
import type { Fields } from './requests.ts';

/** The field of the response that holds the resource. Lists and reports are the response themselves. */
const holds: readonly [RegExp, string][] = [
  [/^(create|get|update|delete|waitFor)Sandbox$/, 'sandbox'],
  [/^(create|get|update|delete)Project$/, 'project'],
  [/^(create|get)Key$/, 'key'],
  [/^(create|get|update|rotate)Webhook(Secret)?$/, 'webhook'],
  [/^(get|replay)Delivery$/, 'delivery'],
];

/** The field of the response that holds the resource, if one does. */
export function heldIn(operationId: string): string | undefined {
  return holds.find(([operations]) => operations.test(operationId))?.[1];
}

/** The body of REST's answer as the fields of the response. A new secret stands beside what it is of. */
export function toResponse(operationId: string, body: unknown): Fields {
  if (body === null) return {};
  const fields = (typeof body === 'string' ? JSON.parse(body) : body) as Fields;
  if (operationId === 'getKubeconfig') return { kubeconfig: toYaml(fields) };
  const name = heldIn(operationId);
  if (name === undefined) return fields;
  const { secret, ...resource } = fields;
  return { [name]: resource, secret };
}
