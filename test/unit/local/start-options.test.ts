import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { devFileOf, ROOT } from '../../../workers/local/paths.ts';

it.each([
  [['--gateway', '2'], "Unknown option '--gateway'"],
  [['--gateways', 'two'], '--gateways must be a number from 1 to 16, not "two".'],
  [['--gateways', '0'], '--gateways must be a number from 1 to 16, not "0".'],
])('a start with %j is refused in words, without a stack', (options, message) => {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'workers/local/main.ts'), ...options], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toContain(message);
  expect(stderr).not.toMatch(/^\s+at /m);
});

it('each deployment of a clone has a file of its own that says how it is called', () => {
  expect(devFileOf({})).toBe(join(ROOT, '.sluice/dev.json'));
  expect(devFileOf({ SLUICE_STATE_DIR: '/var/lib/sluice-b' })).toBe('/var/lib/sluice-b/dev.json');
  expect(devFileOf({ SLUICE_STATE_DIR: 'state-b' })).toBe(join(process.cwd(), 'state-b/dev.json'));
});
