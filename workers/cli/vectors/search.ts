import { InvalidArgumentError } from 'commander';

import { VECTOR_LIMITS } from '../../../src/contract/vectors/vector-limits.ts';
import { command, whole, table } from '../command/command.ts';
import { GatewayClient, currentProfile } from '../gateway/gateway-client.ts';

interface Flags {
  readonly topK: number;
  readonly namespace?: string;
  readonly filter?: object;
  readonly exact?: boolean;
  readonly json?: boolean;
}

export interface Found {
  readonly matches: readonly {
    readonly id: string;
    readonly score: number;
    readonly text?: string | null;
    readonly metadata?: object | null;
  }[];
}

const TEXT_CHARS_SHOWN = 80;

/** `sluice search INDEX WORDS...` */
export const search = () =>
  command('search', 'Searches an index by a text; the index must be pinned to a model.')
    .argument('<index>', 'name or alias of the index')
    .argument('<text...>', 'what to look for')
    .option('-k, --top-k <n>', 'matches', whole(1, VECTOR_LIMITS.topKMaxCount), VECTOR_LIMITS.topKDefaultCount)
    .option('--namespace <name>', 'of the vectors')
    .option('--filter <json>', `such as '{"page": {"$lt": 10}}'`, objectOf)
    .option('--exact', 'compare with every vector')
    .option('--json', 'print the answer as JSON')
    .action(async (index: string, words: readonly string[], { topK, namespace, filter, exact, json }: Flags) => {
      const profile = await currentProfile();
      const client = new GatewayClient(profile, profile.apiKey);
      const body = { text: words.join(' '), top_k: topK, namespace, filter, exact, include_text: true };
      const found = await client.call<Found>('POST', `/v1/indexes/${encodeURIComponent(index)}/query`, body);
      if (json === true) return console.log(JSON.stringify(found, null, 2));
      console.log(matchTable(found));
    });

/** The matches of a search, one a line. */
export function matchTable({ matches }: Found): string {
  const rows = matches.map(({ id, score, text, metadata }) => {
    const shown = (text ?? '').replaceAll(/\s+/g, ' ').slice(0, TEXT_CHARS_SHOWN);
    return [score.toFixed(4), id, shown, metadata === null || metadata === undefined ? '' : JSON.stringify(metadata)];
  });
  return rows.length === 0 ? 'nothing was found' : table(['score', 'id', 'text', 'metadata'], rows);
}

function objectOf(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Reported below, like any other value that is not an object.
  }
  throw new InvalidArgumentError('It must be a JSON object.');
}
