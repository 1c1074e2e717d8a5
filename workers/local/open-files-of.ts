import { readdirSync, readlinkSync } from 'node:fs';

/** The paths of the files that a process has open, by their present names; undefined where /proc does not list them. */
export function openFilesOf(pid: number | 'self'): ReadonlySet<string> | undefined {
  const folder = `/proc/${pid}/fd`;
  try {
    return new Set(readdirSync(folder).flatMap((descriptor) => linkOf(`${folder}/${descriptor}`) ?? []));
  } catch {
    return undefined;
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // Closed meanwhile.
    return undefined;
  }
}
