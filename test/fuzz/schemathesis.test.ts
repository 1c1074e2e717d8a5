import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { StockedDeployment } from '../support/deployment/stocked-deployment.ts';
import { deployStocked, ENDING } from '../support/deployment/stocked-deployment.ts';
import { isWithoutPython, ranPython } from '../support/python/python-client.ts';

/** One that has failed stays here; the full run takes a new one, too. */
const SEEDS = [1, ...(process.env['SLUICE_TEST_FULL'] === '1' ? [Math.floor(Date.now() / 1_000)] : [])];

/** Instead of these, hooks.py has checks that know the exceptions. */
const REPLACED = 'positive_data_acceptance,not_a_server_error';

describe.skipIf(isWithoutPython('schemathesis'))('schemathesis, with all checks', () => {
  let deployment: StockedDeployment;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-fuzz-'));
    deployment = await deployStocked();
    await writeFile(join(folder, 'openapi.json'), JSON.stringify(deployment.document));
  });

  afterAll(async () => {
    await deployment?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const keysOf = ({ keys }: StockedDeployment): string =>
    `[auth.openapi]\ntenantKey = { bearer = "${keys.tenant}" }\nadminKey = { bearer = "${keys.admin}" }\nagentToken = { bearer = "${keys.agent}" }\n`;

  /** The ids of what is there, instead of generated ones, which nothing has. */
  const parametersOf = ({ document }: StockedDeployment): string =>
    Object.values(document.paths)
      .flatMap((methods) => Object.values(methods))
      .map(({ operationId, parameters = [] }) => {
        const values = parameters.filter((one) => one.in === 'path').map((one) => `"path.${one.name}" = ${JSON.stringify(one.example)}`);
        return values.length === 0
          ? ''
          : `[[operations]]\ninclude-operation-id = "${operationId}"\nparameters = { ${values.join(', ')} }\n`;
      })
      .join('');

  async function findings(seed: number, config: string, ...args: string[]): Promise<string> {
    const file = join(folder, 'schemathesis.toml');
    await writeFile(file, `hooks = "${join(import.meta.dirname, 'hooks.py')}"\n${keysOf(deployment)}${config}`);
    const options = [
      '--url',
      deployment.url,
      '--checks',
      'all',
      '--exclude-checks',
      REPLACED,
      '--seed',
      String(seed),
      '--no-color',
      '--output-truncate',
      'false',
    ];
    const printed = await ranPython('st', ['--config-file', file, 'run', join(folder, 'openapi.json'), ...options, ...args]).catch(
      (error: { stdout?: string }) => error.stdout ?? String(error),
    );
    return printed;
  }

  const ended = [...ENDING].flatMap((name) => ['--include-operation-id', name]);
  const others = [...ENDING].flatMap((name) => ['--exclude-operation-id', name]);

  it.each(SEEDS)('[G124] finds nothing by seed %i', async (seed) => {
    expect(await findings(seed, '', '--phases', 'examples,coverage', ...others)).toContain('No issues found');
    expect(await findings(seed, parametersOf(deployment), '--phases', 'fuzzing', ...others)).toContain('No issues found');
    expect(await findings(seed, parametersOf(deployment), '--phases', 'examples,fuzzing', ...ended)).toContain('No issues found');
  });
});
