import { open, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { sandboxIdPattern } from '../../src/runtime/driver.ts';
import { commandOf, findProcesses, type ProcessFacts } from '../../src/runtime/process-identity.ts';
import type { Hit, Machine, Strike, Thing } from './machine.ts';
import type { Random } from './random.ts';
import { freeze, killAll, send } from './signals.ts';

const idInText = /sb-[0-9a-z]{20}/;
const damages = ['{}', '[]', '123', '"', '', '{"pid":1,"started":"x","specHash":"y"}', 'null'];

/** The sandboxes of the process runtime below a data folder. */
export function processMachine(dataDir: string): Machine {
  const root = path.join(dataDir, 'sandboxes');

  async function components(): Promise<(ProcessFacts & { command: string; sandboxId: string })[]> {
    const found = await findProcesses(`${root}/`);
    return found
      .map((one) => ({
        ...one,
        command: commandOf(one.commandLine),
        sandboxId: idInText.exec(one.commandLine)?.[0] ?? '',
      }))
      .filter(({ command }) => ['etcd', 'kube-apiserver'].includes(command));
  }

  async function folders(): Promise<Thing[]> {
    const names = async (...below: string[]) => await readdir(path.join(root, ...below)).catch(() => []);
    const all = [...(await names()), ...(await names('service')).map((name) => `service/${name}`)];
    return all.filter((name) => name !== 'service').map((name) => ({ sandboxId: idIn(name), kind: 'folder', name }));
  }

  const ofCommand = async (command: string) => (await components()).filter((one) => one.command === command);
  const onOne = (command: string, strike: (one: ProcessFacts, random: Random) => Promise<string>): Strike =>
    async function onComponent(random) {
      const hit = random.pick(await ofCommand(command));
      return hit ? { sandboxId: hit.sandboxId, what: `${await strike(hit, random)} ${command}` } : null;
    };
  const kill = async (one: ProcessFacts) => {
    await killAll([one]);
    return 'SIGKILL to';
  };
  const stop = async (one: ProcessFacts, random: Random) => `SIGSTOP for ${await freeze(one, random)} s of`;

  async function killPair(random: Random): Promise<Hit | null> {
    const all = await components();
    const sandboxId = random.pick(all)?.sandboxId;
    await killAll(all.filter((one) => one.sandboxId === sandboxId));
    return sandboxId ? { sandboxId, what: 'SIGKILL to all of' } : null;
  }

  async function killEvery(command: string): Promise<Hit | null> {
    const all = await ofCommand(command);
    await killAll(all);
    return all.length > 0 ? { what: `SIGKILL to every ${command} (${all.length})` } : null;
  }

  async function removeFolder(random: Random): Promise<Hit | null> {
    const found = (await folders()).filter(({ name }) => sandboxIdPattern.test(name));
    const hit = random.pick(found);
    if (!hit) return null;
    await rm(path.join(root, hit.name), { recursive: true, force: true });
    return { sandboxId: hit.sandboxId, what: 'removed the folder of', takesData: true };
  }

  async function damageNote(random: Random): Promise<Hit | null> {
    const hit = random.pick((await folders()).filter(({ name }) => name.startsWith('service/')));
    const notes = hit ? path.join(root, hit.name, 'run') : '';
    const names = hit ? await readdir(notes).catch(() => []) : [];
    const name = random.pick(names);
    const text = random.pick(damages) ?? '';
    if (!hit || !name) return null;
    if (!(await overwrite(path.join(notes, name), text))) return null;
    return { sandboxId: hit.sandboxId, what: `wrote ${text || 'nothing'} into the note ${name} of` };
  }

  return {
    env: {},
    async things() {
      const running = (await components()).map(({ sandboxId, command }) => ({
        sandboxId,
        kind: 'component',
        name: command,
      }));
      return [...running, ...(await folders()), ...(await listeners(await components()))];
    },
    faults: {
      'kill-etcd': [3, onOne('etcd', kill)],
      'kill-apiserver': [3, onOne('kube-apiserver', kill)],
      'kill-pair': [2, killPair],
      'kill-every-etcd': [1, () => killEvery('etcd')],
      'kill-every-apiserver': [1, () => killEvery('kube-apiserver')],
      'freeze-etcd': [2, onOne('etcd', stop)],
      'freeze-apiserver': [2, onOne('kube-apiserver', stop)],
      'remove-folder': [1, removeFolder],
      'damage-note': [2, damageNote],
    },
    clear: async () => await killAll(await components()),
    async heal() {
      for (const one of await components()) await send(one, 'SIGCONT');
    },
  };
}

/** False when there is no such file, as that of a sandbox that is gone by now: it is not made. */
async function overwrite(name: string, text: string): Promise<boolean> {
  const file = await open(name, 'r+').catch(() => null);
  if (!file) return false;
  try {
    await file.truncate();
    await file.writeFile(text);
    return true;
  } finally {
    await file.close();
  }
}

function idIn(name: string): string {
  return idInText.exec(name)?.[0] ?? '';
}

/** The ports that components listen on, by what the system says of their sockets. Known on Linux only. */
async function listeners(
  components: readonly { pid: number; commandLine: string; sandboxId: string }[],
): Promise<Thing[]> {
  const found: Thing[] = [];
  for (const { pid, commandLine, sandboxId } of components) {
    const named = /--secure-port=(\d+)/.exec(commandLine)?.[1];
    const text = await readFile(`/proc/${pid}/net/tcp`, 'utf8').catch(() => '');
    const isOpen =
      named !== undefined && text.includes(`:${Number(named).toString(16).toUpperCase()} 00000000:0000 0A`);
    if (named && isOpen) found.push({ sandboxId, kind: 'port', name: named });
  }
  return found;
}
