import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, expect, it, vi } from 'vitest';

import { forecastSeries } from '../../src/capacity/forecast/series-forecast.ts';
import { programFor } from '../../workers/cli/program.ts';
import { AdminClient } from '../../workers/local/admin-client.ts';
import { FORECAST_TRACES } from '../bench/forecast/request-series.ts';
import { carriedOut } from '../support/deployment/carried-out.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();

interface Ceiling {
  readonly subject: string;
  readonly resource: string;
  readonly status: string;
  readonly used: number;
}

interface Alert {
  readonly type: string;
  readonly data: { readonly details: Readonly<Record<string, unknown>> };
}

it('[K13] [K16] [K17] a limit that is reached saturates, and is alerted of once', async () => {
  const scopes = ['usage:read', 'inference', 'planning:read', 'planning:write'];
  const tenant = await createTenant(server, { scopes, quota: { requests: { month: 1_000 }, tokens: { month: 2 } } });
  const { client } = tenant;
  expect((await client.post('/v1/embeddings', { model: 'glove-sif-100', input: 'two words' })).status).toBe(200);
  const ceilings = async (): Promise<readonly Ceiling[]> => (await client.get('/v1/capacity/forecast')).body.ceilings;
  const tokens = async () => (await ceilings()).find(({ resource }) => resource === 'tokens');
  await expect.poll(async () => (await tokens())?.used).toBeGreaterThanOrEqual(2);
  expect(await tokens()).toMatchObject({ status: 'saturates', subject: tenant.id });
  expect((await ceilings()).map(({ resource, status }) => [resource, status])).toEqual([
    ['tokens', 'saturates'],
    ['requests', 'not_enough_data'],
    ['cache_bytes', 'not_enough_data'],
  ]);

  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const alerts = async () => (await admin.get<{ data: Alert[] }>(`/v1/alerts?organisation=${tenant.organisation}`)).data;
  const isAlerted = async () => (await alerts()).filter(({ type }) => type === 'capacity.saturates').length;
  // Setting them looks at once, and again when they are set again.
  expect((await client.put('/v1/capacity/alerts', { enabled: true })).body).toEqual({ enabled: true, horizon_days: 30 });
  await expect.poll(isAlerted).toBe(1);
  await client.put('/v1/capacity/alerts', { enabled: true, horizon_days: 10 });
  expect((await client.get('/v1/capacity/alerts')).body).toEqual({ enabled: true, horizon_days: 10 });
  const alert = (await alerts()).find(({ type }) => type === 'capacity.saturates');
  expect(alert?.data.details).toMatchObject({ limit_of: 'quota', subject: tenant.id, resource: 'tokens', window: 'month', limit: 2 });
  expect(await isAlerted()).toBe(1);
});

/** A public trace as a program exports it: by the day, newest first. */
const trace = FORECAST_TRACES.find(({ name, step }) => name === 'philly jobs' && step === 'day');
const values = trace?.values ?? [];
const dateOf = (day: number): string => new Date(Date.parse(trace?.start ?? '') + day * 86_400_000).toISOString().slice(0, 10);
const exported = `\uFEFFDate;Jobs\r\n${values
  .map((value, day) => `${dateOf(day)};${value}\r\n`)
  .toReversed()
  .join('')}`;

afterEach(() => void vi.unstubAllEnvs());

