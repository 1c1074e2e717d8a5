import type { Residue } from '../src/index/erasure.ts';

/** Looks into an object's storage; the platform's own tables count for nothing. */
export async function residueOf(storage: DurableObjectStorage): Promise<Residue> {
  const tables = storage.sql
    .exec<{ count: number }>("SELECT COUNT(*) AS count FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'")
    .one().count;
  const keys = [...storage.kv.list({ limit: 1 })].length;
  return { tables, keys, hasAlarm: (await storage.getAlarm()) !== null };
}
