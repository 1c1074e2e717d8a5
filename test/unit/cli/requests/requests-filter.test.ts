import { expect, it } from 'vitest';

import { parse } from '../../../../src/contract/api/parse.ts';
import { ENDPOINTS } from '../../../../src/contract/endpoints.ts';
import { asked } from '../../../../workers/cli/requests/requests.ts';

it('asks for requests in the names of the API, by everything that options say', () => {
  const filter = {
    key: 'key_1mjy8hvgvjntm4zjzvqecqmy1jh8',
    route: 'desk@2',
    model: 'small',
    target: 'lab/small',
    status: 429,
    from: 1_795_857_000,
    to: 1_795_858_000,
    costMin: '0.01',
    costMax: '2',
    cache: 'hit',
    reuse: 'verified',
  };
  const { costMin, costMax, ...same } = filter;
  const sent = asked(filter);
  expect(sent).toEqual({ ...same, cost_min_usd: costMin, cost_max_usd: costMax });
  // In a query all of it is text.
  const query = Object.fromEntries(Object.entries(sent).map(([name, value]) => [name, String(value)]));
  expect(parse(ENDPOINTS.listRequests.query, query)).toMatchObject({ ok: true });
  expect(parse(ENDPOINTS.exportRequests.body.schema, sent)).toMatchObject({ ok: true });
  expect(Object.values(asked({}))).toEqual(Array.from({ length: 11 }, () => undefined));
});
