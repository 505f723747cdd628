import { Listr, type ListrTask } from 'listr2';

/** One thing that is done while the service comes up. `tell` says how far it is. */
export interface Step {
  readonly title: string;
  readonly run: (tell: (progress: string) => void) => Promise<string | undefined>;
}

/** Runs steps in order: as a live list in a terminal, as plain lines behind a pipe. A step returns what came of it. */
export async function runSteps(steps: readonly Step[]): Promise<void> {
  if (process.stdout.isTTY) await asList(steps);
  else await asLines(steps);
}

async function asList(steps: readonly Step[]): Promise<void> {
  const tasks = steps.map(
    (step): ListrTask => ({
      title: step.title,
      task: async (_context, task) => {
        const outcome = await step.run((progress) => {
          task.output = progress;
        });
        if (outcome) task.title = `${step.title}: ${outcome}`;
      },
    }),
  );
  // Whoever runs the steps tells the error: here it would be told twice.
  await new Listr(tasks, { registerSignalListeners: false, rendererOptions: { showErrorMessage: false } }).run();
}

async function asLines(steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    print(`${step.title} ...`);
    const started = performance.now();
    const outcome = await step.run((progress) => print(`  ${progress}`));
    print(`${step.title}: ${outcome ?? 'done'} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  }
}

export function print(text = ''): void {
  process.stdout.write(`${text}\n`);
}
