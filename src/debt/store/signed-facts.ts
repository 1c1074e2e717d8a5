import { fromBase64, joinedBytes, sha256Hex, utf8 } from '../../kernel/bytes.ts';

/** The type of what is signed. */
export const FACTS_TYPE = 'application/vnd.sluice.debt-facts+json';

/** A DSSE envelope (github.com/secure-systems-lab/dsse), as in-toto and Sigstore sign attestations. */
export interface SignedFacts {
  readonly payloadType: string;
  /** Base64 of the text that is signed. */
  readonly payload: string;
  readonly signatures: readonly { readonly keyid?: string | undefined; readonly sig: string }[];
}

/** Of a public key, 32 bytes. Undefined: it is none. */
export function publicKeyBytes(publicKey: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = fromBase64(publicKey);
  return bytes?.byteLength === 32 ? bytes : undefined;
}

/** What a signature is of: the type and the payload with their lengths, so that no part can be taken for another. */
export const preAuthentication = (payloadType: string, payload: Uint8Array): Uint8Array =>
  joinedBytes([utf8(`DSSEv1 ${utf8(payloadType).length} ${payloadType} ${payload.length} `), payload]);

const SIGNATURE_BYTES = 64;

/** The digest of a payload that one of the signatures holds for; undefined: none does. [D91] */
export async function verifiedDigest({ payloadType, payload, signatures }: SignedFacts, publicKey: string): Promise<string | undefined> {
  const [bytes, keyBytes] = [fromBase64(payload), publicKeyBytes(publicKey)];
  if (bytes === undefined || keyBytes === undefined || payloadType !== FACTS_TYPE) return undefined;
  const key = await crypto.subtle.importKey('raw', keyBytes, 'Ed25519', false, ['verify']);
  const signed = preAuthentication(payloadType, bytes);
  for (const { sig } of signatures) {
    const signature = fromBase64(sig);
    // workerd throws at any other length.
    if (signature?.byteLength === SIGNATURE_BYTES && (await crypto.subtle.verify('Ed25519', key, signature, signed)))
      return sha256Hex(bytes);
  }
  return undefined;
}
