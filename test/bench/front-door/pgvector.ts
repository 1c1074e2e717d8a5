import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import type { VectorSet } from '../ann/vector-set.ts';
import { vectorAt } from '../ann/vectors.ts';
import type { Contender, Search } from './contender.ts';
import { PART, PARTS, TOP_K } from './contender.ts';
import type { PostgresServer } from './postgres.ts';
import { BUILD_SETTINGS, execution, inSql, intsIn, preparedWire, startPostgres, vectorParameter } from './postgres.ts';

const WIDTHS = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 400];
const OPERATORS: Readonly<Record<Metric, { readonly compares: string; readonly ops: string }>> = {
  cosine: { compares: '<=>', ops: 'vector_cosine_ops' },
  dot: { compares: '<#>', ops: 'vector_ip_ops' },
  l2: { compares: '<->', ops: 'vector_l2_ops' },
};
const ROWS_AT_ONCE = 1_000;

/** PostgreSQL with an HNSW index of pgvector, as packaged by Debian; undefined if they are not installed. */
export async function pgvector(set: VectorSet, filtered: boolean): Promise<Contender | undefined> {
  const server = await startPostgres();
  if (server === undefined) return undefined;
  await copied(server, set);
  await indexed(server, set);
  const searches = WIDTHS.map((width) => searchOf(server.port, width, set.metric, filtered));
  return { name: 'pgvector HNSW', searches, cpuS: server.cpuS, stop: server.stop };
}

/** What filling it costs; undefined if it is not installed. */
export async function pgvectorWrites(set: VectorSet): Promise<object | undefined> {
  const server = await startPostgres();
  if (server === undefined) return undefined;
  const timed = async (work: () => Promise<void>) => {
    const [startedMs, startCpuS] = [performance.now(), await server.cpuS()];
    await work();
    const us = { wall: (performance.now() - startedMs) * 1_000, cpu: ((await server.cpuS()) - startCpuS) * 1e6 };
    return { wallUs: us.wall / set.base.count, cpuUs: us.cpu / set.base.count };
  };
  const copy = await timed(() => copied(server, set));
  const index = await timed(() => indexed(server, set));
  await server.stop();
  return {
    body: 'COPY into pgvector',
    'acked per s': Math.round(1e6 / copy.wallUs),
    'CPU us a row': Number(copy.cpuUs.toFixed(1)),
    'indexed per s': Math.round(1e6 / (copy.wallUs + index.wallUs)),
    'CPU us a row indexed': Number((copy.cpuUs + index.cpuUs).toFixed(1)),
  };
}

async function copied(server: PostgresServer, { base }: VectorSet): Promise<void> {
  await inSql(server, async (send) => {
    await send(`CREATE EXTENSION vector;\nCREATE TABLE items (id int PRIMARY KEY, part int, embedding vector(${base.dimensions}));\n`);
    await send('COPY items FROM STDIN;\n');
    for (let from = 0; from < base.count; from += ROWS_AT_ONCE) {
      let lines = '';
      for (let row = from; row < Math.min(from + ROWS_AT_ONCE, base.count); row += 1)
        lines += `${row}\t${row % PARTS}\t[${vectorAt(base, row).join()}]\n`;
      await send(lines);
    }
    await send('\\.\n');
  });
}

async function indexed(server: PostgresServer, { metric }: VectorSet): Promise<void> {
  await inSql(server, async (send) => {
    await send(BUILD_SETTINGS);
    await send(`CREATE INDEX ON items USING hnsw (embedding ${OPERATORS[metric].ops}) WITH (m=16, ef_construction=64);\n`);
    await send('CREATE INDEX ON items (part);\nVACUUM ANALYZE items;\n');
  });
}

function searchOf(port: number, width: number, metric: Metric, filtered: boolean): Search {
  const where = filtered ? ` WHERE part = ${PART}` : '';
  const sql = `SELECT id FROM items${where} ORDER BY embedding ${OPERATORS[metric].compares} $1::vector LIMIT ${TOP_K}`;
  return {
    ...preparedWire(port, `SET hnsw.ef_search = ${width}; SET hnsw.iterative_scan = strict_order`, sql),
    setting: `ef_search ${width}`,
    request: (query) => execution(vectorParameter(query)),
    rowsOf: intsIn,
  };
}
