/**
 * What the status of an answer says, for the request and for who gave it. [U204]
 *
 * `answer`: it serves the call. `rejected`: the request itself is wrong, wherever it goes. `busy`: the target has too much to do. `failed`: it, or another one,
 * may do better. `absent`: what the request names is not there. `misconfigured`: the target's secret or address is wrong, or its account; no caller can change
 * that by another request, so it is never said as if it were the caller's own.
 */
export type StatusMeaning = 'answer' | 'rejected' | 'busy' | 'failed' | 'absent' | 'misconfigured';

const MEANINGS: ReadonlyMap<number, StatusMeaning> = new Map([
  [401, 'misconfigured'],
  [402, 'misconfigured'],
  [403, 'misconfigured'],
  [404, 'absent'],
  [405, 'misconfigured'],
  [407, 'misconfigured'],
  [408, 'failed'],
  [409, 'failed'],
  [410, 'misconfigured'],
  [421, 'misconfigured'],
  [425, 'failed'],
  [426, 'misconfigured'],
  [429, 'busy'],
  // Anthropic's own status for an overload.
  [529, 'busy'],
]);

export function meaningOf(status: number): StatusMeaning {
  if (status >= 500) return MEANINGS.get(status) ?? 'failed';
  // A redirect is not followed: the upstream is not where it is said to be.
  if (status >= 300 && status < 400) return 'misconfigured';
  return status < 400 ? 'answer' : (MEANINGS.get(status) ?? 'rejected');
}
