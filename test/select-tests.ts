import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface SelectedTests {
  readonly files: readonly string[];
  /** The vitest projects that the files belong to. */
  readonly projects: readonly string[];
  /** A pattern of titles, if only some tests of the files are selected. */
  readonly titles: string | undefined;
}

/** The test files whose paths contain one of the patterns; if there are none, the tests whose titles contain one, as written in the source. */
export async function selectTests(patterns: readonly string[], root: string): Promise<SelectedTests> {
  const all = await Array.fromAsync(glob('test/*/**/*.test.ts', { cwd: root, exclude: (name) => name.endsWith('node_modules') }));
  const byPath = all.filter((file) => patterns.some((pattern) => file.includes(pattern)));
  if (byPath.length > 0) return { files: byPath, projects: projectsOf(byPath), titles: undefined };
  const texts = await Promise.all(all.map((file) => readFile(join(root, file), 'utf8')));
  const byTitle = all.filter((_, position) => patterns.some((pattern) => texts[position]?.includes(pattern)));
  return { files: byTitle, projects: projectsOf(byTitle), titles: patterns.map((pattern) => RegExp.escape(pattern)).join('|') };
}

/** The project of `test/<project>/...` or `test/workerd/<project>/...`. */
const projectsOf = (files: readonly string[]): string[] => [
  ...new Set(files.map((file) => /^test\/(?:workerd\/)?([^/]+)\//.exec(file)?.[1] ?? '')),
];
