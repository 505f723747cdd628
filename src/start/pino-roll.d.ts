/** The part that is used of pino-roll, which has no types of its own. */
declare module 'pino-roll' {
  import type { pino } from 'pino';

  interface RollOptions {
    /** `logs/service.log` becomes `logs/service.1.log`, `logs/service.2.log` and so on. */
    readonly file: string;
    /** A number and k, m or g. */
    readonly size: string;
    /** How many files are kept, the present one included, also of earlier runs. */
    readonly limit: { readonly count: number; readonly removeOtherLogFiles: true };
    /** Makes `current.log`, in the same folder, a link to the present file. */
    readonly symlink: true;
    readonly sync: boolean;
    /** Of what could not be written; lines beyond it are lost. */
    readonly maxLength: number;
  }

  export default function roll(options: RollOptions): Promise<ReturnType<typeof pino.destination>>;
}
