import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { ArtifactUpload } from '../../../../src/gateway/pools/attempt-files.ts';
import type { StoredFile } from '../../../../src/gateway/files/file-store.ts';
import type { FileContent } from '../../adapters/files/r2-file-writes.ts';

// How files of attempts are sent and answered, whichever URL they have.

/** An upload, as the headers and the body of a request have it. */
export const uploadOf = (request: Request, sha256: string | undefined): ArtifactUpload<FileContent> => ({
  bytes: Number(request.headers.get('content-length') ?? Number.NaN),
  sha256,
  content: request.body ?? new Blob(),
});

/** A stored file as an answer, with what it hashes to, where that is known (RFC 9530). */
export const downloadOf = (outcome: Outcome<{ readonly file: StoredFile; readonly content: FileContent }>) =>
  outcome.ok ? ({ ok: true, reply: outcome.value.content, headers: digestHeaders(outcome.value.file), used: {} } as const) : outcome;

export const accepted = (outcome: Outcome<null>) => (outcome.ok ? ({ ok: true, reply: { accepted: true }, used: {} } as const) : outcome);

export const digestHeaders = ({ sha256 }: Pick<StoredFile, 'sha256'>): Record<string, string> =>
  sha256 === undefined ? {} : { 'repr-digest': `sha-256=:${base64OfHex(sha256)}:` };

const base64OfHex = (hex: string): string => btoa(hex.replaceAll(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16))));
