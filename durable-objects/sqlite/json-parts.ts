// A text that a statement binds has 2 MB at most. An id and its namespace have 576 bytes, and written as JSON up to six times as many.
const VALUES_OF_ONE_STATEMENT = 500;

/** Ids, alone or with their namespaces, as JSON arrays that statements can bind: in as many parts as it takes, in their order. */
export function* jsonParts(values: readonly unknown[]): Generator<string> {
  for (let from = 0; from < values.length; from += VALUES_OF_ONE_STATEMENT) {
    yield JSON.stringify(values.slice(from, from + VALUES_OF_ONE_STATEMENT));
  }
}
