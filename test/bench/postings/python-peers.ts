import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Collection } from '../encoders/collections.ts';
import { STOP_WORDS } from './libraries.ts';
import type { TextContender, TextFigures } from './text-contender.ts';
import { NEAREST } from './text-contender.ts';

/** Interpreters, the first of which that has a module runs it. */
const INTERPRETERS = (process.env['SLUICE_BENCH_PYTHON'] ?? 'python3:/usr/bin/python3').split(':');

/** Xapian of Debian's `python3-xapian`, tantivy of PyPI: native libraries as their users of Python call them. */
export const pythonPeers: readonly TextContender[] = [
  { name: 'Xapian', figures: (collection) => figuresOf('xapian', collection) },
  { name: 'tantivy', figures: (collection) => figuresOf('tantivy', collection) },
];

async function figuresOf(module: string, { documents, queries }: Collection): Promise<TextFigures | string> {
  const python = INTERPRETERS.find((each) => spawnSync(each, ['-c', `import ${module}`]).status === 0);
  if (python === undefined) return `no module ${module} for ${INTERPRETERS.join(' or ')} (SLUICE_BENCH_PYTHON)`;
  const folder = await mkdtemp(join(tmpdir(), 'sluice-postings-'));
  try {
    const path = join(folder, 'texts.json');
    await writeFile(path, JSON.stringify({ documents, queries, stop_words: [...STOP_WORDS], nearest: NEAREST }));
    const script = join(import.meta.dirname, 'python', `${module}_search.py`);
    const run = spawnSync(python, [script, path], { encoding: 'utf8', maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'inherit'] });
    if (run.status !== 0) return `${script} ended with ${run.status}`;
    return JSON.parse(run.stdout) as TextFigures;
  } finally {
    await rm(folder, { recursive: true });
  }
}
