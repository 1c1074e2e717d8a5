import { expect, it } from 'vitest';

import type { ProbeAnswer } from '../../../src/upstreams/upstream-check.ts';
import { judgeProbe } from '../../../src/upstreams/upstream-check.ts';
import type { Described } from '../../../src/upstreams/upstream-findings.ts';
import { findingsOf } from '../../../src/upstreams/upstream-findings.ts';
import { targetOf } from '../../support/upstreams/target.ts';

const model = targetOf().model;
const WHOLE: Described = {
  name: 'lab',
  baseUrl: 'https://lab.example/v1',
  protocol: 'openai',
  models: [model],
  limits: { requestsPerMinute: 500 },
  hasSecret: true,
};
const LISTED: ProbeAnswer = { kind: 'answer', status: 200, text: JSON.stringify({ data: [{ id: model.upstreamName }] }) };
const status = (code: number): ProbeAnswer => ({ kind: 'answer', status: code, text: '' });
const ROUTED: ReadonlySet<string> = new Set(['lab/small']);

const found = (more: Partial<Described> = {}, answer: ProbeAnswer = LISTED, routed: ReadonlySet<string> | undefined = ROUTED) => {
  const upstream = { ...WHOLE, ...more };
  return findingsOf(upstream, { check: judgeProbe(upstream, answer), routed });
};
const at = (baseUrl: string): Partial<Described> => ({ baseUrl });

it('[U225] nothing is found of an upstream that lacks nothing', () => {
  expect(found()).toEqual([]);
  expect(found({}, LISTED, new Set(['small']))).toEqual([]);
  expect(findingsOf(WHOLE, { check: judgeProbe(WHOLE, LISTED), routed: undefined })).toEqual([]);
  for (const near of ['http://127.0.0.1:11434/v1', 'http://gpu-1:8000/v1', 'http://10.0.0.7/v1', 'http://localhost:8000/v1'])
    expect(found(at(near)), near).toEqual([]);
  expect(found({ baseUrl: 'binding:AI', protocol: 'workers-ai' })).toEqual([]);
});

it.each<[code: string, severity: string, field: string, more: Partial<Described>, answer: ProbeAnswer, command: string]>([
  ['base_url_has_call', 'error', 'base_url', at('https://lab.example/v1/chat/completions'), LISTED, '--url https://lab.example/v1'],
  ['base_url_has_call', 'error', 'base_url', at('https://lab.example/v1/messages'), LISTED, '--url https://lab.example/v1'],
  ['base_url_repeats_version', 'error', 'base_url', at('https://lab.example/v1/v1'), LISTED, '--url https://lab.example/v1'],
  ['base_url_lacks_version', 'error', 'base_url', at('https://lab.example'), status(404), '--url https://lab.example/v1'],
  ['no_tls', 'warning', 'base_url', at('http://lab.example/v1'), LISTED, '--url https://lab.example/v1'],
  ['no_secret', 'error', 'secret', { hasSecret: false }, status(401), '--secret-env NAME_OF_VARIABLE'],
  ['secret_refused', 'error', 'secret', {}, status(403), '--secret-env NAME_OF_VARIABLE'],
  ['redirected', 'error', 'base_url', {}, status(308), '--url URL'],
  ['unreachable', 'error', 'base_url', {}, { kind: 'none', why: 'unreachable' }, '--url URL'],
  ['slow', 'warning', 'base_url', {}, { kind: 'none', why: 'timeout' }, 'check lab'],
  ['failing', 'warning', 'base_url', {}, status(500), 'check lab'],
  ['cannot_list', 'warning', 'base_url', {}, status(405), 'check lab'],
  ['no_models', 'error', 'models', { models: [] }, LISTED, '--models FILE'],
  ['model_missing', 'error', 'models[1].upstream_name', { models: [model, { ...model, upstreamName: 'gone' }] }, LISTED, '--models FILE'],
  [
    'no_price',
    'warning',
    'models[1].prices',
    { models: [model, { ...model, name: 'free', prices: { inputNano: 0, outputNano: 0, requestNano: 0 } }] },
    LISTED,
    '--model free --price input=USD output=USD',
  ],
  ['no_limits', 'warning', 'limits', { limits: {} }, LISTED, '--requests-per-minute N'],
])('[U225] %s is found, with the field and what mends it', (code, severity, field, more, answer, command) => {
  const first = found(more, answer).find((one) => one.code === code);
  expect(first).toMatchObject({ severity, field, command: expect.stringContaining(command) as string });
  expect(first?.command).toMatch(/^sluice upstreams (update|check) lab/);
});

it('[U225] a model that no route names is found, and errors come first', () => {
  expect(found({}, LISTED, new Set(['other/small'])).map(({ code }) => code)).toEqual(['no_route']);
  const codes = found({ limits: {}, hasSecret: false }, status(401), new Set()).map(({ code, severity }) => [severity, code]);
  expect(codes).toEqual([
    ['error', 'no_secret'],
    ['warning', 'no_route'],
    ['warning', 'no_limits'],
  ]);
});
