import { expect, it } from 'vitest';

import { messageOf, paramOf } from '../../../../src/contract/api/errors.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { routeEndpoints } from '../../../../src/contract/routes/routes.ts';
import { quotaEndpoints } from '../../../../src/contract/tenancy/quotas.ts';
import { upstreamEndpoints } from '../../../../src/contract/upstreams/upstreams.ts';

const upstream = (prices: object) => ({
  name: 'lab',
  protocol: 'openai',
  base_url: 'https://api.example.com/v1',
  models: [{ name: 'small', context_tokens: 1_000, output_tokens_max: 100, prices }],
});

const pricesOf = (prices: object) => {
  const body = parse(upstreamEndpoints.createUpstream.body.schema, upstream(prices));
  return body.ok ? body.value.models[0]?.prices : [paramOf(body.error), messageOf(body.error)];
};

it('[T123] prices are US dollars as texts, or whole nano-dollars, and what they say to the last digit', () => {
  expect(pricesOf({ input: '0.15', cached_input: '0.000000001', output: 600_000_000, request: '0.0001' })).toEqual({
    input: 150_000_000,
    cached_input: 1,
    output: 600_000_000,
    request: 100_000,
  });
  expect(pricesOf({})).toEqual({ input: 0, output: 0, request: 0 });
});

it.each([
  [0.15, 'is 0.15: US dollars are a text, and a number is whole nano-dollars: did you mean "0.15"?'],
  ['$0.15', 'must be a decimal such as 12.50'],
  ['1001', 'is above 1000 USD'],
  [-1, 'the least is 0'],
  [null, 'must be US dollars as a text'],
])('[T123] %s is refused as a price, with how to write one', (input, message) => {
  const [param, text] = pricesOf({ input }) as string[];
  expect([param, text]).toEqual(['models[0].prices.input', expect.stringContaining(message)]);
});

it('[T123] a limit of spend in dollars is one of nano-dollars, and other rules are as they were', () => {
  const rules = [
    { resource: 'spend_usd', window: 'day', limit: '12.5' },
    { resource: 'requests', window: 'minute', limit: 3 },
  ];
  const body = parse(quotaEndpoints.setQuota.body.schema, { tenant: 'tn_bshwv8n1nkwnft2903_wtyhed86', rules });
  expect(body).toMatchObject({
    ok: true,
    value: {
      rules: [
        { resource: 'spend_nano', window: 'day', limit: 12_500_000_000, kind: 'hard' },
        { resource: 'requests', limit: 3 },
      ],
    },
  });
  const wrong = parse(quotaEndpoints.setQuota.body.schema, {
    key: 'key_1',
    rules: [{ resource: 'spend_usd', window: 'day', limit: 12.5 }],
  });
  expect(wrong.ok ? undefined : paramOf(wrong.error)).toBeDefined();
});

it('[T123] a route asks in dollars what is left of a budget', () => {
  const route = (budget: object) => ({
    name: 'cheap',
    rules: [{ name: 'poor', when: { budget }, use: { kind: 'refuse', message: 'no money' } }],
    default: { kind: 'refuse', message: 'closed' },
  });
  const { schema } = routeEndpoints.createRoute.body;
  const stated = (budget: object) => {
    const body = parse(schema, route(budget));
    return body.ok ? JSON.stringify(body.value) : messageOf(body.error);
  };
  expect(stated({ left_usd: { lt: '0.5' } })).toBe(stated({ left_nano: { lt: 500_000_000 } }));
  expect(stated({ left_usd: { lt: '0.5' } })).toContain('"left_nano":{"lt":500000000}');
  expect(stated({ left_usd: { lt: '0.5' }, left_nano: { lt: 1 } })).toContain('give one of them');
});
