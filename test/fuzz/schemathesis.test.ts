import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { StockedDeployment } from '../support/deployment/stocked-deployment.ts';
import { deployStocked, ENDING } from '../support/deployment/stocked-deployment.ts';
import type { OpenApi } from '../support/deployment/tour.ts';
import { isWithoutPython, ranPython } from '../support/python/python-client.ts';
import { coverageDocument } from './coverage-document.ts';

const IS_FULL = process.env['SLUICE_TEST_FULL'] === '1';

/** One that has failed stays here; the full run takes a new one, too, which its test's title says. */
const SEEDS = [1, ...(IS_FULL ? [Math.floor(Date.now() / 1_000)] : [])];

/** Of each operation; the full run takes many more. */
const EXAMPLES = IS_FULL ? '50' : '3';

/** Instead of these, hooks.py has checks that know the exceptions. */
const REPLACED = 'positive_data_acceptance,not_a_server_error';

/** No answer is late on a busy machine, and every refusal is one: the tool knows fewer. */
const CHECKS = '[checks]\nmax_response_time = 600\nnegative_data_rejection.expected-statuses = ["4xx", "5xx"]\n';

/** Values of each bound are tried by so many processes side by side, each of which keeps all calls of its operations in memory. */
const LANES = 2;
const GROUPS = 12;

type Operation = OpenApi['paths'][string][string];

const operationsOf = ({ paths }: OpenApi): Operation[] => Object.values(paths).flatMap((methods) => Object.values(methods));

const keysOf = ({ keys }: StockedDeployment): string =>
  `[auth.openapi]\ntenantKey = { bearer = "${keys.tenant}" }\nadminKey = { bearer = "${keys.admin}" }\nagentToken = { bearer = "${keys.agent}" }\n`;

/** Values of parameters that are no matter of chance: streams without an end are not followed; `ids`: and what is there is named. */
function parametersOf({ operationId, parameters = [] }: Operation, ids: boolean): string {
  const named = parameters.filter((one) => ids && one.in === 'path').map((one) => `"path.${one.name}" = ${JSON.stringify(one.example)}`);
  const values = [...named, ...parameters.filter(({ name }) => name === 'follow').map(() => '"query.follow" = "false"')];
  if (values.length === 0) return '';
  return `[[operations]]\ninclude-operation-id = "${operationId}"\nparameters = { ${values.join(', ')} }\n`;
}

/** Only of what hangs: the full run takes many examples. */
const HANG_MS = 3_600_000;

describe.skipIf(isWithoutPython('schemathesis'))('schemathesis, with all checks', { timeout: HANG_MS }, () => {
  let deployment: StockedDeployment;
  let folder: string;

  // Each test has one of its own: it ends, limits and spends what is there.
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-fuzz-'));
    deployment = await deployStocked();
    await writeFile(join(folder, 'openapi.json'), JSON.stringify(deployment.document));
    await writeFile(join(folder, 'coverage.json'), JSON.stringify(coverageDocument(deployment.document)));
  });

  afterEach(async () => {
    await deployment?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  let runs = 0;

  /** What it prints where it has found something; `ids`: of resources that are there. */
  async function findings(seed: number, ids: boolean, document: string, ...args: string[]): Promise<string> {
    runs += 1;
    const file = join(folder, `schemathesis-${runs}.toml`);
    const parameters = operationsOf(deployment.document).map((operation) => parametersOf(operation, ids));
    const hooks = `cache.enabled = false\nhooks = "${join(import.meta.dirname, 'hooks.py')}"\n`;
    await writeFile(file, [hooks, CHECKS, keysOf(deployment), ...parameters].join(''));
    const options = ['--url', deployment.url, '--checks', 'all', '--exclude-checks', REPLACED, '--seed', String(seed)];
    const running = ['--request-timeout', '300', '--continue-on-failure', '--no-color', '--output-truncate', 'false'];
    return ranPython('st', ['--config-file', file, 'run', join(folder, document), ...options, ...running, ...args], {}, HANG_MS).then(
      () => '',
      (error: Error & { stdout?: string }) => error.stdout || error.message,
    );
  }

  const named = (names: Iterable<string>): string[] => [...names].flatMap((name) => ['--include-operation-id', name]);
  const others = [...ENDING].flatMap((name) => ['--exclude-operation-id', name]);

  it.each(SEEDS)('[G124] finds nothing by seed %i', async (seed) => {
    const found = [
      await findings(seed, false, 'openapi.json', '--phases', 'examples', ...others),
      await findings(seed, true, 'openapi.json', '--phases', 'fuzzing', '--max-examples', EXAMPLES, ...others),
      await findings(seed, true, 'openapi.json', '--phases', 'examples,fuzzing', '--max-examples', EXAMPLES, ...named(ENDING)),
    ];
    expect(found).toEqual(['', '', '']);
  });

  // Each takes minutes: `npm run test:full`.
  it.runIf(IS_FULL)('[G140] finds nothing by each value of each bound', async () => {
    const names = operationsOf(deployment.document).flatMap(({ operationId }) => (ENDING.has(operationId) ? [] : [operationId]));
    const groups = Array.from({ length: GROUPS }, (_, group) => names.filter((_name, index) => index % GROUPS === group));
    const found: string[] = [];
    const lane = async (): Promise<void> => {
      for (let group = groups.pop(); group !== undefined; group = groups.pop())
        found.push(await findings(1, true, 'coverage.json', '--phases', 'coverage', ...named(group)));
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    found.push(await findings(1, true, 'coverage.json', '--phases', 'coverage', ...named(ENDING)));
    expect(found).toEqual(Array.from({ length: GROUPS + 1 }, () => ''));
  });
});
