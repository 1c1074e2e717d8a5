import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ROOT } from '../../../workers/local/paths.ts';
import type { Collection } from '../encoders/collections.ts';

const DOCUMENTED = /\/\*\*(?<comment>(?:[^*]|\*(?!\/))*)\*\/\s*(?<code>export (?:async )?function \w+[\s\S]*?\n\})\n/g;
const [QUERIES, CODE_CHARS_MAX] = [500, 1_500];

/** The functions of this repository: what a function's comment begins with finds its code, without comments. */
export async function codeSearch(): Promise<Collection> {
  const found: { readonly question: string; readonly code: string }[] = [];
  const files: string[] = [];
  for await (const file of glob('{src,workers,durable-objects,test}/**/*.ts', { cwd: ROOT })) files.push(file);
  for (const file of files.toSorted()) {
    for (const { groups } of (await readFile(join(ROOT, file), 'utf8')).matchAll(DOCUMENTED)) {
      const question =
        (groups?.['comment'] ?? '')
          .replaceAll(/\s*\*\s/g, ' ')
          .trim()
          .split(/(?<=\.)\s/)[0] ?? '';
      const code = (groups?.['code'] ?? '').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
      if (question.length >= 25) found.push({ question, code: code.slice(0, CODE_CHARS_MAX) });
    }
  }
  // Every third question, for those of one file are alike.
  const asked = found.flatMap(({ question }, position) => (position % 3 === 0 ? [{ question, position }] : [])).slice(0, QUERIES);
  return {
    name: 'Code',
    documents: found.map(({ code }) => code),
    queries: asked.map(({ question }) => question),
    relevance: asked.map(({ position }) => new Map([[position, 1]])),
  };
}
