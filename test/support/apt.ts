import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { exclusively } from './exclusively.ts';

const options = ['-qq', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3'];
const env = { DEBIAN_FRONTEND: 'noninteractive' };

/** Installs Debian packages; needs root. Returns null, or why it could not. */
export async function aptInstall(...packages: string[]): Promise<string | null> {
  return await exclusively(path.join(tmpdir(), 'sandplane-test-apt'), async () => {
    await execa('apt-get', [...options, 'update'], { reject: false, env });
    const install = ['install', '-y', '--no-install-recommends', ...packages];
    const { failed, stderr } = await execa('apt-get', [...options, ...install], { reject: false, env });
    return failed ? `${packages.join(', ')} could not be installed: ${String(stderr).slice(-200)}` : null;
  });
}
