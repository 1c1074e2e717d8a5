import { current } from './invocation.ts';
import { messageBytes } from './message-bytes.ts';

let isCounted = false;

/** From now on what objects of this isolate write is measured. Their classes are of the platform, so that their methods are replaced. */
export function countStorage(storage: DurableObjectStorage): void {
  if (isCounted) return;
  isCounted = true;
  before(storage.sql, 'exec', (statement: string, ...values: unknown[]) => {
    const { use } = current();
    use.parameters = Math.max(use.parameters, values.length);
    use.statementChars = Math.max(use.statementChars, statement.length);
    for (const value of values) current().stored(statement, storedBytes(value));
  });
  before(storage.kv, 'put', (key: string, value: unknown) => current().stored(`kv ${key}`, key.length + messageBytes(value)));
  before(storage, 'put', (key: unknown, value: unknown) => current().stored(`put ${String(key)}`, messageBytes(key) + messageBytes(value)));
  before(storage, 'setAlarm', () => void (current().use.alarms += 1));
}

/** Of a view SQLite stores only what it shows. */
const storedBytes = (value: unknown): number =>
  ArrayBuffer.isView(value) ? value.byteLength : typeof value === 'string' ? new Blob([value]).size : messageBytes(value);

/** Tells `seen` of each call of a method, of whichever object of that class. */
function before<T extends object>(object: T, name: keyof T & string, seen: (...args: never[]) => void): void {
  const prototype = Object.getPrototypeOf(object) as Record<string, (...args: unknown[]) => unknown>;
  const method = prototype[name];
  if (method === undefined) throw new Error(`no ${name}`);
  prototype[name] = function counted(...args: unknown[]) {
    (seen as (...args: unknown[]) => void)(...args);
    return Reflect.apply(method, this, args);
  };
}
