/** What an object and a reference take, about. */
const OBJECT_BYTES = 48;
const FIELD_BYTES = 16;

/** About how much memory a value takes that is made of plain objects, texts and typed arrays. Texts count two bytes a UTF-16 unit. */
export function heldBytes(value: unknown): number {
  if (typeof value === 'string') return 2 * value.length;
  if (typeof value !== 'object' || value === null) return 0;
  if (ArrayBuffer.isView(value)) return OBJECT_BYTES + value.byteLength;
  return Object.values(value).reduce<number>((bytes, member) => bytes + FIELD_BYTES + heldBytes(member), OBJECT_BYTES);
}
