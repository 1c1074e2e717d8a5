import { expect, it } from 'vitest';

import { resolve } from '../../../src/upstreams/resolve.ts';
import { routeText } from '../../../src/upstreams/route-text.ts';
import { targetOf } from '../../support/upstreams/target.ts';

const own = targetOf({ upstream: 'ours', upstreamId: '1' });
const shared = targetOf({ upstream: 'shared', upstreamId: '2' });
const hidden = targetOf({ upstream: 'ours', upstreamId: '3' });
const hub = targetOf({ upstream: 'shared', upstreamId: '2', model: { name: 'meta/llama', serves: ['embeddings'] } });
const visible = { own: [own], platform: [shared, hidden, hub] };

it('[U38] finds the targets of a name, the own before those of the platform', () => {
  expect(resolve(visible, 'small', 'chat')).toEqual({ ok: true, value: { groups: [[own], [shared]], reason: 'model' } });
  expect(resolve(visible, 'ours/small', 'chat')).toMatchObject({ value: { groups: [[own]] } });
  expect(resolve(visible, 'shared/meta/llama', 'embeddings')).toMatchObject({ value: { groups: [[hub]] } });
  expect(resolve(visible, 'meta/llama', 'chat')).toMatchObject({ error: { code: 'invalid_value', path: ['model'] } });
  expect(resolve(visible, 'other', 'chat')).toMatchObject({
    error: {
      code: 'model_not_found',
      resource: { kind: 'model', name: 'other' },
      message: 'no upstream that the key may use has a model "other": see GET /v1/models',
    },
  });
});

it('[U39] says what served', () => {
  const plan = { groups: [[own], [shared]], reason: 'model' };
  const attempt = { upstream: 'ours', model: 'small', elapsedMs: 1 };
  expect(routeText({ target: own, plan, attempts: [attempt] })).toBe('ours/small; attempts=1; reason=model');
  expect(routeText({ target: shared, plan, attempts: [attempt, attempt] })).toBe('shared/small; attempts=2; reason=fallback');
  const odd = targetOf({ model: { name: 'a "b"\u00e9@1' } });
  expect(routeText({ target: odd, plan: { groups: [[odd]], reason: 'rule:x' }, attempts: [] })).toBe(
    String.raw`"lab/a \"b\"?@1"; attempts=0; reason=rule:x`,
  );
});
