import { accessSync, constants, statSync } from 'node:fs';

/** What is wrong with the path of a file that a setting names. */
export function fileFaults(file: string): string[] {
  return faultsAt(file, 'file');
}

export function folderFaults(folder: string): string[] {
  return faultsAt(folder, 'folder');
}

function faultsAt(path: string, expected: 'file' | 'folder'): string[] {
  try {
    const found = statSync(path);
    if (found.isDirectory() !== (expected === 'folder')) return [`names ${path}, which is no ${expected}`];
    accessSync(path, constants.R_OK);
    return [];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return [code === 'ENOENT' ? `names ${path}, which is not there` : `names ${path}, which cannot be read (${code})`];
  }
}
