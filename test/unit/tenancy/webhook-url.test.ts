import { expect, it, onTestFinished, vi } from 'vitest';

import { WebhookDispatcher } from '../../../durable-objects/webhook-dispatcher.ts';
import { openBillingDatabase } from '../../../src/tenancy/billing/billing-schema.ts';
import { thresholdsReached } from '../../../src/tenancy/billing/budget.ts';
import { SqliteDeliveryStore } from '../../../src/tenancy/billing/delivery-store.ts';
import { checkWebhookUrl } from '../../../src/tenancy/billing/webhook-url.ts';
import { checkBaseUrl } from '../../../src/upstreams/upstream-host.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { idsOf } from '../../support/fakes/tenancy.ts';

const NOW_MS = Date.UTC(2026, 10, 25);

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

it('[T97] what was set before is judged again when an alert is delivered', async () => {
  const storage = new NodeSql();
  openBillingDatabase(storage);
  const deliveries = new SqliteDeliveryStore(storage);
  const urls = [...REFUSED, ...OF_THIS_MACHINE, 'https://example.com/alerts'];
  const budget = { id: 'bud_1', levelId: idsOf(1).tenantId, amountNano: 2_000_000_000, thresholds: [50], isHard: true };
  const [alert] = thresholdsReached(budget, 1_500_000_001n, Date.UTC(2026, 10), NOW_MS);
  deliveries.raise(
    [alert!],
    urls.map((_, at) => String(at)),
    NOW_MS,
  );
  const asked: string[] = [];
  vi.stubGlobal('fetch', (url: string) => {
    asked.push(url);
    return Promise.resolve(new Response());
  });
  onTestFinished(() => void vi.unstubAllGlobals());
  const webhookOf = (id: string) => ({ id, url: urls[Number(id)]!, secret: 'whsec_a', createdAtMs: 0 });
  // A round takes some of them: those that are not delivered come later in the next.
  for (let left = urls.length; left > 0; left--) await new WebhookDispatcher(deliveries, webhookOf, false).deliver(NOW_MS);
  expect(asked).toEqual(['https://example.com/alerts']);
  expect(deliveries.page(1)[0]?.deliveries.filter(({ state }) => state === 'delivered')).toHaveLength(1);
});
