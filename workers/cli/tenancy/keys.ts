import type { Command } from 'commander';
import { Option } from 'commander';

import { TENANCY_LIMITS } from '../../../src/contract/tenancy/tenancy-limits.ts';
import { SCOPES } from '../../../src/contract/api/principal.ts';
import { command, UsageError, table, whole } from '../command/command.ts';
import { GatewayClient, queryOf, currentProfile } from '../gateway/gateway-client.ts';

interface Subject {
  readonly admin?: boolean;
  readonly tenant?: string;
  readonly json?: boolean;
}

interface Key {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly scopes: readonly string[];
  readonly labels: readonly string[] | null;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly revoked_at: number | null;
  readonly key?: string;
}

interface NewKey extends Subject {
  readonly name: string;
  readonly owner?: string;
  readonly scopes?: string[];
  readonly resources?: string[];
  readonly labels?: string[];
  readonly days?: string;
}

const PAGE = 100;
const DAY_S = 86_400;
const GRACE_S_MAX = TENANCY_LIMITS.keyGraceMaxMs / 1_000;

/** `sluice keys list|create|rotate|revoke`. */
export const keys = () =>
  command('keys', 'Lists, creates, rotates and revokes API keys. The key in use needs the scope keys:write, or give --admin.')
    .addCommand(subject(command('list', 'The keys of the tenant, oldest first.')).action(list))
    .addCommand(
      subject(command('create', 'Creates a key, and shows its secret once.'))
        .requiredOption('--name <name>', 'of the key')
        .option('--owner <team>', 'the team that is responsible for it (default: the owner of the key in use; with --admin, of the tenant)')
        .addOption(new Option('--scopes <scope...>', 'what it may do (default: what an application needs)').choices(SCOPES))
        .option('--resources <resource...>', 'what it may access, such as index/blog-* (default: everything)')
        .option('--labels <label...>', 'of documents it reads those that have one of these, or none (default: all)')
        .option('--days <n>', 'how long it works (default: for ever)')
        .action(create),
    )
    .addCommand(
      subject(command('rotate', 'Gives a key a new secret, and shows it once.'))
        .argument('<id>', 'such as key_...')
        .option('--grace <s>', 'seconds for which the former secret works; 0 after a leak', whole(0, GRACE_S_MAX), DAY_S)
        .action(rotate),
    )
    .addCommand(
      subject(command('revoke', 'Revokes a key permanently.'))
        .argument('<id>', 'such as key_...')
        .option('--descendants', 'and all keys that descend from it')
        .action(revoke),
    );

const subject = (of: Command): Command =>
  of
    .option('--admin', 'as the admin (SLUICE_ADMIN_KEY, or that of `npm start` on this machine)')
    .option('--tenant <id>', 'the tenant of the keys; with --admin only')
    .option('--json', 'print the answer as JSON');

/** The caller, and the tenant of the keys. */
async function callerOf({ admin, tenant }: Subject): Promise<{ client: GatewayClient; tenant: string | undefined }> {
  const profile = await currentProfile();
  if (admin !== true) return { client: new GatewayClient(profile, profile.apiKey), tenant };
  if (profile.adminKey === undefined) throw new UsageError('--admin: no admin key is known; set SLUICE_ADMIN_KEY');
  const named = tenant ?? profile.tenant;
  if (named === undefined) throw new UsageError('--admin: give the tenant of the keys with --tenant');
  return { client: new GatewayClient(profile, profile.adminKey), tenant: named };
}

async function list(flags: Subject): Promise<void> {
  const { client, tenant } = await callerOf(flags);
  const all: Key[] = [];
  for (let more = true; more;) {
    const query = queryOf({ tenant, limit: PAGE, after: all.at(-1)?.id });
    const page = await client.call<{ data: Key[]; has_more: boolean }>('GET', `/v1/keys${query}`);
    all.push(...page.data);
    more = page.has_more;
  }
  if (flags.json === true) return console.log(JSON.stringify(all, null, 2));
  const rows = all.map((key) => [key.id, key.name, key.owner, stateOf(key), key.scopes.join(' '), key.labels?.join(' ') ?? '']);
  console.log(table(['id', 'name', 'owner', 'state', 'scopes', 'labels'], rows));
}

function stateOf({ revoked_at: revokedS, expires_at: expiresS }: Key): string {
  if (revokedS !== null) return `revoked ${dayOf(revokedS)}`;
  return expiresS === null ? 'works' : `until ${dayOf(expiresS)}`;
}

const dayOf = (atS: number): string => new Date(atS * 1000).toISOString().slice(0, 10);

async function create({ name, owner, scopes, resources, labels, days, ...flags }: NewKey): Promise<void> {
  const lifeDays = days === undefined ? undefined : Number(days);
  if (lifeDays !== undefined && !(lifeDays > 0)) throw new UsageError(`--days: "${days}" is not a number above 0`);
  const { client, tenant } = await callerOf(flags);
  const expires = lifeDays === undefined ? {} : { expires_at: Math.floor(Date.now() / 1000 + lifeDays * DAY_S) };
  const key = await client.call<Key>('POST', '/v1/keys', { tenant, name, owner, scopes, resources, labels, ...expires });
  if (flags.json === true) console.log(JSON.stringify(key, null, 2));
  else console.log(`${key.key}\n\n${key.id}, shown here and never again`);
}

async function rotate(id: string, { grace, ...flags }: Subject & { readonly grace: number }): Promise<void> {
  const { client } = await callerOf(flags);
  const key = await client.call<Key>('POST', `/v1/keys/${encodeURIComponent(id)}/rotate`, { grace_seconds: grace });
  if (flags.json === true) console.log(JSON.stringify(key, null, 2));
  else console.log(`${key.key}\n\nthe secret of ${key.id}, shown here and never again; the former one works for ${grace} s`);
}

async function revoke(id: string, { descendants, ...flags }: Subject & { readonly descendants?: boolean }): Promise<void> {
  const { client } = await callerOf(flags);
  const query = queryOf({ descendants: descendants === true ? 'true' : undefined });
  const key = await client.call<Key>('DELETE', `/v1/keys/${encodeURIComponent(id)}${query}`);
  if (flags.json === true) console.log(JSON.stringify(key, null, 2));
  else console.log(`${key.id} is revoked: every gateway refuses it within a second`);
}
