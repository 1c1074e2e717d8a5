import { join } from 'node:path';

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Server } from '../../workers/local/serve.ts';
import { deploy } from '../support/deployment/deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { isWithoutPython, ranPython } from '../support/python/python-client.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';
import { ANTHROPIC_MESSAGES } from './sdk-methods/anthropic-messages.ts';
import { ANTHROPIC_MORE } from './sdk-methods/anthropic-more.ts';
import type { JsCase, Outcome, Target, World } from './sdk-methods/js-cases.ts';
import { outcomeOf } from './sdk-methods/js-cases.ts';
import { OPENAI_CHAT } from './sdk-methods/openai-chat.ts';
import { OPENAI_CLIENT } from './sdk-methods/openai-client.ts';
import { OPENAI_FILES } from './sdk-methods/openai-files.ts';
import { OPENAI_MEDIA } from './sdk-methods/openai-media.ts';
import { OPENAI_RESPONSES } from './sdk-methods/openai-responses.ts';
import { methodsPage } from './sdk-methods/methods-page.ts';
import { ONLY_IN, SECTIONS } from './sdk-methods/sections.ts';
import { refusalOf } from './sdk-methods/table.ts';

const CASES: readonly JsCase[] = [
  ...[OPENAI_CHAT, OPENAI_RESPONSES, OPENAI_FILES, OPENAI_MEDIA, OPENAI_CLIENT].flat(),
  ...[ANTHROPIC_MESSAGES, ANTHROPIC_MORE].flat(),
];
const FAULTS = ['429', '500', '529', 'hang', 'die'];
const FULL = process.env['SLUICE_TEST_FULL'] === '1';

const isSkipped = isWithoutPython('methods of openai and anthropic in Python');

/** What came of a case with one client. */
interface Record {
  readonly id: string;
  readonly target: Target | null;
  readonly client: string;
  readonly outcome: Outcome;
}

let upstream: MockUpstream;
let server: Server;
let tenant: TestTenant;
/** What the runner of Python prints; it runs beside JavaScript. */
let printed: Promise<string> | undefined;

beforeAll(async () => {
  upstream = await startMockUpstream(0, { isStrict: true });
  server = await deploy(1, { LOG_LEVEL: 'error', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port}` });
  tenant = await createTenant(server, { scopes: ['inference', 'files', 'jobs', 'upstreams:read', 'upstreams:write'] });
  for (const [protocol, models] of Object.entries(MODELS)) {
    const secret = 'sk-mock-0123456789abcdef';
    const made = await tenant.client.post('/v1/upstreams', {
      name: `the-${protocol}`,
      protocol,
      base_url: upstream.baseUrl,
      secret,
      models,
    });
    expect(made.status, JSON.stringify(made.body)).toBe(201);
  }
  const script = join(import.meta.dirname, 'sdk-methods/run.py');
  if (!isSkipped) printed = ranPython('python', [script, tenant.client.url, tenant.client.apiKey, FULL ? 'sync,async' : 'mixed']);
});

afterAll(async () => {
  await server.stop();
  await upstream.kill();
});

/** As the README registers models: with limits and prices, and nothing else. */
const modelOf = (name: string, serves: readonly string[]) => ({
  name,
  serves,
  context_tokens: 100_000,
  output_tokens_max: 8_000,
  prices: { input: '1', output: '2' },
});

const MODELS = {
  openai: [
    modelOf('gpt-mock', ['chat', 'completions', 'responses']),
    ...FAULTS.map((fault) => modelOf(`gpt-${fault}`, ['chat'])),
    modelOf('emb-mock', ['embeddings']),
    modelOf('mod-mock', ['moderations']),
    modelOf('image-mock', ['images']),
    modelOf('speech-mock', ['speech']),
    modelOf('transcribe-mock', ['transcriptions']),
  ],
  anthropic: ['mock', ...FAULTS].map((name) => modelOf(`claude-${name}`, ['chat'])),
};

/** What differs from the table, one a line. */
const differences = (records: readonly Record[]): string[] =>
  records.flatMap(({ id, target, client, outcome }) => {
    const expected = refusalOf(id, target) ?? 'works';
    const came = outcome === 'works' ? 'works' : 'status' in outcome ? `${outcome.status} ${outcome.code}` : `fails: ${outcome.failed}`;
    return came === expected ? [] : [`${id}, ${target ?? 'any model'}, ${client}: ${came}, not ${expected}`];
  });

const inTable = (language: 'python' | 'javascript') =>
  SECTIONS.flatMap(({ cases }) => cases.filter((id) => (ONLY_IN[id] ?? language) === language)).toSorted();

const idsOf = (records: readonly Record[]) => [...new Set(records.map(({ id }) => id))].toSorted();

describe('[G153] each documented method of the packages', () => {
  it('works or is refused by name in JavaScript, as the table says', async () => {
    const { url, apiKey } = tenant.client;
    const options = { apiKey, maxRetries: 1, timeout: 60_000 };
    const model = { openai: 'gpt-mock', anthropic: 'claude-mock' };
    const world: World = {
      openai: new OpenAI({ baseURL: `${url}/v1`, ...options }),
      anthropic: new Anthropic({ baseURL: url, ...options }),
      model,
      frail: (target, fault) => model[target].replace('mock', String(fault)),
    };
    const jobs = CASES.flatMap((one) => (one.targets ?? [null]).map((target) => ({ one, target })));
    const records: Record[] = [];
    const worker = async () => {
      for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
        const outcome = await outcomeOf(job.one, world, job.target ?? 'openai');
        records.push({ id: job.one.id, target: job.target, client: 'javascript', outcome });
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    expect(differences(records)).toEqual([]);
    expect(idsOf(records)).toEqual(inTable('javascript'));
  });

  it('is listed in docs/api/sdk-methods.md', async () => {
    await expect(methodsPage()).toMatchFileSnapshot(join(import.meta.dirname, '../../docs/api/sdk-methods.md'));
  });
});

describe.skipIf(isSkipped)('[G153] in Python', () => {
  it('each works or is refused by name, as the table says, with answers of the types that the packages have', async () => {
    const records = JSON.parse((await printed) ?? '[]') as Record[];
    expect(differences(records)).toEqual([]);
    expect(idsOf(records)).toEqual(inTable('python'));
  });

  it('[G154] the strict upstream has the bodies that the installed packages have', async () => {
    const script = join(import.meta.dirname, '../support/upstreams/published-requests.py');
    const { PUBLISHED } = await import('../support/upstreams/strict-requests.ts');
    expect(PUBLISHED).toEqual(JSON.parse(await ranPython('python', [script])));
  });
});
