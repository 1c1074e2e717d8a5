import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { WORKERS, wranglerToml } from './paths.ts';
import { FIRST_HOSTS } from './storage-keys.ts';

const STEP = /^new_sqlite_classes = \[([^\]]*)\]/gm;

/**
 * The configuration of the objects Worker with which a deployment that has its objects in other Workers takes them over: classes that another
 * Worker hosted first are transferred from it instead of made anew. The steps keep their tags, so that they are done once, either way.
 */
export function withTransfers(toml: string): string {
  return toml.replaceAll(STEP, (step, list: string) => {
    const classes = [...list.matchAll(/"(\w+)"/g)].flatMap(([, name]) => name ?? []);
    const moved = classes.filter((name) => FIRST_HOSTS[name] !== undefined);
    if (moved.length === 0) return step;
    if (moved.length < classes.length) throw new Error(`a step makes classes anew or takes them over, not both: ${step}`);
    const transfers = moved.map((name) => `  { from = "${name}", from_script = "${FIRST_HOSTS[name]}", to = "${name}" },`);
    return `transferred_classes = [\n${transfers.join('\n')}\n]`;
  });
}

if (import.meta.main) {
  // Beside the other, as its paths are relative to its folder.
  const file = join(WORKERS.objects, 'transfers.toml');
  writeFileSync(file, withTransfers(readFileSync(wranglerToml('objects'), 'utf8')));
  console.log(file);
}
