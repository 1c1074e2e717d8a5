const GIVEN = /^[\w.:-]{1,64}$/;

/** The caller's own id, if it is one that may be logged and sent back; else a new one (G1). */
export function requestIdOf(headers: Headers): string {
  const given = headers.get('x-request-id');
  return given !== null && GIVEN.test(given) ? given : `req_${crypto.randomUUID().replaceAll('-', '')}`;
}
