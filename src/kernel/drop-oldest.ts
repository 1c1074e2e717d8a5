/** Keeps a map or a set that has just grown within a bound: the key that was set first goes. */
export function dropOldest<K>(keys: Map<K, unknown> | Set<K>, countMax: number): void {
  const [oldest] = keys.keys();
  if (keys.size > countMax && oldest !== undefined) keys.delete(oldest);
}
