import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { METRIC_HELP } from '../../workers/gateway/pipeline/metric-help.ts';
import { ROOT } from '../../workers/local/paths.ts';

it('[G104] each metric is helped by one line, which operators read in the guide, too', () => {
  const guide = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
  for (const [name, help] of Object.entries(METRIC_HELP)) {
    expect(help, name).toMatch(/^[A-Z][^\n\\]+\.$/);
    expect(guide, name).toContain(`\`${name}\``);
  }
});
