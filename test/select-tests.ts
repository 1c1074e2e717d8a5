import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface SelectedTests {
  readonly files: readonly string[];
  /** Of vitest, that the files belong to. */
  readonly projects: readonly string[];
  /** A pattern of titles, if not all of those files is meant. */
  readonly titles: string | undefined;
}

/** Test files whose paths contain one of the patterns; if there are none, those with a title that does, as it is written there. */
export async function selectTests(patterns: readonly string[], root: string): Promise<SelectedTests> {
  const all = await Array.fromAsync(glob('test/*/**/*.test.ts', { cwd: root, exclude: (name) => name.endsWith('node_modules') }));
  const byPath = all.filter((file) => patterns.some((pattern) => file.includes(pattern)));
  if (byPath.length > 0) return { files: byPath, projects: projectsOf(byPath), titles: undefined };
  const texts = await Promise.all(all.map((file) => readFile(join(root, file), 'utf8')));
  const byTitle = all.filter((_, position) => patterns.some((pattern) => texts[position]?.includes(pattern)));
  return { files: byTitle, projects: projectsOf(byTitle), titles: patterns.map((pattern) => RegExp.escape(pattern)).join('|') };
}

/** `test/<project>/...`, and one for each Worker whose classes are tested inside workerd. */
const projectsOf = (files: readonly string[]): string[] => [
  ...new Set(files.map((file) => /^test\/(?:workerd\/)?([^/]+)\//.exec(file)?.[1] ?? '')),
];
