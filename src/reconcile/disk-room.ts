import { diskOf } from '../runtime/disk.ts';
import { type DiskReport, hasRoom } from '../sandbox/hosts.ts';

/** A new sandbox takes 128 MB at once, the log of its etcd, and more as it is used: room for some, and for all that runs. */
const usualReserveMiB = 1024;
/** Of a disk on which that were too much. */
const reserveShare = 0.2;
/** etcd makes its next log file, of 64 MB, when it starts. */
const restartMiB = 64;

export type DiskRoom = ReturnType<typeof createDiskRoom>;

/** Whether there is room on the disk of the data folder. `reserveMiB`: what is kept free of it; default: see above. */
export function createDiskRoom({ folder, reserveMiB }: { folder: string; reserveMiB: number | undefined }) {
  async function report(): Promise<DiskReport> {
    const { freeMiB, totalMiB } = await diskOf(folder);
    const reserve = reserveMiB ?? Math.min(usualReserveMiB, totalMiB * reserveShare);
    return { freeMiB: Math.floor(freeMiB), reserveMiB: Math.floor(reserve) };
  }

  return {
    report,
    /** Whether a sandbox may be started: one that was ready has its data already, and comes back with less. */
    async hasRoom({ wasReady }: { wasReady: boolean }): Promise<boolean> {
      const disk = await report();
      return hasRoom(wasReady ? { ...disk, reserveMiB: Math.min(disk.reserveMiB, restartMiB) } : disk);
    },
  };
}
