import type { Command } from 'commander';
import { Option } from 'commander';

import { METRICS } from '../../../src/contract/indexes/index-settings.ts';
import { command, table, UsageError, whole } from '../command/command.ts';
import { jsonFile, jsonIn } from '../command/json-file.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { caller, print, shown } from '../gateway/gateway-command.ts';
import { allOf } from '../gateway/operator.ts';
import type { Found } from '../vectors/search.ts';
import { matchTable } from '../vectors/search.ts';
import { evaluate } from './evaluate.ts';
import { tune } from './tune.ts';

/** What the commands show of an index. */
interface IndexView {
  readonly name: string;
  readonly dimensions: number;
  readonly metric: string;
  readonly model: string | null;
  /** nDCG@10 as a share of that of BM25. */
  readonly retrieval_quality: number | null;
  readonly fields: Readonly<Record<string, { readonly kind: string }>>;
  readonly owner: string;
  readonly created: number;
}

interface StatsView {
  readonly name: string;
  readonly vectors: number;
  readonly vectors_max: number;
  readonly shards: number;
  readonly replicas: number;
  readonly namespaces: number;
  readonly storage_bytes: number;
  readonly memory_bytes: number;
}

interface NewIndex extends Shown {
  readonly model?: string;
  readonly dimensions?: number;
  readonly metric: string;
  readonly fields?: unknown;
  readonly owner?: string;
}

const MIB = 1024 * 1024;

/** `sluice indexes list|create|search|evaluate|tune|stats|delete`. */
export const indexes = (): Command =>
  command('indexes', 'Indexes of vectors. The key in use needs the scopes index:read and index:write.')
    .addCommand(shown(command('list', 'All indexes, by name.')).action(list))
    .addCommand(
      shown(named('create', 'Creates an index: of texts, which a model embeds, or of vectors.'))
        .addOption(new Option('--model <name>', 'the model that embeds its texts').conflicts('dimensions'))
        .option('--dimensions <n>', 'the length of its vectors', whole(1, Number.MAX_SAFE_INTEGER))
        .addOption(new Option('--metric <metric>', 'how vectors are compared').choices(METRICS).default('cosine'))
        .option('--fields <json>', 'what vectors have besides their values, such as {"title": {"kind": "text"}}', fieldsIn)
        .option('--owner <team>', 'the team that is responsible for it (default: the owner of the key in use)')
        .action(create),
    )
    .addCommand(
      shown(named('search', 'Searches an index by a plan of several legs and stages.'))
        .argument('<file>', 'the plan as JSON, as `POST /v1/indexes/{index}/search` takes it; -: the standard input')
        .action(search),
    )
    .addCommand(evaluate())
    .addCommand(tune())
    .addCommand(shown(named('stats', 'How large an index is.')).action(stats))
    .addCommand(shown(named('delete', 'Deletes an index and erases its vectors, for good.')).action(remove));

const named = (name: string, summary: string): Command => command(name, summary).argument('<index>', 'its name');

const fieldsIn = (json: string): unknown => jsonIn(json, '--fields');

const pathOf = (name: string, below = ''): string => `/v1/indexes/${encodeURIComponent(name)}${below}`;

async function list({ json }: Shown): Promise<void> {
  const all = await allOf<IndexView>(await caller(), '/v1/indexes', {}, ({ name }) => name);
  if (json === true) return print(all);
  const rows = all.map(({ name, dimensions, metric, model, owner }) => [name, dimensions ?? '-', metric, model ?? '-', owner]);
  console.log(rows.length === 0 ? 'no indexes' : table(['index', 'dimensions', 'metric', 'model', 'owner'], rows));
}

async function create(name: string, { model, dimensions, metric, fields, owner, json }: NewIndex): Promise<void> {
  if (model === undefined && dimensions === undefined && fields === undefined)
    throw new UsageError('give the model with --model, the length with --dimensions, or fields alone with --fields');
  const made = await (await caller()).call<IndexView>('POST', '/v1/indexes', { name, model, dimensions, metric, fields, owner });
  if (json === true) return print(made);
  const others = Object.entries(made.fields).map(([field, { kind }]) => `${field} (${kind})`);
  if (made.dimensions === null) return console.log(`${made.name} takes ${others.join(', ')}`);
  const beside = others.length === 0 ? '' : `, and beside them ${others.join(', ')}`;
  const quality = made.retrieval_quality === null ? '' : `; the model finds ${made.retrieval_quality} of what BM25 does (nDCG@10)`;
  console.log(
    `${made.name} takes ${made.model === null ? 'vectors' : `texts, by ${made.model}, and vectors`} of ${made.dimensions} numbers${beside}${quality}`,
  );
}

async function search(name: string, file: string, { json }: Shown): Promise<void> {
  const found = await (await caller()).call<Found>('POST', pathOf(name, '/search'), await jsonFile(file));
  if (json === true) return print(found);
  console.log(matchTable(found));
}

async function stats(name: string, { json }: Shown): Promise<void> {
  const found = await (await caller()).call<StatsView>('GET', pathOf(name, '/stats'));
  if (json === true) return print(found);
  const { vectors, vectors_max: most, shards, replicas, namespaces, storage_bytes: stored, memory_bytes: held } = found;
  const row = [found.name, vectors, most, shards, replicas, namespaces, (stored / MIB).toFixed(1), (held / MIB).toFixed(1)];
  console.log(table(['index', 'vectors', 'at most', 'shards', 'replicas', 'namespaces', 'MiB stored', 'MiB in memory'], [row]));
}

async function remove(name: string, { json }: Shown): Promise<void> {
  const gone = await (await caller()).call<{ id: string; name: string; vectors: number; bytes: number }>('DELETE', pathOf(name));
  if (json === true) return print(gone);
  console.log(`${gone.name} is deleted with ${gone.vectors} vectors; its erasure is proved by GET /v1/erasures/${gone.id}`);
}
