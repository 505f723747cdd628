/** One call of Schemathesis: which phases, over which operations. */
export interface Part {
  readonly name: string;
  readonly phases: readonly string[];
  /** Its options that choose operations. */
  readonly chosen: readonly string[];
  /** Chains of requests at most. */
  readonly chains: number;
}

interface Wanted {
  /** Who asks, for the names of the parts. */
  readonly who: string;
  /** Random requests for each operation. */
  readonly examples: number;
  readonly phases: readonly string[];
  /** An `operationId` each; without any, all operations. */
  readonly operations: readonly string[];
}

/** What is read of an operation of the document. */
interface Operation {
  readonly tags?: readonly string[];
  readonly responses?: Readonly<Record<string, { readonly links?: object }>>;
}

/** Chains for each operation of a resource, for each random request of an operation. */
const chainsForEach = 1 / 5;

/**
 * The phases of requests that stand alone over all operations at once, then the chains of requests of each resource by
 * themselves. Over all operations, few links were followed: Hypothesis ends the phase at the first chain that does not
 * repeat as it was, for what other chains had made since, and that came early.
 */
export async function partsOf(url: string, { who, examples, phases, operations }: Wanted): Promise<Part[]> {
  const chosen = operations.flatMap((id) => ['--include-operation-id', id]);
  const alone = phases.filter((phase) => phase !== 'stateful');
  const parts: Part[] = alone.length > 0 ? [{ name: who, phases: alone, chosen, chains: 0 }] : [];
  if (!phases.includes('stateful')) return parts;
  const chainsOf = (count: number) => Math.ceil(count * examples * chainsForEach);
  if (operations.length > 0) {
    const chains = chainsOf(operations.length);
    return [...parts, { name: `${who}, chains`, phases: ['stateful'], chosen, chains }];
  }
  const resources = await linkedResources(url);
  const chained = resources.map(({ tag, linked }) => ({
    name: `${who}, chains of ${tag}`,
    phases: ['stateful'],
    chosen: ['--include-tag', tag],
    chains: chainsOf(linked),
  }));
  return [...parts, ...chained];
}

/** The tags of the document whose operations have links, with how many of them have. */
async function linkedResources(url: string): Promise<{ tag: string; linked: number }[]> {
  const response = await fetch(`${url}/openapi.json`);
  const { paths } = (await response.json()) as { paths: Record<string, Record<string, Operation>> };
  const counts = new Map<string, number>();
  for (const { tags = [], responses = {} } of Object.values(paths).flatMap((item) => Object.values(item))) {
    if (!Object.values(responses).some(({ links }) => links)) continue;
    for (const tag of tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  }
  return [...counts].map(([tag, linked]) => ({ tag, linked }));
}
