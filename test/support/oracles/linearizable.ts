/** What one thread did to one key. `invoked` and `returned` are ticks of a clock that all threads share. */
export interface RegisterOperation {
  readonly kind: 'get' | 'set' | 'forget';
  /** Of a `set`: what it wrote, or 0 when it said that nothing was kept. Of a `get`: what it answered, 0 for nothing. */
  readonly value: number;
  readonly invoked: number;
  readonly returned: number;
}

interface Configuration {
  readonly state: number;
  /** Operations under way that have taken effect. */
  readonly done: ReadonlySet<RegisterOperation>;
}

/**
 * Whether some order of the operations explains every answer, in which each takes effect between its call and its return. Wing and Gong's
 * search, an operation at a time: after every return only the states matter that the operations under way can have led to. With
 * `mayLose`, a value may be gone at any time, but once it is it stays so.
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

/** The state after it; undefined when the operation cannot have answered what it did. */
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
