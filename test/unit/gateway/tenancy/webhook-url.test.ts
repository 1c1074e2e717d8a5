import { expect, it } from 'vitest';

import { checkWebhookUrl } from '../../../../src/gateway/tenancy/webhook-url.ts';
import { checkBaseUrl } from '../../../../src/upstreams/upstream-host.ts';

const codeOf = (url: string, allowsLocal = false): string => {
  const checked = checkWebhookUrl(url, allowsLocal);
  return checked.ok ? 'ok' : checked.error.code;
};

const REFUSED = [
  'https://169.254.169.254/',
  'https://[fd00:ec2::254]/',
  'https://metadata.google.internal/',
  'https://metadata/',
  'https://0.0.0.0/',
  'https://user:word@example.com/',
  'https://user@example.com/',
  'https://10.0.0.1/',
  'https://0xa000001/',
  'https://[::ffff:10.0.0.1]/',
  'https://192.168.1.1./',
  'https://receiver/',
  'https://receiver.internal/',
  'https://kubernetes.default.svc/',
  'https://KUBERNETES.default.svc./',
  'https://kubernetes.default.svc.cluster.local/',
  'http://example.com/',
];
const OF_THIS_MACHINE = ['https://127.0.0.1/', 'https://127.1/', 'https://[::1]/', 'https://localhost/', 'https://a.localhost./'];

it('[T97] webhooks are refused where upstreams are', () => {
  for (const url of [...REFUSED, ...OF_THIS_MACHINE]) {
    expect([url, codeOf(url)]).not.toEqual([url, 'ok']);
    expect([url, checkBaseUrl(url, { allowed: [], local: [] }).ok]).toEqual([url, false]);
  }
  for (const url of [
    'https://example.com/alerts?token=a',
    'https://hooks.example.com:8443/',
    'https://1.1.1.1/',
    'https://svc.example.com/',
  ])
    expect([url, codeOf(url)]).toEqual([url, 'ok']);
});

it('[T97] a deployment that allows it posts to its own machine, and nowhere else besides', () => {
  for (const url of REFUSED) expect([url, codeOf(url, true)]).not.toEqual([url, 'ok']);
  for (const url of [...OF_THIS_MACHINE, 'http://127.0.0.1:8080/hook', 'http://localhost:1/', 'http://[::1]:9/'])
    expect([url, codeOf(url, true)]).toEqual([url, 'ok']);
});
