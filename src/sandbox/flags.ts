import { AppError, type ErrorCode, type FieldFault } from '../errors.ts';
import { apiServerFlags, etcdFlags, flagValues } from '../schemas/flags.ts';
import type { SandboxSpecInput } from '../schemas/spec.ts';
import { contradictionsIn } from './contradictions.ts';

/**
 * Throws with a pointer to each fault: `argument_not_allowed` for flags outside the allow-lists, else `arguments_conflict` for
 * what cannot work together.
 */
export function checkArguments(spec: SandboxSpecInput): void {
  refuse('argument_not_allowed', [
    ...faultsOf('/spec/apiServer/extraArgs', spec.apiServer.extraArgs, apiServerFlags),
    ...faultsOf('/spec/etcd/extraArgs', spec.etcd.extraArgs, etcdFlags),
  ]);
  refuse('arguments_conflict', contradictionsIn(spec));
}

function refuse(code: ErrorCode, faults: FieldFault[]): void {
  const [first] = faults;
  if (first) throw new AppError(code, first.detail, { faults });
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
