import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';

import type { Contender } from '../contender.ts';
import { requirePeer, widths } from '../peer.ts';
import type { VectorSet } from '../vector-set.ts';
import { vectorAt } from '../vectors.ts';

const M = 16;
const EF_CONSTRUCTION = 200;
const DISTANCES = { cosine: 'cosine', dot: 'ip', l2: 'l2' } as const;
const FILE = 'index.hnsw';

/** A virtual table of SQLite over hnswlib, with kernels of its own. It writes its file when the database is closed. */
export function vectorlite(): Contender {
  const { vectorlitePath } = requirePeer('vectorlite') as { vectorlitePath: () => string };
  let database: DatabaseSync;
  let statement: StatementSync;
  const create = ({ metric, base }: VectorSet, folder: string): DatabaseSync => {
    const created = new DatabaseSync(':memory:', { allowExtension: true });
    created.loadExtension(vectorlitePath());
    const graph = `hnsw(max_elements=${base.count}, M=${M}, ef_construction=${EF_CONSTRUCTION}, random_seed=1)`;
    const vector = `v float32[${base.dimensions}] ${DISTANCES[metric]}`;
    created.exec(`CREATE VIRTUAL TABLE vectors USING vectorlite(${vector}, ${graph}, '${join(folder, FILE)}')`);
    return created;
  };
  return {
    version: `vectorlite 0.2.0 M${M} ef${EF_CONSTRUCTION}`,
    settings: (topK) => widths(topK, [20, 60, 100, 150, 200, 300, 400, 600, 1000]).map((ef) => ({ ef })),
    build(set, folder) {
      const built = create(set, folder);
      const insert = built.prepare('INSERT INTO vectors (rowid, v) VALUES (?, ?)');
      for (let row = 0; row < set.base.count; row += 1) insert.run(row, bytesOf(vectorAt(set.base, row)));
      built.close();
      return statSync(join(folder, FILE)).size;
    },
    open(set, folder) {
      database = create(set, folder);
    },
    use({ ef = 0 }) {
      statement = database.prepare(`SELECT rowid FROM vectors WHERE knn_search(v, knn_param(?, ?, ${ef}))`);
    },
    // topK must be an integer: a JavaScript number would be bound as a real number, which it rejects.
    search: (query, topK) => statement.all(bytesOf(query), BigInt(topK)),
    found: (answer) => (answer as { rowid: number }[]).map(({ rowid }) => rowid),
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength);
