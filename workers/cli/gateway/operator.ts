import { UsageError } from '../command/command.ts';
import { currentProfile, GatewayClient, queryOf } from './gateway-client.ts';

/** Calls as an operator: with the admin key. */
export async function operator(): Promise<GatewayClient> {
  const profile = await currentProfile();
  if (profile.adminKey === undefined) throw new UsageError('no admin key is known; set SLUICE_ADMIN_KEY');
  return new GatewayClient(profile, profile.adminKey);
}

/** All of a list, page by page; `keyOf`: by what it goes on. */
export async function allOf<T>(
  client: GatewayClient,
  path: string,
  query: Readonly<Record<string, string | undefined>>,
  keyOf: (item: T) => string,
): Promise<readonly T[]> {
  const all: T[] = [];
  for (let after: string | undefined, hasMore = true; hasMore;) {
    const page = await client.call<{ data: T[]; has_more: boolean }>('GET', `${path}${queryOf({ limit: 100, ...query, after })}`);
    all.push(...page.data);
    const last = page.data.at(-1);
    after = last === undefined ? undefined : keyOf(last);
    hasMore = page.has_more && after !== undefined;
  }
  return all;
}
