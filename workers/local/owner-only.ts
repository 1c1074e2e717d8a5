import { chmod, mkdir, writeFile } from 'node:fs/promises';

/** State and secrets are for the user alone. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const OTHERS = 0o077;

/** Files that this process and its children, such as workerd, write from now on are readable by their user alone. */
export function keepFromOthers(): void {
  process.umask(OTHERS);
}

/** Makes a folder that only the user enters. One that is there already keeps its rights: it may be more than Sluice's. */
export const makeOwnerOnly = async (path: string): Promise<void> => void (await mkdir(path, { recursive: true, mode: FOLDER_MODE }));

export const closeFolder = (path: string): Promise<void> => chmod(path, FOLDER_MODE);

export const closeFile = (path: string): Promise<void> => chmod(path, FILE_MODE);

/** Writes a file that only the user reads, also where one with other rights was before. */
export async function writeOwnerOnly(path: string, text: string): Promise<void> {
  await writeFile(path, '', { flag: 'a', mode: FILE_MODE });
  await closeFile(path);
  await writeFile(path, text);
}
