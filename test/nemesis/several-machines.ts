import type { Machine, Strike } from './machine.ts';
import type { Random } from './random.ts';

/** Of machines of one kind: a fault strikes one of them. */
export function severalMachines(all: readonly Machine[]): Machine {
  const onOne = (name: string): Strike =>
    async function strikeOne(random: Random) {
      return (await random.pick(all)?.faults[name]?.[1](random)) ?? null;
    };
  const faults = Object.entries(all[0]?.faults ?? {}).map(([name, [weight]]) => [name, [weight, onOne(name)] as const]);
  return {
    env: Object.assign({}, ...all.map(({ env }) => env)),
    things: async () => (await Promise.all(all.map((one) => one.things()))).flat(),
    faults: Object.fromEntries(faults),
    heal: async () => void (await Promise.all(all.map((one) => one.heal()))),
    clear: async () => void (await Promise.all(all.map((one) => one.clear()))),
  };
}
