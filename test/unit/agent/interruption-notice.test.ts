import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { noticeOf, noticeSourceIn, watchForNotice } from '../../../workers/agent/interruption-notice.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const GONE = new Date(NOW_MS + 119_500).toISOString();
/** What the metadata of each provider says, by path; a path without an answer is 404. */
const answers = new Map<string, string>();
const asked: string[] = [];

const server = createServer((request, response) => {
  const { method, url = '', headers } = request;
  const shown = headers['x-aws-ec2-metadata-token'] ?? headers['metadata-flavor'] ?? headers['metadata'] ?? '';
  asked.push(`${method} ${String(shown)}`);
  const answer = answers.get(url);
  response.writeHead(answer === undefined ? 404 : 200).end(answer ?? '');
});
let base = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  answers.set('/latest/api/token', 'token');
});
afterAll(() => server.close());

const noticed = async (text: string): Promise<number | null> => noticeOf(noticeSourceIn({ SLUICE_AGENT_NOTICE: text })!, NOW_MS);

it('[P126] reads the notice of each provider, a URL and a file', async () => {
  const azure = '/metadata/scheduledevents?api-version=2020-07-01';
  answers.set(azure, JSON.stringify({ Events: [{ EventType: 'Reboot', NotBefore: GONE }] }));
  answers.set('/computeMetadata/v1/instance/preempted', 'FALSE');
  for (const source of [`aws=${base}`, `gcp=${base}`, `azure=${base}/`, `${base}/notice`, '/no/such/file'])
    expect(await noticed(source), source).toBeNull();

  answers.set('/latest/meta-data/spot/instance-action', JSON.stringify({ action: 'terminate', time: GONE }));
  answers.set('/computeMetadata/v1/instance/preempted', 'TRUE');
  answers.set(azure, JSON.stringify({ Events: [{ EventType: 'Preempt', NotBefore: new Date(NOW_MS + 31_000).toUTCString() }] }));
  answers.set('/notice', GONE);
  expect(await noticed(`aws=${base}`)).toBe(119);
  expect(await noticed(`gcp=${base}`)).toBe(30);
  expect(await noticed(`azure=${base}/`)).toBe(31);
  expect(await noticed(`${base}/notice`)).toBe(119);
  expect(asked).toContain('GET token');
  expect(asked).toContain('GET Google');
  expect(asked).toContain('GET true');
});

it('[P126] says a notice once, after sources and gateways that did not answer', async () => {
  answers.set('/notice', GONE);
  const said: number[] = [];
  let refusals = 2;
  const say = async (inS: number): Promise<void> => {
    if (refusals-- > 0) throw new Error('the agent has not registered yet');
    said.push(inS);
  };
  const stopped = new AbortController();
  await watchForNotice(noticeSourceIn({ SLUICE_AGENT_NOTICE: `${base}/notice` })!, {
    say,
    stopped: stopped.signal,
    nowMs: () => NOW_MS,
    pollMs: 1,
  });
  expect([said, refusals]).toEqual([[119], -1]);
});

it('[P126] names no source where none is set, and refuses what is none', () => {
  expect(noticeSourceIn({})).toBeUndefined();
  expect(noticeSourceIn({ SLUICE_AGENT_NOTICE: 'aws' })).toMatchObject({ kind: 'aws', url: 'http://169.254.169.254' });
  expect(() => noticeSourceIn({ SLUICE_AGENT_NOTICE: 'gce' })).toThrow('must be aws, gcp, azure');
});
