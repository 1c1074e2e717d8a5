/** One operation of one thread on one key. `invoked` and `returned` are ticks of a clock that all threads share. */
export interface RegisterOperation {
  readonly kind: 'get' | 'set' | 'forget';
  /** Of a `set`: the value written, or 0 if it reported that it stored nothing. Of a `get`: the value returned, 0 for none. */
  readonly value: number;
  readonly invoked: number;
  readonly returned: number;
}

interface Configuration {
  readonly state: number;
  /** Operations still under way that have taken effect already. */
  readonly done: ReadonlySet<RegisterOperation>;
}

/**
 * Whether the operations are linearizable: some order explains every answer, with each operation taking effect between its call and its
 * return. This is Wing and Gong's search, one return at a time: after each it keeps the states that the operations still under way can
 * have led to. With `mayLose`, a value may disappear at any time, and then stays gone.
 */
export function isLinearizable(operations: readonly RegisterOperation[], { mayLose }: { readonly mayLose: boolean }): boolean {
  const events = operations.flatMap((operation) => [
    { at: operation.invoked, operation, returns: false },
    { at: operation.returned, operation, returns: true },
  ]);
  const pending = new Set<RegisterOperation>();
  let possible: Configuration[] = [{ state: 0, done: new Set() }];
  for (const { operation, returns } of events.sort((a, b) => a.at - b.at)) {
    if (!returns) pending.add(operation);
    else {
      possible = afterReturn(possible, pending, operation, mayLose);
      pending.delete(operation);
      if (possible.length === 0) return false;
    }
  }
  return true;
}

function afterReturn(
  from: readonly Configuration[],
  pending: ReadonlySet<RegisterOperation>,
  returned: RegisterOperation,
  mayLose: boolean,
): Configuration[] {
  const [seen, after] = [new Set<string>(), new Map<string, Configuration>()];
  const open = [...from];
  for (let next; (next = open.pop()) !== undefined;) {
    const { state, done } = next;
    if (done.has(returned)) {
      const rest = new Set([...done].filter((operation) => operation !== returned));
      after.set(nameOf(state, rest), { state, done: rest });
      continue;
    }
    for (const operation of pending) {
      const result = done.has(operation) ? undefined : apply(state, operation, mayLose);
      if (result === undefined) continue;
      const reached = { state: result, done: new Set([...done, operation]) };
      const name = nameOf(reached.state, reached.done);
      if (!seen.has(name)) open.push(reached);
      seen.add(name);
    }
  }
  return [...after.values()];
}

/** The state after the operation; undefined when the operation cannot have returned what it did in this state. */
function apply(state: number, { kind, value }: RegisterOperation, mayLose: boolean): number | undefined {
  if (kind === 'forget') return 0;
  if (kind === 'set') return value === 0 ? state : value;
  if (value === state) return state;
  return value === 0 && mayLose ? 0 : undefined;
}

const nameOf = (state: number, done: ReadonlySet<RegisterOperation>): string =>
  `${state}|${[...done]
    .map(({ invoked }) => invoked)
    .sort((a, b) => a - b)
    .join()}`;
