import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { StockedDeployment } from '../support/deployment/stocked-deployment.ts';
import { deployStocked, ENDING } from '../support/deployment/stocked-deployment.ts';
import { isWithoutPython, ranPython } from '../support/python/python-client.ts';

/** One that has failed stays here; the full run takes a new one, too. */
const SEEDS = [1, ...(process.env['SLUICE_TEST_FULL'] === '1' ? [Math.floor(Date.now() / 1_000)] : [])];

/** The full run also tries each value of each bound, some 20,000 calls. */
const FIRST = process.env['SLUICE_TEST_FULL'] === '1' ? 'examples,coverage' : 'examples';
/** Of each operation; the full run takes many more. */
const EXAMPLES = process.env['SLUICE_TEST_FULL'] === '1' ? '50' : '3';

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

  /** Values of parameters that are no matter of chance: streams without an end are not followed; `ids`: and what is there is named. */
  const parametersOf = ({ document }: StockedDeployment, ids: boolean): string =>
    Object.values(document.paths)
      .flatMap((methods) => Object.values(methods))
      .map(({ operationId, parameters = [] }) => {
        const named = parameters
          .filter((one) => ids && one.in === 'path')
          .map((one) => `"path.${one.name}" = ${JSON.stringify(one.example)}`);
        const values = [...named, ...parameters.filter(({ name }) => name === 'follow').map(() => '"query.follow" = "false"')];
        return values.length === 0
          ? ''
          : `[[operations]]\ninclude-operation-id = "${operationId}"\nparameters = { ${values.join(', ')} }\n`;
      })
      .join('');

  /** What it prints where it has found something. */
  async function findings(seed: number, config: string, ...args: string[]): Promise<string> {
    const file = join(folder, 'schemathesis.toml');
    await writeFile(file, `cache.enabled = false\nhooks = "${join(import.meta.dirname, 'hooks.py')}"\n${keysOf(deployment)}${config}`);
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
    return ranPython('st', ['--config-file', file, 'run', join(folder, 'openapi.json'), ...options, ...args], {}, 1_500_000).then(
      () => '',
      (error: Error & { stdout?: string }) => error.stdout ?? error.message,
    );
  }

  const ended = [...ENDING].flatMap((name) => ['--include-operation-id', name]);
  const others = [...ENDING].flatMap((name) => ['--exclude-operation-id', name]);

  it.each(SEEDS)('[G124] finds nothing by seed %i', async (seed) => {
    expect(await findings(seed, parametersOf(deployment, false), '--phases', FIRST, ...others)).toBe('');
    expect(await findings(seed, parametersOf(deployment, true), '--phases', 'fuzzing', '--max-examples', EXAMPLES, ...others)).toBe('');
    expect(await findings(seed, parametersOf(deployment, true), '--phases', 'examples,fuzzing', '--max-examples', EXAMPLES, ...ended)).toBe(
      '',
    );
  });
});
