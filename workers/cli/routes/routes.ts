import type { Command } from 'commander';

import type { ExplanationReply, RouteReply, RouteVersionReply } from '../../../src/contract/routes/routes.ts';
import { command, UsageError, whole } from '../command/command.ts';
import { allOf } from '../gateway/operator.ts';
import { jsonFile } from '../command/json-file.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { caller, print, shown } from '../gateway/gateway-command.ts';
import { explanationLines, routeText, routeTable } from './route-text.ts';

const VERSION_MAX = 999_999_999;

/** `sluice routes ...`: the routes of the tenant whose key is in use. */
export function routes(): Command {
  return command('routes', 'Rules that decide which models serve. The key in use needs the scopes upstreams:read and upstreams:write.')
    .addCommand(
      shown(command('apply', 'Makes the next version of the route in a JSON file, and activates it.'))
        .argument('<file>', 'JSON: name, rules, default; - is the standard input')
        .option('--draft', 'store the version without activating it')
        .option('--canary', 'let the version serve a share of the requests first')
        .action(apply),
    )
    .addCommand(shown(command('list', 'All routes, and which of their versions serve.')).action(list))
    .addCommand(shown(named('show', 'A route: the version that serves, what was measured, what happened.')).action(show))
    .addCommand(
      shown(named('explain', 'Explains what a route does with a request, without sending it.'))
        .option('--request <file>', 'the body of the call, as JSON; - is the standard input')
        .option('--kind <kind>', 'chat, completions, responses, embeddings, rerank or moderations', 'chat')
        .option('--version <n>', 'this version instead of the active one', whole(1, VERSION_MAX))
        .action(explain),
    )
    .addCommand(
      shown(named('activate', 'Lets a version serve, such as a draft or an earlier one.'))
        .argument('<version>', 'its number', whole(1, VERSION_MAX))
        .option('--canary', 'a share of the requests first')
        .action(activate),
    )
    .addCommand(shown(named('rollback', 'Ends the canary or, without one, activates the previous version again.')).action(rollback))
    .addCommand(named('delete', 'Deletes a route with its versions.').action(remove));
}

const named = (name: string, summary: string): Command => command(name, summary).argument('<route>', 'its name');

async function apply(
  file: string,
  { json, draft, canary }: Shown & { readonly draft?: boolean; readonly canary?: boolean },
): Promise<void> {
  if (draft === true && canary === true) throw new UsageError('Give --draft or --canary: a draft serves nothing.');
  const client = await caller();
  const body = { ...(await jsonFile(file)), activate: draft !== true && canary !== true };
  const made = await client.call<RouteVersionReply>('POST', '/v1/routes', body);
  if (canary === true) await client.call<RouteReply>('POST', `${routePath(made.route)}/activate`, activation(made.version, true));
  if (json === true) return print(made);
  const state = canary === true ? 'is the canary' : draft === true ? 'is stored' : 'serves';
  console.log(`${made.route}@${made.version} ${state}`);
}

async function list({ json }: Shown): Promise<void> {
  const all = await allOf<RouteReply>(await caller(), '/v1/routes', {}, ({ name }) => name);
  if (json === true) return print(all);
  console.log(routeTable(all));
}

async function show(name: string, { json }: Shown): Promise<void> {
  const client = await caller();
  const route = await client.call<RouteReply>('GET', routePath(name));
  const versions = await allOf<RouteVersionReply>(client, `${routePath(name)}/versions`, {}, ({ version }) => String(version));
  const active = versions.find((version) => version.is_active) ?? null;
  if (json === true) return print({ route, version: active });
  console.log(routeText(route, active ?? undefined));
}

async function explain(
  name: string,
  { json, request, kind, version }: Shown & { readonly request?: string; readonly kind: string; readonly version?: number },
): Promise<void> {
  const body = {
    kind,
    ...(version === undefined ? {} : { version }),
    ...(request === undefined ? {} : { request: await jsonFile(request) }),
  };
  const explained = await (await caller()).call<ExplanationReply>('POST', `${routePath(name)}/explain`, body);
  if (json === true) return print(explained);
  console.log(explanationLines(explained).join('\n'));
}

async function activate(name: string, version: number, { json, canary }: Shown & { readonly canary?: boolean }): Promise<void> {
  const isCanary = canary === true;
  const route = await (await caller()).call<RouteReply>('POST', `${routePath(name)}/activate`, activation(version, isCanary));
  if (json === true) return print(route);
  console.log(`${name}@${version} ${isCanary ? 'is the canary' : 'serves'}`);
}

const activation = (version: number, isCanary: boolean) => ({ version, ...(isCanary ? { canary: {} } : {}) });

async function rollback(name: string, { json }: Shown): Promise<void> {
  const route = await (await caller()).call<RouteReply>('POST', `${routePath(name)}/rollback`);
  if (json === true) return print(route);
  console.log(`${name}@${route.active_version ?? '-'} serves`);
}

async function remove(name: string): Promise<void> {
  await (await caller()).call('DELETE', routePath(name));
  console.log(`${name} is deleted`);
}

/** The path of a route; a mistyped name must not lead to another endpoint. */
function routePath(name: string): string {
  if (!/^[a-zA-Z0-9][\w.-]{0,63}$/.test(name)) throw new UsageError(`"${name}" is not the name of a route`);
  return `/v1/routes/${name}`;
}
