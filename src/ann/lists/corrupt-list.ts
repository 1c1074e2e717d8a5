/** Bytes of a list or of a model that are not what was written: truncated, altered, or of another layout. To be rebuilt from the stored vectors. */
export class CorruptList extends Error {
  override readonly name = 'CorruptList';
}

/** Throws unless `condition` holds. `why` states what the bytes fail. */
export function intact(condition: boolean, why: string): asserts condition {
  if (!condition) throw new CorruptList(why);
}
