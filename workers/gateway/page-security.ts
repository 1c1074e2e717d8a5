/** What pages may do: nothing but what they are made of, and in no frame. */
const LOCKED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** An invoice: text and its own inline style. */
const DOCUMENT_POLICY = `${LOCKED}; style-src 'unsafe-inline'; sandbox allow-modals`;

/** The API's page: scripts, styles and the API itself, all of this origin; small pictures are inlined by the style sheet. */
const DOCS_POLICY = `${LOCKED}; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'`;

/** Headers of every answer: no browser guesses its type, and a page neither runs what is not ours nor is shown inside another. */
export function addPageSecurity(headers: Headers, route: string): void {
  headers.set('x-content-type-options', 'nosniff');
  if (!(headers.get('content-type') ?? '').toLowerCase().startsWith('text/html')) return;
  headers.set('content-security-policy', route === 'asset' ? DOCS_POLICY : DOCUMENT_POLICY);
  headers.set('x-frame-options', 'DENY');
  headers.set('referrer-policy', 'no-referrer');
  headers.set('cross-origin-opener-policy', 'same-origin');
}