it('[K25] [K29] a history as text/csv has the intervals of the engine, and what is wrong is named', async () => {
  const { client } = await createTenant(server, { scopes: ['usage:read'] });
  const send = async (body: string | Uint8Array<ArrayBuffer>, query = '', type = 'text/csv; charset=utf-8') => {
    const headers = { authorization: `Bearer ${client.apiKey}`, 'content-type': type };
    const response = await fetch(`${server.urls[0]}/v1/capacity/forecast?horizon_days=14${query}`, { method: 'POST', headers, body });
    // oxlint-disable-next-line typescript/no-explicit-any -- answers of two shapes
    return { status: response.status, body: (await response.json()) as any };
  };
  const { status, body } = await send(exported, '&level=0.9');
  const engine = forecastSeries(values, { season: 7 }, 14, 0.9);
  if (engine.kind !== 'forecast') throw new Error('there are months');
  expect(status).toBe(200);
  expect(body.series).toMatchObject([
    {
      name: 'Jobs',
      status: 'forecast',
      step: 'day',
      method: engine.method,
      imported: { rows: values.length, is_sorted: false, gaps: 0, measured_from: null },
    },
  ]);
  const points = engine.points.map((point, step) => ({ at: Date.parse(dateOf(values.length + step)) / 1000, ...point }));
  expect(body.series[0].points).toEqual(points);

  const negative = await send('date,value\n2026-01-01,-1\n');
  expect([negative.status, negative.body.error.code, negative.body.error.param]).toEqual([400, 'invalid_value', 'csv']);
  expect(negative.body.error.message).toContain('line 2, column "value": has -1; it must be from 0');
  const rows = await send(
    JSON.stringify({
      rows: [
        { time: 1_700_000_000, value: 1 },
        { time: 'soon', value: 1 },
      ],
    }),
    '',
    'application/json',
  );
  expect([rows.status, rows.body.error.param]).toEqual([400, 'rows[1].time']);
  const large = await send(`date,value\n${'2026-01-01,1\n'.repeat(20_001)}`);
  expect([large.status, large.body.error.code, large.body.error.limit]).toMatchObject([
    400,
    'limit_exceeded',
    { name: 'historyRowsMaxCount' },
  ]);
  expect((await send('x'.repeat(1024 * 1024 + 1))).status).toBe(413);
  expect((await send(new Uint8Array([0xff, 0xfe, 0x64, 0]))).body.error.message).toContain('is not UTF-8');
});

it('[K28] `sluice forecast --history` puts a file before what was measured, and says what it made of it', async () => {
  const tenant = await createTenant(server, { scopes: ['usage:read'], quota: { requests: { day: 1_000 } } });
  const folder = await mkdtemp(join(tmpdir(), 'sluice-history-'));
  const profile = { SLUICE_PROFILE: join(folder, 'none.json'), SLUICE_URL: server.urls[0] ?? '', SLUICE_API_KEY: tenant.client.apiKey };
  for (const [name, value] of Object.entries(profile)) vi.stubEnv(name, value);
  const run = async (...words: string[]) => carriedOut(await programFor(['forecast']), 'forecast', ...words);
  const today = Math.floor(Date.now() / 86_400_000);
  const lines = Array.from(
    { length: 40 },
    (_, back) => `${new Date((today - back - 2) * 86_400_000).toISOString().slice(0, 10)},x,${3_000 - back}`,
  );
  const file = join(folder, 'requests.csv');
  await writeFile(file, `when,what,calls\n${lines.join('\n')}\n`);
  const words = ['--history', file, '--meter', 'requests', '--time-column', 'when', '--value-column', 'calls'];
  const { status, stdout } = await run(...words);
  expect({ status, stdout }).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^requests: 40 rows from .* by the day; sorted by time; [12] days without a value/),
  });
  expect(stdout).toMatch(/quota requests a day +\S+ +\S+ of 1,000 +\d{4}-/);
  const json = JSON.parse((await run(...words, '--json')).stdout);
  expect(json).toMatchObject({
    object: 'capacity.history_forecast',
    series: [{ name: 'requests', imported: { rows: 40, measured_steps: 0 } }],
  });
  expect(await run('--history', file)).toMatchObject({ status: 1, stderr: expect.stringContaining('value_column') });
  expect(await run('--zone', 'UTC')).toMatchObject({ status: 2, stderr: expect.stringContaining('--history') });
  await rm(folder, { recursive: true });
});
