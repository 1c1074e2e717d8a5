import type { Command } from 'commander';

import type { PromptReply, PromptVersionReply, RenderedPromptReply } from '../../../src/contract/prompts/prompts.ts';
import { command, table, UsageError, whole } from '../command/command.ts';
import { allOf } from '../gateway/operator.ts';
import { jsonFile } from '../command/json-file.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { caller, print, shown } from '../gateway/gateway-command.ts';

const HEADINGS = ['prompt', 'newest', 'labels', 'created'];

/** `sluice prompts ...`: the prompts of the tenant whose key is in use. */
export function prompts(): Command {
  return command('prompts', 'Templates that calls name. The key in use needs the scopes prompts:read and prompts:write.')
    .addCommand(
      shown(command('apply', 'Makes the next version of the prompt in a JSON file.'))
        .argument('<file>', 'JSON: name, messages, variables; - is the standard input')
        .option('--label <label...>', 'labels that the version takes over, besides those in the file')
        .action(apply),
    )
    .addCommand(shown(command('list', 'All prompts, and what their labels name.')).action(list))
    .addCommand(shown(named('show', 'A prompt with its versions.')).action(show))
    .addCommand(
      shown(named('render', 'Fills in a prompt, without calling a model.'))
        .option('--version <version>', 'the number of a version, or a label; otherwise production, or else the newest')
        .option('--set <name=value...>', 'values of variables')
        .option('--variables <file>', 'values of variables, as JSON; - is the standard input')
        .action(render),
    )
    .addCommand(
      shown(named('label', 'Lets a label name a version.'))
        .argument('<label>', 'such as production')
        .argument('<version>', 'its number', whole(1, 999_999_999))
        .action(label),
    )
    .addCommand(shown(named('unlabel', 'Removes a label.')).argument('<label>', 'such as staging').action(unlabel))
    .addCommand(named('delete', 'Deletes a prompt with its versions.').action(remove));
}

const named = (name: string, summary: string): Command => command(name, summary).argument('<prompt>', 'its name');

async function apply(file: string, { json, label: added = [] }: Shown & { readonly label?: readonly string[] }): Promise<void> {
  const client = await caller();
  const body = await jsonFile(file);
  const stated = Array.isArray(body['labels']) ? (body['labels'] as unknown[]) : [];
  const made = await client.call<PromptVersionReply>('POST', '/v1/prompts', { ...body, labels: [...stated, ...added] });
  if (json === true) return print(made);
  console.log(`${made.prompt}@${made.version}${made.labels.length === 0 ? '' : ` is ${made.labels.join(', ')}`}`);
}

async function list({ json }: Shown): Promise<void> {
  const all = await allOf<PromptReply>(await caller(), '/v1/prompts', {}, ({ name }) => name);
  if (json === true) return print(all);
  console.log(table(HEADINGS, all.map(rowOf)));
}

async function show(name: string, { json }: Shown): Promise<void> {
  const client = await caller();
  const prompt = await client.call<PromptReply>('GET', pathOf(name));
  const versions = await allOf<PromptVersionReply>(client, `${pathOf(name)}/versions`, {}, ({ version }) => String(version));
  if (json === true) return print({ prompt, versions });
  console.log(table(HEADINGS, [rowOf(prompt)]));
  const made = versions.map((of) => [of.version, dayOf(of.created_at), of.created_by, of.labels.join(' '), of.comment]);
  console.log(`\n${table(['version', 'made', 'by', 'labels', 'comment'], made)}`);
  const newest = versions.at(-1);
  if (newest !== undefined) console.log(`\n${newest.messages.map(({ role, content }) => `${role}: ${content}`).join('\n')}`);
}

async function render(
  name: string,
  {
    json,
    version,
    set = [],
    variables,
  }: Shown & { readonly version?: string; readonly set?: readonly string[]; readonly variables?: string },
): Promise<void> {
  const values = { ...(variables === undefined ? {} : await jsonFile(variables)), ...Object.fromEntries(set.map(pairOf)) };
  const body = { ...(version === undefined ? {} : { version }), variables: values };
  const rendered = await (await caller()).call<RenderedPromptReply>('POST', `${pathOf(name)}/render`, body);
  if (json === true) return print(rendered);
  console.log(rendered.messages.map(({ role, content }) => `${role}: ${content}`).join('\n'));
}

async function label(name: string, as: string, version: number, { json }: Shown): Promise<void> {
  const prompt = await (await caller()).call<PromptReply>('PUT', `${pathOf(name)}/labels/${labelOf(as)}`, { version });
  if (json === true) return print(prompt);
  console.log(`${as} is ${name}@${version}`);
}

async function unlabel(name: string, as: string, { json }: Shown): Promise<void> {
  const prompt = await (await caller()).call<PromptReply>('DELETE', `${pathOf(name)}/labels/${labelOf(as)}`);
  if (json === true) return print(prompt);
  console.log(`${as} names no version of ${name}`);
}

async function remove(name: string): Promise<void> {
  await (await caller()).call('DELETE', pathOf(name));
  console.log(`${name} is deleted`);
}

const rowOf = ({ name, newest_version: newest, labels, created_at: createdAt }: PromptReply): readonly (string | number)[] => [
  name,
  newest,
  Object.entries(labels)
    .map(([as, { version }]) => `${as}=${version}`)
    .join(' ') || '-',
  dayOf(createdAt),
];

const dayOf = (seconds: number): string => new Date(seconds * 1_000).toISOString().slice(0, 10);

/** `name=value`; what is more of `=` is the value's. */
function pairOf(pair: string): readonly [string, string] {
  const at = pair.indexOf('=');
  if (at < 1) throw new UsageError(`"${pair}" is not name=value`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}

/** The path of a prompt; a mistyped name must not lead to another endpoint. */
function pathOf(name: string): string {
  if (!/^[a-zA-Z0-9][\w.-]{0,63}$/.test(name)) throw new UsageError(`"${name}" is not the name of a prompt`);
  return `/v1/prompts/${name}`;
}

function labelOf(text: string): string {
  if (!/^[a-z][a-z0-9_-]{0,31}$/.test(text)) throw new UsageError(`"${text}" is not a label`);
  return text;
}
