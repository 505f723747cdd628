import { type FieldFault, invalidField } from '../errors.ts';
import { apiServerFlags, etcdFlags, flagValues } from '../schemas/flags.ts';
import type { SandboxSpecInput } from '../schemas/spec.ts';

/** Throws `argument_not_allowed` with a pointer to each flag that is outside the allow-lists. */
export function checkArguments(spec: SandboxSpecInput): void {
  const faults = [
    ...faultsOf('/spec/apiServer/extraArgs', spec.apiServer.extraArgs, apiServerFlags),
    ...faultsOf('/spec/etcd/extraArgs', spec.etcd.extraArgs, etcdFlags),
  ];
  const [first, ...more] = faults;
  if (!first) return;
  const error = invalidField(first.pointer, first.detail, 'argument_not_allowed');
  throw more.length === 0 ? error : Object.assign(error, { faults });
}

function faultsOf(pointer: string, args: Record<string, string>, allowed: readonly string[]): FieldFault[] {
  return Object.entries(args).flatMap(([name, value]) => {
    const detail = faultOf(name, value, allowed);
    return detail === null ? [] : [{ pointer: `${pointer}/${name}`, detail }];
  });
}

function faultOf(name: string, value: string, allowed: readonly string[]): string | null {
  if (!allowed.includes(name)) return `is not a flag that can be set here; allowed are: ${allowed.join(', ')}`;
  if (!Object.hasOwn(flagValues, name)) return null;
  const { pattern, description } = flagValues[name as keyof typeof flagValues];
  return new RegExp(pattern).test(value) ? null : `must be ${description}`;
}
