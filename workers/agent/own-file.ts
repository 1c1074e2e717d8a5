import type { BigIntStats } from 'node:fs';
import { lstat, mkdir, realpath } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';

/**
 * What a program has written in its folder under that path; undefined unless it is a file in that very folder. The agent reads no file that a
 * link of the program leads to: it may lie anywhere. [P53]
 */
export async function ownFile(folder: string, path: string): Promise<BigIntStats | undefined> {
  try {
    const found = await lstat(join(folder, path), { bigint: true });
    const [root, parent] = await Promise.all([realpath(folder), realpath(dirname(join(folder, path)))]);
    return found.isFile() && (parent === root || parent.startsWith(root + sep)) ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Where to write the file of that path, in folders that are there. */
export async function pathIn(folder: string, path: string): Promise<string> {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  return file;
}
