import type { PurgePredicate } from '../../src/cache/purge-predicate.ts';

/** The entries that a predicate matches, as a condition on the table `entries` and its bindings. Decides as `PurgeMatcher` does. */
export interface PurgeCondition {
  readonly sql: string;
  readonly bindings: readonly (string | number)[];
}

export function purgeCondition(predicate: PurgePredicate): PurgeCondition {
  const { digests, tags, tagPrefix, model, modelVersion, filledBeforeMs, filledBy } = predicate;
  const selectors: readonly (readonly [string, string | number | undefined])[] = [
    ['digest IN (SELECT value FROM json_each(?))', digests && JSON.stringify(digests)],
    ['EXISTS (SELECT 1 FROM json_each(tags) WHERE value IN (SELECT value FROM json_each(?)))', tags && JSON.stringify(tags)],
    // Characters and their order, not their folding: LIKE and GLOB would give some of them a meaning.
    ['EXISTS (SELECT 1 FROM json_each(tags) AS tag, (SELECT ? AS prefix) WHERE substr(tag.value, 1, length(prefix)) = prefix)', tagPrefix],
    ['origin IN (SELECT origin FROM origins WHERE model = ?)', model],
    ['origin IN (SELECT origin FROM origins WHERE version = ?)', modelVersion],
    ['known_ms < ?', filledBeforeMs],
    ['(filled_by = ? OR filled_by IS NULL)', filledBy],
  ];
  const given = selectors.flatMap(([sql, binding]) => (binding === undefined ? [] : [{ sql, binding }]));
  return { sql: ['1', ...given.map(({ sql }) => sql)].join(' AND '), bindings: given.map(({ binding }) => binding) };
}
