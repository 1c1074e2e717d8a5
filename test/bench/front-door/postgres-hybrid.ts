import { TOP_K } from './contender.ts';
import type { PostgresServer } from './postgres.ts';
import { BUILD_SETTINGS, execution, inSql, intsIn, preparedWire, startPostgres, vectorParameter } from './postgres.ts';
import type { HybridContender, HybridSearch, SearchedTexts } from './searched-texts.ts';

const ROWS_AT_ONCE = 500;
/** How many each leg finds, as plans of Sluice do if nothing is said. */
const LEG_MATCHES = 100;
const RRF_K = 60;

/** Any word of a question: hardly a text has all of them (nDCG@10 0.07). */
const ANY_WORD = "replace(plainto_tsquery('english', $1::text)::text, '&', '|')::tsquery";

/** PostgreSQL with a GIN index of the texts' words and an HNSW index of pgvector; undefined if they are not installed. */
export async function postgresHybrid(texts: SearchedTexts): Promise<HybridContender | undefined> {
  const server = await startPostgres();
  if (server === undefined) return undefined;
  await filled(server, texts);
  const { port, cpuS, stop } = server;
  return { name: 'PostgreSQL', searches: [byText(port), byBoth(port)], cpuS, stop };
}

async function filled(server: PostgresServer, { documents: { texts, vectors, dimensions } }: SearchedTexts): Promise<void> {
  await inSql(server, async (send) => {
    await send(`CREATE EXTENSION vector;\nCREATE TABLE items (id int PRIMARY KEY, body text, embedding vector(${dimensions}),
      words tsvector GENERATED ALWAYS AS (to_tsvector('english', body)) STORED);\nCOPY items (id, body, embedding) FROM STDIN;\n`);
    for (let from = 0; from < texts.length; from += ROWS_AT_ONCE) {
      const lines = texts.slice(from, from + ROWS_AT_ONCE).map((text, i) => {
        const vector = vectors.subarray((from + i) * dimensions, (from + i + 1) * dimensions);
        return `${from + i}\t${text.replaceAll('\\', '\\\\').replaceAll(/[\t\n\r]/g, ' ')}\t[${vector.join()}]\n`;
      });
      await send(lines.join(''));
    }
    await send(`\\.\n${BUILD_SETTINGS}CREATE INDEX ON items USING gin (words);\n`);
    await send('CREATE INDEX ON items USING hnsw (embedding vector_cosine_ops) WITH (m=16, ef_construction=64);\nVACUUM ANALYZE items;\n');
  });
}

/** Ranks count how often words are in a text, less in a long one. */
function byText(port: number): HybridSearch {
  const sql = `SELECT id FROM items, (SELECT ${ANY_WORD} AS query) asked
    WHERE words @@ query ORDER BY ts_rank(words, query, 1) DESC, id LIMIT ${TOP_K}`;
  return {
    setting: 'text',
    wire: preparedWire(port, '', sql),
    request: (text) => execution(Buffer.from(text)),
    rowsOf: intsIn,
  };
}

/** Both legs, merged by reciprocal rank fusion. */
function byBoth(port: number): HybridSearch {
  const sql = `WITH asked AS (SELECT ${ANY_WORD} AS query),
    by_words AS (SELECT id, row_number() OVER (ORDER BY rank DESC, id) AS place FROM (
      SELECT id, ts_rank(words, query, 1) AS rank FROM items, asked WHERE words @@ query ORDER BY rank DESC, id LIMIT ${LEG_MATCHES}) best),
    by_vector AS (SELECT id, row_number() OVER (ORDER BY distance) AS place FROM (
      SELECT id, embedding <=> $2::vector AS distance FROM items ORDER BY embedding <=> $2::vector LIMIT ${LEG_MATCHES}) nearest)
    SELECT id FROM (SELECT * FROM by_words UNION ALL SELECT * FROM by_vector) found
    GROUP BY id ORDER BY sum(1.0 / (${RRF_K} + place)) DESC, id LIMIT ${TOP_K}`;
  return {
    setting: 'text and vector, RRF',
    wire: preparedWire(port, `SET hnsw.ef_search = ${LEG_MATCHES}`, sql),
    request: (text, vector) => execution(Buffer.from(text), vectorParameter(vector)),
    rowsOf: intsIn,
  };
}
