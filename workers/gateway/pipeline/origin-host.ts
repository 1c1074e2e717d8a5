/**
 * The host of a URL that is an origin and nothing else, as `fetch` will understand it: numbers and other spellings of addresses are written out.
 * Undefined for any other URL: a path, a query or credentials would become a part of what is called.
 */
export function originHost(url: string): string | undefined {
  const parsed = URL.parse(url);
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) return undefined;
  const isOrigin = parsed.href === `${parsed.origin}/` && !/[?#]/.test(url);
  return isOrigin ? parsed.hostname : undefined;
}
