/** SHA-256 of a text's UTF-8 or of bytes, as 64 lower-case hex digits. Synchronous: a batch takes thousands of them. */
export type Sha256 = (data: string | Uint8Array) => string;
