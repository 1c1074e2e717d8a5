/** Whether two digests are the same text, in time that depends on their length alone. */
export function constantTimeEqual(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let position = 0; position < a.length; position++) difference |= a.charCodeAt(position) ^ b.charCodeAt(position % b.length);
  return difference === 0;
}
