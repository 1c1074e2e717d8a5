import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../../../workers/local/paths.ts';

const SOURCES = ['src/ann/**/*.{ts,wasm}', 'durable-objects/sqlite/*.ts'];

/** Of the engine and its store: an index that an earlier version built is not this one's. */
export function sourceHash(): string {
  const hash = createHash('sha256');
  for (const path of globSync(SOURCES, { cwd: ROOT }).sort()) hash.update(path).update(readFileSync(join(ROOT, path)));
  return hash.digest('hex').slice(0, 16);
}
