import { expect, it } from 'vitest';

import type { TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import type { ListedModel } from '../../../../src/gateway/models/model-catalogue.ts';
import { anthropicModelReply, modelReply } from '../../../../workers/gateway/routes/models/model-replies.ts';
import { idsOf } from '../../../support/fakes/tenancy.ts';
import { ModelWorld } from '../../../support/worlds/model-world.ts';

const { id: keyId, ...ids } = idsOf(1);
const ONE: TenantPrincipal = { kind: 'tenant', keyId, ...ids, owner: 'team', scopes: ['inference'] };

/** A tenant with models of an upstream behind those of the deployment. */
function worldOf(...names: readonly string[]): ModelWorld {
  const world = new ModelWorld();
  const models = names.map((name) => ({ name, upstreamName: name, serves: ['chat'], contextTokens: 16 }));
  world.upstreams.set(ONE.tenantId, [{ name: 'lab', models, createdAtMs: 1_790_000_000_000 } as never]);
  return world;
}

it('[G128] pages have each model once, forwards and backwards, and no more than asked for', async () => {
  const { catalogue } = worldOf('a', 'b', 'c', 'd');
  const idOf = (model: ListedModel) => modelReply(model).id;
  const paged = async (limit: number, from: { readonly after?: string | undefined; readonly before?: string | undefined }) => {
    const page = await catalogue.page(ONE, { limit, after: from.after, before: from.before });
    if (!page.ok) throw new Error(page.error.message);
    expect(page.value.items.length).toBeLessThanOrEqual(limit);
    return { ids: page.value.items.map(idOf), hasMore: page.value.hasMore };
  };
  const all = (await catalogue.list(ONE, 100, undefined)).items.map(idOf);
  expect(all.length).toBeGreaterThan(4);
  for (let limit = 1; limit <= all.length; limit += 1) {
    const forwards: string[] = [];
    for (let hasMore = true; hasMore;) {
      const page = await paged(limit, { after: forwards.at(-1) });
      forwards.push(...page.ids);
      ({ hasMore } = page);
    }
    expect(forwards).toEqual(all);
    const backwards = all.slice(-1);
    for (let hasMore = true; hasMore;) {
      const page = await paged(limit, { before: backwards[0] });
      backwards.unshift(...page.ids);
      ({ hasMore } = page);
    }
    expect(backwards).toEqual(all);
  }
  expect(await catalogue.page(ONE, { limit: 1, after: undefined, before: 'none' })).toMatchObject({ error: { path: ['before_id'] } });
});

it("[G128] a model in Anthropic's shape has every field that its clients read, null where it is unknown", async () => {
  const found = await worldOf('a').catalogue.find(ONE, 'a');
  if (!found.ok) throw new Error(found.error.message);
  expect(anthropicModelReply(found.value)).toEqual({
    type: 'model',
    id: 'a',
    display_name: 'a',
    created_at: '2026-09-21T14:13:20Z',
    max_input_tokens: 16,
    max_tokens: null,
    capabilities: null,
    lifecycle: 'active',
    line: null,
    deprecated_at: null,
    retires_at: null,
  });
});
