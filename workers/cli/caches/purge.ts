import type { Command } from 'commander';
import { Option } from 'commander';

import { command, UsageError, whole } from '../command/command.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { caller, print, shown } from '../gateway/gateway-command.ts';

interface Selected extends Shown {
  readonly text?: string[];
  readonly tag?: string[];
  readonly prefix?: string;
  readonly model?: string;
  readonly modelVersion?: string;
  readonly olderThanMs?: number;
  readonly everything?: boolean;
  readonly soft?: boolean;
  readonly fast?: boolean;
  readonly dryRun?: boolean;
  readonly receipt?: string;
}

/** What a purge answers, and its receipt when it is looked up. */
interface Receipt {
  readonly purge_id: string;
  readonly status: 'pending' | 'effective';
  readonly effective_at: string;
  readonly mode: string;
  readonly erased: boolean;
}

interface Estimate {
  readonly dry_run: true;
  readonly entries: number;
  readonly bytes: number;
}

/** `sluice purge`. */
export const purge = (): Command =>
  shown(
    command('purge', 'Purges what caches hold: what matches all options that are given. The key in use needs the scope cache:purge.')
      .option('--text <text...>', 'texts, as they were sent to be embedded')
      .option('--tag <tag...>', 'what carries any of these tags')
      .option('--prefix <text>', 'what has a tag that begins so')
      .option('--model <name>', 'what this model answered, by any of its names')
      .option('--model-version <version>', 'only of this version of the model')
      .option('--older-than-ms <ms>', 'what began to be computed longer ago', whole(1, Number.MAX_SAFE_INTEGER))
      .option('--everything', 'all that is cached for the tenant')
      .option('--soft', 'leave it to requests that accept what is stale')
      .option('--fast', 'do not wait until it holds')
      .option('--dry-run', 'only count what it would find')
      .addOption(new Option('--receipt <id>', 'show the receipt of an earlier purge, such as pg_..., and purge nothing')),
  ).action(run);

async function run({ json, receipt, ...selected }: Selected): Promise<void> {
  const client = await caller();
  if (receipt !== undefined) {
    if (!/^pg_[0-9a-z]+$/.test(receipt)) throw new UsageError(`--receipt: "${receipt}" is not the id of a purge, such as pg_...`);
    return show(await client.call<Receipt>('GET', `/v1/cache/purges/${receipt}`), json);
  }
  const { text, tag, prefix, model, modelVersion, olderThanMs, everything } = selected;
  const body = { text, tags: tag, prefix, model, model_version: modelVersion, older_than_ms: olderThanMs, everything };
  if (Object.values(body).every((value) => value === undefined))
    throw new UsageError('say what to purge, such as --model or --tag, or --everything');
  const how = {
    mode: selected.soft === true ? 'soft' : 'hard',
    consistency: selected.fast === true ? 'fast' : 'next-read',
    dry_run: selected.dryRun === true,
  };
  show(await client.call<Receipt | Estimate>('POST', '/v1/cache/purge', { ...body, ...how }), json);
}

function show(answer: Receipt | Estimate, json: boolean | undefined): void {
  if (json === true) return print(answer);
  if ('dry_run' in answer) return console.log(`it would find ${answer.entries} entries of ${answer.bytes} bytes in the second level`);
  const { purge_id: id, status, effective_at: at, mode, erased } = answer;
  const stored = mode === 'soft' ? 'stays as stale' : erased ? 'is erased' : 'is being erased';
  console.log(
    `${id} is ${status}: no request accepted after ${at} is answered with what it took, which ${stored}\n` +
      `its receipt, later: sluice purge --receipt ${id}`,
  );
}
